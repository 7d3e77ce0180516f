package domain

import "time"

// ConfigType tells a variable from a mounted file.
type ConfigType string

// The config types of the contract.
const (
	ConfigEnvironmentVariable ConfigType = "ENVIRONMENT_VARIABLE"
	ConfigFileMount           ConfigType = "FILE_MOUNT"
)

// Config is an environment variable or a mounted file of a stack or context.
// Its id is the variable's name or the file's path, unique in its owner.
type Config struct {
	ID          string
	Type        ConfigType
	Value       string // plain text; file mounts are base64 on the wire, raw here
	WriteOnly   bool   // never shown again to anyone (access model A274)
	Description string
	FileMode    string // octal, empty for the default
	Checksum    string // lower-case hex SHA-256 of the value
	CreatedAt   time.Time
}

// Hooks are shell commands around the phases of a run, in order.
type Hooks struct {
	BeforeInit, AfterInit       []string `json:",omitzero"`
	BeforePlan, AfterPlan       []string `json:",omitzero"`
	BeforeApply, AfterApply     []string `json:",omitzero"`
	BeforePerform, AfterPerform []string `json:",omitzero"`
	BeforeDestroy, AfterDestroy []string `json:",omitzero"`
	AfterRun                    []string `json:",omitzero"`
}

// Output is a root output of a stack after an apply. Value is its JSON; the
// value of a sensitive output is shown to nobody, and kept, sealed, only where
// the stack says that it may be handed on to stacks that depend on it.
type Output struct {
	Name        string `json:"name"`
	Value       string `json:"value,omitempty"`
	Sensitive   bool   `json:"sensitive"`
	Description string `json:"description,omitempty"`
}

// Shown returns the element as anyone may see it: a write-only value never
// leaves again.
func (c Config) Shown() Config {
	if c.WriteOnly {
		c.Value = ""
	}
	return c
}
