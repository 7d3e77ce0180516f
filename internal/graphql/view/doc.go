// Package view holds the objects of the API as resolvers hand them on: a
// domain value and the few facts that were decided about it, with methods
// that give single fields their form on the wire. It must not fetch, decide or
// know a request; whatever costs something is a resolver of package graphql.
package view

import "time"

// Optional is how an empty text is sent where the API has a null.
func Optional[S ~string](s S) *string {
	if s == "" {
		return nil
	}
	v := string(s)
	return &v
}

// Seconds is a time on the wire: Unix seconds.
func Seconds(t time.Time) int {
	if t.IsZero() {
		return 0
	}
	return int(t.Unix())
}

// OptionalSeconds is a time on the wire that may be missing.
func OptionalSeconds(t time.Time) *int {
	if t.IsZero() {
		return nil
	}
	s := Seconds(t)
	return &s
}
