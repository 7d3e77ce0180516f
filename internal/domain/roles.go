package domain

import (
	"fmt"
	"strings"
	"time"

	"github.com/airlock-project/airlock/authz"
)

// The slugs of the system roles that the rules name (access model A42-A46).
const (
	RoleSpaceReader = authz.RoleSpaceReader
	RoleSpaceWriter = authz.RoleSpaceWriter
	RoleSpaceAdmin  = authz.RoleSpaceAdmin
)

// Role is a named, account-wide set of actions (access model A10, A13).
type Role struct {
	ID          RoleID
	Slug        string // made from the first name, never changes (A53)
	Name        string
	Description string
	System      bool // immutable (A42)
	Actions     []authz.Action
	CreatedAt   time.Time
}

// RoleReach is how far a role reaches: the bindings of it that count, the
// spaces in which they do, those below included, and the stacks there.
type RoleReach struct{ Bindings, Spaces, Stacks int }

// String says it in words.
func (r RoleReach) String() string {
	return fmt.Sprintf("%d role bindings, which count in %d spaces and for %d stacks", r.Bindings, r.Spaces, r.Stacks)
}

// SystemRoles returns the roles that every account starts with, without ids.
func SystemRoles() []Role {
	built := authz.SystemRoles()
	out := make([]Role, len(built))
	for i, r := range built {
		out[i] = Role{Slug: r.Slug, Name: r.Name, Description: r.Description, System: true, Actions: r.Actions.List()}
	}
	return out
}

// ParseActions turns API spellings into actions, each once, in catalogue
// order. An unknown one is refused by name (access model A51).
func ParseActions(field string, names []string) ([]authz.Action, error) {
	if len(names) == 0 {
		return nil, Invalid(field, "a role needs at least one action")
	}
	var set authz.ActionSet
	for _, n := range names {
		a, ok := authz.ParseAction(n)
		if !ok {
			return nil, Invalid(field, "unknown action %q; valid actions are: %s", clip(n), strings.Join(actionEnums(), ", "))
		}
		set = set.With(a)
	}
	return set.List(), nil
}

// actionEnums lists every action as the API spells it (access model A51).
func actionEnums() []string {
	all := authz.Actions()
	out := make([]string, len(all))
	for i, a := range all {
		out[i] = a.Enum
	}
	return out
}

// clip keeps a caller's own text short enough to stand in an error.
func clip(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}

// Check validates the fields that a caller may set.
func (r Role) Check() error {
	if err := CheckName("name", r.Name); err != nil {
		return err
	}
	for _, s := range SystemRoles() {
		if look := lookOf(r.Name); !r.System && (look == lookOf(s.Name) || look == lookOf(s.Slug)) {
			return Invalid("name", "looks like that of the system role %s", s.Slug)
		}
	}
	if len(r.Actions) == 0 {
		return Invalid("actions", "a role needs at least one action")
	}
	return CheckText("description", r.Description)
}

// BaselineWarning is the warning that a role without space:read earns, empty
// for any other role (access model R5).
func (r Role) BaselineWarning() string {
	for _, a := range r.Actions {
		if a == authz.ActionSpaceRead {
			return ""
		}
	}
	return "this role does not contain space:read: its holders see and list nothing, no legacy tier applies to them, " +
		"and each of its actions works only on an object whose id they already know"
}
