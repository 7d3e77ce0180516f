package domain

// ActAsMode says what happens when somebody who lacks a role uses it through a
// stack that holds it (security rule G2).
type ActAsMode string

// The modes. What the roles themselves allow is the same in all three.
const (
	ActAsWarn    ActAsMode = "WARN"    // allowed, recorded and flagged
	ActAsEnforce ActAsMode = "ENFORCE" // refused, naming the missing role and space
	ActAsOff     ActAsMode = "OFF"     // allowed and recorded
)

// AccountSettings are the switches of the whole account.
type AccountSettings struct {
	// DelegateSpaceManagement lets space admins create, move and delete spaces
	// below those they administer (access model A103).
	DelegateSpaceManagement bool
	StackActAs              ActAsMode
	SecurityEmail           string // whom to tell of what endangers the account; empty for nobody
	// Images of containers for stacks that name none: on workers of the account's
	// own pools, and on those of the built-in one. Empty: the worker's own choice.
	PrivateRunnerImage, PublicRunnerImage string
}

// Check validates the settings.
func (s AccountSettings) Check() error {
	if s.SecurityEmail != "" {
		if err := checkEmail("securityEmail", s.SecurityEmail); err != nil {
			return err
		}
	}
	for field, image := range map[string]string{"privateWorkerPoolRunnerImage": s.PrivateRunnerImage, "publicWorkerPoolRunnerImage": s.PublicRunnerImage} {
		if err := CheckImage(field, image); err != nil {
			return err
		}
	}
	switch s.StackActAs {
	case ActAsWarn, ActAsEnforce, ActAsOff:
		return nil
	default:
		return Invalid("stackActAs", "must be WARN, ENFORCE or OFF, not %q", clip(string(s.StackActAs)))
	}
}
