package domain

import (
	"time"

	"github.com/airlock-project/airlock/authz"
)

// Binding gives one actor one role, effective in a space and everything below
// it (access model A11, A27).
type Binding struct {
	ID        BindingID
	Actor     authz.ActorRef
	Role      RoleID
	Space     SpaceID
	NotAfter  time.Time // zero: for good
	CreatedAt time.Time
	CreatedBy string // the audit name of who made it
	// AccessRule marks a binding of a user or a group that was made through the
	// older list of access rules: only such a list shows and replaces it.
	AccessRule bool
}
