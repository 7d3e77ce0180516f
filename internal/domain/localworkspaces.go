package domain

import (
	"errors"
	"time"
)

// MaxLocalWorkspace bounds an uploaded directory, packed, in bytes.
const MaxLocalWorkspace = 64 << 20

// How long an address for an upload can be used, and how long an upload is
// kept for its run and for retries of it.
const (
	UploadTime         = 15 * time.Minute
	LocalWorkspaceTime = 24 * time.Hour
)

// MaxUnusedWorkspaces is how many uploads that no run has used yet one caller may
// have, asked for or arrived.
const MaxUnusedWorkspaces = 20

// LocalWorkspace is a directory that somebody uploads to preview it on a stack.
type LocalWorkspace struct {
	ID        LocalWorkspaceID
	Stack     StackID
	Owner     string // the audit name of who asked for it; nobody else may use it
	TokenHash []byte // of the address that it is sent to
	CreatedAt time.Time
	ExpiresAt time.Time // of the address, later of the upload
	Size      int64     // in bytes, packed; 0 until it was uploaded
	Run       RunID     // the newest run of it; empty for none
}

// Expired reports whether it can no longer be uploaded or used.
func (w LocalWorkspace) Expired(now time.Time) bool { return !now.Before(w.ExpiresAt) }

// RunSettings are what a caller sets for one run only. Values can be secrets:
// they are kept sealed and never shown.
type RunSettings struct {
	Env    []EnvOverride  `json:"env,omitempty"`
	Config *RuntimeConfig `json:"config,omitempty"`
}

// EnvOverride is a variable for one run, instead of the stack's own.
type EnvOverride struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Check refuses variables that nobody may set, or that no process can have.
func (s RunSettings) Check() error {
	if len(s.Env) > MaxList {
		return Invalid("environmentVarsOverrides", "must not have more than %d entries", MaxList)
	}
	for _, e := range s.Env {
		_, err := NewConfig(Config{ID: e.Name, Type: ConfigEnvironmentVariable, Value: e.Value}, time.Time{})
		if wrong := (*Error)(nil); errors.As(err, &wrong) {
			return Invalid("environmentVarsOverrides", "%s: %s", clip(e.Name), wrong.Message)
		}
	}
	return nil
}
