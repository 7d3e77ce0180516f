package domain

import (
	"time"

	"github.com/airlock-project/airlock/authz"
)

// The slugs of the system roles (access model A42-A47).
const (
	RoleSpaceReader    = "space-reader"
	RoleSpaceWriter    = "space-writer"
	RoleSpaceAdmin     = "space-admin"
	RoleWorkerPoolCtrl = "worker-pool-controller"
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

// SystemRoles returns the roles that every account starts with, without ids.
func SystemRoles() []Role {
	return []Role{
		{
			Slug: RoleSpaceReader, Name: "Space reader", System: true,
			Description: "See everything in the space and comment on runs.",
			Actions:     []authz.Action{authz.ActionSpaceRead},
		},
		{
			Slug: RoleSpaceWriter, Name: "Space writer", System: true,
			Description: "Space reader, and trigger runs, run tasks and change the environment of stacks.",
			Actions:     []authz.Action{authz.ActionSpaceRead, authz.ActionSpaceWrite},
		},
		{
			Slug: RoleSpaceAdmin, Name: "Space admin", System: true,
			Description: "Space writer, and manage stacks, contexts, policies, the space itself and its role bindings.",
			Actions:     []authz.Action{authz.ActionSpaceRead, authz.ActionSpaceWrite, authz.ActionSpaceAdmin},
		},
		{
			Slug: RoleWorkerPoolCtrl, Name: "Worker pool controller", System: true,
			Description: "Lets a controller create, change and delete worker pools.",
			Actions: []authz.Action{
				authz.ActionSpaceRead, authz.ActionWorkerPoolCreate,
				authz.ActionWorkerPoolUpdate, authz.ActionWorkerPoolDelete,
			},
		},
	}
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
			return nil, Invalid(field, "unknown action %q; the enum Action of the API lists the valid ones", clip(n))
		}
		set = set.With(a)
	}
	return set.List(), nil
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
