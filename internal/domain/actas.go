package domain

import (
	"fmt"
	"reflect"
	"strings"
)

// ActedAs says that somebody used roles which a stack holds and he does not
// (security rule G2).
type ActedAs struct {
	Mode ActAsMode  `json:"mode"` // of the account, at the time
	Lent []LentRole `json:"lent"`
}

// LentRole is a role of a stack that its changer lacks.
type LentRole struct {
	Stack   StackID   `json:"stack"`
	Role    string    `json:"role"`              // its slug
	Space   SpaceID   `json:"space"`             // where it is bound; of an entity, where that lives
	Entity  string    `json:"entity,omitempty"`  // kind/id, for a binding to one entity
	Binding BindingID `json:"binding,omitempty"` // empty for the administrative flag
}

// Flagged reports whether the use is shown to people, not only recorded.
func (a *ActedAs) Flagged() bool { return a != nil && len(a.Lent) > 0 && a.Mode == ActAsWarn }

// Refusal is the error of mode ENFORCE: it names every missing role and where.
func (a *ActedAs) Refusal(actor string) *Error {
	parts := make([]string, len(a.Lent))
	for i, l := range a.Lent {
		parts[i] = fmt.Sprintf("role %s in space %s, which stack %s holds", l.Role, l.Space, l.Stack)
		if l.Entity != "" {
			parts[i] = fmt.Sprintf("role %s on %s, which stack %s holds", l.Role, l.Entity, l.Stack)
		}
	}
	return &Error{
		Code: CodeForbidden,
		Message: fmt.Sprintf("forbidden: %s lacks %s; hold it, or stack:act-as there, to change what the stack's runs do",
			actor, strings.Join(parts, " and ")),
		Details: map[string]any{"reason": "ACT_AS_REQUIRED", "missing": a.Lent},
	}
}

// SameWork reports whether the runs of a stack do the same under other
// settings: only names, words and the place differ.
func (s StackSettings) SameWork(other StackSettings) bool {
	for _, v := range []*StackSettings{&s, &other} {
		v.Name, v.Description, v.Labels, v.Space, v.Administrative = "", "", nil, "", false
		v.ProtectFromDeletion = false
	}
	return reflect.DeepEqual(s, other)
}

// SameWork reports whether stacks that use a context do the same with another
// version of it, its variables and files left out.
func (c Context) SameWork(other Context) bool { return reflect.DeepEqual(c.Hooks, other.Hooks) }
