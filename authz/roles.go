package authz

// Slugs of the roles that are built in (A42).
const (
	RoleSpaceReader          = "space-reader"
	RoleSpaceWriter          = "space-writer"
	RoleSpaceAdmin           = "space-admin"
	RoleWorkerPoolController = "worker-pool-controller"
)

// SystemRole is a role that every account has and nobody can edit (A42).
type SystemRole struct {
	Slug, Name, Description string
	Actions                 ActionSet
}

// SystemRoles returns the built-in roles (A43-A47). The result is the
// caller's.
func SystemRoles() []SystemRole {
	return []SystemRole{
		{RoleSpaceReader, "Space reader",
			"See everything in the space and comment on runs.",
			SetOf(ActionSpaceRead)},
		{RoleSpaceWriter, "Space writer",
			"Space reader, and trigger runs, run tasks and change the environment of stacks.",
			SetOf(ActionSpaceRead, ActionSpaceWrite)},
		{RoleSpaceAdmin, "Space admin",
			"Space writer, and create and change what is in the space, its settings and its role bindings.",
			adminActions()},
		{RoleWorkerPoolController, "Worker pool controller",
			"See the space, and create, update and delete its worker pools.",
			SetOf(ActionSpaceRead, ActionWorkerPoolCreate, ActionWorkerPoolUpdate, ActionWorkerPoolDelete)},
	}
}

// SystemRoleFor returns the slug of the built-in role that a legacy access
// level becomes (A48); "" for TierNone.
func SystemRoleFor(t Tier) string {
	switch t {
	case TierReader:
		return RoleSpaceReader
	case TierWriter:
		return RoleSpaceWriter
	case TierAdmin:
		return RoleSpaceAdmin
	default:
		return ""
	}
}

func adminActions() ActionSet {
	return SetOf(ActionSpaceRead, ActionSpaceWrite, ActionSpaceAdmin)
}

// Implied returns the set with the actions that its members imply by name:
// only stack:manage implies any (R4).
func Implied(set ActionSet) ActionSet {
	if !set.Has(ActionStackManage) {
		return set
	}
	return set.With(ActionStackCreate, ActionStackUpdate, ActionStackReslug,
		ActionStackAddConfig, ActionStackDeleteConfig)
}
