package domain

import (
	"encoding/json"
	"time"
)

// MaxState is the largest state that is accepted, in bytes.
const MaxState = 100 << 20

// StateVersion describes one stored version of a stack's state.
type StateVersion struct {
	ID        StateVersionID
	StackID   StackID
	RunID     RunID // the run that wrote it
	Serial    int64
	Lineage   string
	Size      int
	Checksum  string // lower-case hex SHA-256 of the plain state
	CreatedAt time.Time
}

// StateLock is OpenTofu's own lock description, kept as it came.
type StateLock struct {
	ID   string
	Info string // JSON of the holder
	Run  RunID
	At   time.Time
}

// StateHead is what the control plane reads of a state file.
type StateHead struct {
	Version int    `json:"version"`
	Serial  int64  `json:"serial"`
	Lineage string `json:"lineage"`
}

// ReadStateHead checks that body is a state of the format OpenTofu writes.
func ReadStateHead(body []byte) (StateHead, error) {
	var h StateHead
	if len(body) > MaxState {
		return h, Invalid("state", "must not be larger than %d bytes", MaxState)
	}
	if err := json.Unmarshal(body, &h); err != nil {
		return h, Invalid("state", "is not valid JSON")
	}
	if h.Version != 4 {
		return h, Invalid("state", "has format version %d, only version 4 is accepted", h.Version)
	}
	if h.Lineage == "" || h.Serial < 0 {
		return h, Invalid("state", "has no lineage or a negative serial")
	}
	return h, CheckName("state", h.Lineage)
}

// CheckSuccessor decides whether next may follow current. same is true for a
// repeated upload of the very same state, which is accepted and changes nothing.
func (current StateVersion) CheckSuccessor(next StateHead, checksum string) (same bool, err error) {
	switch {
	case next.Lineage != current.Lineage:
		return false, Conflict("the state has lineage %s, the current one has %s", clip(next.Lineage), current.Lineage)
	case next.Serial == current.Serial && checksum == current.Checksum:
		return true, nil
	case next.Serial <= current.Serial:
		return false, Conflict("the state has serial %d, the current one has %d already", next.Serial, current.Serial)
	default:
		return false, nil
	}
}
