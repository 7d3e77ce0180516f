package domain

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// StateVersion describes one stored version of a stack's state.
type StateVersion struct {
	ID        StateVersionID
	StackID   StackID
	RunID     RunID          // the run that wrote it, empty if none did
	Origin    StateOrigin    // what it came from, if no run wrote it
	Restores  StateVersionID // for a rollback: the version that came back
	CreatedBy string         // audit name of who imported it or rolled back to it
	Serial    int64
	Lineage   string
	Size      int
	Checksum  string // lower-case hex SHA-256 of the plain state
	CreatedAt time.Time
}

// StateOrigin says how a version came about that no run wrote.
type StateOrigin string

// The origins.
const (
	StateImported   StateOrigin = "IMPORT"
	StateRolledBack StateOrigin = "ROLLBACK"
)

// NewStateVersion describes a state that is about to be kept.
func NewStateVersion(id StateVersionID, stack StackID, f StateFile, at time.Time) StateVersion {
	return StateVersion{
		ID: id, StackID: stack, Serial: f.Serial, Lineage: f.Lineage, Size: len(f.Body), Checksum: Checksum(f.Body), CreatedAt: at,
	}
}

// Checksum is the lower-case hex SHA-256 of a body.
func Checksum(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// StateLock is OpenTofu's own lock description, kept as it came.
type StateLock struct {
	ID   string
	Info string // JSON of the holder
	Run  RunID
	At   time.Time
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
