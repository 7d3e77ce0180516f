package access

import "github.com/airlock-project/airlock/authz"

// Ref names an object by what somebody wrote down: a kind and an id that may
// not exist.
type Ref struct {
	Kind Kind
	ID   string
}

// Home is an object that exists, with what decisions about it are about.
type Home struct {
	ID string
	authz.Target
}
