package cli

import (
	"errors"
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

// somebody is an actor as an argument of a question: the caller himself, or
// kind:id, where a group may also be called by its name.
type somebody struct{ actor }

// me is the argument that stands for the caller.
const me = "me"

// UnmarshalText reads an argument.
func (a *somebody) UnmarshalText(text []byte) error {
	if string(text) == me {
		*a = somebody{}
		return nil
	}
	if err := a.actor.UnmarshalText(text); err != nil {
		return fmt.Errorf("%w, and not %s", err, me)
	}
	return nil
}

// who is the actor as the API takes it. A group that is called by its name is
// looked up.
func (s *session) who(a somebody) (any, error) {
	if a.kind != "group" || looksLikeID(a.id) {
		return a.input(), nil
	}
	var out struct {
		ManagedUserGroups []struct{ ID, GroupName string }
	}
	err := s.query(`{ managedUserGroups { id groupName } }`, nil, &out)
	var denied *Denied
	if errors.As(err, &denied) {
		// This is no answer to what was asked.
		return nil, fmt.Errorf("you may not look up the group %s by its name, only ask about its id: %s", a.id, denied.Message)
	}
	for _, g := range out.ManagedUserGroups {
		if g.GroupName == a.id {
			return reference(a.kind, g.ID), nil
		}
	}
	if err == nil {
		err = fmt.Errorf("there is no group %s", a.id)
	}
	return nil, err
}

// looksLikeID recognises a ULID.
func looksLikeID(s string) bool {
	return len(s) == 26 && strings.Trim(s, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == ""
}

// place is what a question is about as an argument: kind:id, or the id of a
// space alone.
type place struct{ kind, id string }

// UnmarshalText reads an argument.
func (p *place) UnmarshalText(text []byte) (err error) {
	if s := string(text); s != "" && !strings.Contains(s, ":") {
		p.kind, p.id = "space", s
		return nil
	}
	p.kind, p.id, err = kindAndID(string(text), "space", "stack", "run", "context", "policy", "worker_pool", "repo")
	return err
}

func (p *place) input() any { return reference(p.kind, p.id) }

// actionEnum is an action as the API writes it: run:trigger is RUN_TRIGGER.
func actionEnum(name string) string {
	return strings.ToUpper(strings.NewReplacer(":", "_", "-", "_").Replace(name))
}

// aboutAction says of the refusal of an action's name what it means.
func aboutAction(name string, err error) error {
	var refused *refusal
	if errors.As(err, &refused) && strings.HasSuffix(refused.field, "input.action") {
		return fmt.Errorf("%q is no action that the server knows; docs/actions.md lists them", name)
	}
	return err
}
