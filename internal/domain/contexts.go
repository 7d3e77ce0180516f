package domain

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Context is a reusable set of configuration, attached to stacks of its own
// space and of those that inherit from it.
type Context struct {
	ID          ContextID
	Name        string
	Description string
	Labels      []string
	Space       SpaceID
	Hooks       Hooks
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// ContextAttachment puts a context on a stack; the lower priority number wins
// where two contexts set the same thing, and all that are attached by hand win
// over those that a label attached.
type ContextAttachment struct {
	ID       ContextAttachmentID
	Context  ContextID
	Stack    StackID
	Priority int
	Auto     bool // a label made it, and nobody by hand (access model A121)
}

// Check validates the fields that a caller may set.
func (c Context) Check() error {
	if err := CheckName("name", c.Name); err != nil {
		return err
	}
	if err := CheckText("description", c.Description); err != nil {
		return err
	}
	for _, list := range c.Hooks.All() {
		if len(list) > MaxList {
			return Invalid("hooks", "must not have more than %d entries", MaxList)
		}
		for _, h := range list {
			if err := CheckText("hooks", h); err != nil {
				return err
			}
		}
	}
	return CheckLabels("labels", c.Labels)
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// reservedPrefixes and reservedNames are variables that the control plane or
// the worker sets, or that load foreign code into every process of a run;
// nobody may set them (security cases E2, 31).
var (
	reservedPrefixes = []string{"SPACELIFT_", "AIRLOCK_", "LD_", "TF_HTTP_"}
	reservedNames    = []string{
		"HOME", "TMPDIR", "TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG", "TF_DATA_DIR", "TF_IN_AUTOMATION", "TF_INPUT",
		"CHECKPOINT_DISABLE", "TF_PLUGIN_CACHE_DIR", "TF_REATTACH_PROVIDERS", "BASH_ENV", "PLUGIN_UNIX_SOCKET_DIR",
	}
)

// ReservedVariable reports whether nobody but the control plane and the worker
// may set an environment variable.
func ReservedVariable(name string) bool {
	for _, p := range reservedPrefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return slices.Contains(reservedNames, name)
}

// NewConfig checks a variable or mounted file and computes its checksum: of
// the value as it travels, which for a mounted file is its base64 text, because
// clients compare it with the checksum of what they sent.
func NewConfig(c Config, now time.Time) (Config, error) {
	if err := checkConfigID(c); err != nil {
		return Config{}, err
	}
	if len(c.Value) > MaxConfigValue {
		return Config{}, Invalid("value", "must not be longer than %d bytes", MaxConfigValue)
	}
	if c.Type == ConfigEnvironmentVariable && strings.ContainsRune(c.Value, 0) {
		return Config{}, Invalid("value", "must not contain NUL characters")
	}
	if err := CheckText("description", c.Description); err != nil {
		return Config{}, err
	}
	travels := c.Value
	if c.Type == ConfigFileMount {
		travels = base64.StdEncoding.EncodeToString([]byte(c.Value))
	}
	sum := sha256.Sum256([]byte(travels))
	c.Checksum = hex.EncodeToString(sum[:])
	c.CreatedAt = now
	return c, nil
}

// checkVariable checks the name of a variable that somebody sets.
func checkVariable(field, name string) error {
	if !variableName.MatchString(name) {
		return Invalid(field, "%q is not the name of an environment variable", clip(name))
	}
	if ReservedVariable(name) {
		return Invalid(field, "%s is set by the control plane or the worker, and by nobody else", clip(name))
	}
	return nil
}

func checkConfigID(c Config) error {
	if err := CheckName("id", c.ID); err != nil {
		return err
	}
	switch c.Type {
	case ConfigEnvironmentVariable:
		plain, _, _ := StageOf(c.ID)
		return checkVariable("id", plain)
	case ConfigFileMount:
		if c.ID == "." || strings.HasPrefix(c.ID, "/") || path.Clean(c.ID) != c.ID || strings.HasPrefix(c.ID, "..") || strings.Contains(c.ID, `\`) {
			return Invalid("id", "%q is not a clean relative path", clip(c.ID))
		}
	default:
		return Invalid("type", "unknown config type %q", clip(string(c.Type)))
	}
	return nil
}
