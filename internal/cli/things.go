package cli

import (
	"fmt"
	"slices"
	"strings"
)

// actor is an actor as an argument, kind:id.
type actor struct{ kind, id string }

// UnmarshalText reads an argument.
func (a *actor) UnmarshalText(text []byte) (err error) {
	a.kind, a.id, err = kindAndID(string(text), "user", "api_key", "group", "stack")
	return err
}

// input is the actor as the API takes it; nil where none was given.
func (a *actor) input() any { return reference(a.kind, a.id) }

// thing is an entity as an argument, kind:id.
type thing struct{ kind, id string }

// UnmarshalText reads an argument.
func (t *thing) UnmarshalText(text []byte) (err error) {
	t.kind, t.id, err = kindAndID(string(text), "stack", "context", "policy", "worker_pool")
	return err
}

// input is the entity as the API takes it; nil where none was given.
func (t *thing) input() any { return reference(t.kind, t.id) }

func kindAndID(text string, kinds ...string) (kind, id string, err error) {
	kind, id, found := strings.Cut(text, ":")
	if !found || id == "" || !slices.Contains(kinds, kind) {
		return "", "", fmt.Errorf("%q is none of %s", text, strings.Join(kinds, ":ID, ")+":ID")
	}
	return kind, id, nil
}

func reference(kind, id string) any {
	if kind == "" {
		return nil
	}
	return map[string]any{"kind": strings.ToUpper(kind), "id": id}
}

// named is an actor or an entity as the API shows it.
type named struct {
	Kind string  `json:"kind"`
	ID   string  `json:"id"`
	Name *string `json:"name,omitempty"`
}

// String is the form that arguments have, with the name where it says more.
func (n named) String() string {
	s := strings.ToLower(n.Kind) + ":" + n.ID
	if n.Name != nil && *n.Name != "" && !strings.HasSuffix(*n.Name, n.ID) {
		s += " (" + *n.Name + ")"
	}
	return s
}

// orNull is a text for the API, or null for one that was not given.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
