package domain

import "github.com/airlock-project/airlock/authz"

// AccessRule is the older way to give a user or a group access: a level in a
// space. It is kept as a binding of the system role of that level (access
// model A48).
type AccessRule struct {
	Space SpaceID
	Level AccessLevel
}

// AccessLevel is a coarse level of access to a space.
type AccessLevel string

// The levels of the contract.
const (
	AccessRead  AccessLevel = "READ"
	AccessWrite AccessLevel = "WRITE"
	AccessAdmin AccessLevel = "ADMIN"
)

var levelTiers = map[AccessLevel]authz.Tier{
	AccessRead: authz.TierReader, AccessWrite: authz.TierWriter, AccessAdmin: authz.TierAdmin,
}

// Role is the slug of the system role that the level stands for, empty for an
// unknown level.
func (l AccessLevel) Role() string { return authz.SystemRoleFor(levelTiers[l]) }

// CheckAccessRules validates a list of rules; the spaces are looked up later.
func CheckAccessRules(rules []AccessRule) error {
	if len(rules) > MaxList {
		return Invalid("accessRules", "must not have more than %d entries", MaxList)
	}
	for _, r := range rules {
		if r.Level.Role() == "" {
			return Invalid("accessRules", "unknown level %q; the levels are READ, WRITE and ADMIN", clip(string(r.Level)))
		}
	}
	return nil
}
