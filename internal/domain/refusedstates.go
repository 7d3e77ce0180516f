package domain

import "time"

// What is kept of refused states.
const (
	// MaxRefusedState is the largest one that is kept, in bytes: more than
	// MaxState, so that what is only a little too large is not lost.
	MaxRefusedState = MaxState + MaxState/4
	// MaxRefusedStates is how many of one run are kept; the oldest of that run
	// makes room, because the last one says most of what the run has made.
	MaxRefusedStates = 10
)

// RefusedState is a state that a run wanted to store and that could not become
// the current one. It is kept all the same: maybe nothing else says what the
// run has made (security case 164, F13).
type RefusedState struct {
	ID      RefusedStateID
	StackID StackID
	RunID   RunID
	// SentBy is the audit name of who sent it: the run, or the pool of the worker
	// that handed it over later.
	SentBy string
	Reason string // why it was refused
	// Head is what it says of itself; nil where it cannot be read.
	Head       *StateHead
	Size       int
	Checksum   string         // lower-case hex SHA-256
	ImportedAs StateVersionID // what somebody has made of it, empty if nothing
	CreatedAt  time.Time
}

// Where says for notes of its run and stack where the state is.
func (r RefusedState) Where() string {
	return "a state of it was refused (" + r.Reason + ") and is kept as refused state " + string(r.ID)
}

// Kept is the refusal as it is told: with the place where the state is.
func (r RefusedState) Kept(why *Error) *Error {
	told := *why
	told.Message += "; nothing is lost: it is kept as refused state " + string(r.ID) + " of stack " + string(r.StackID)
	return &told
}
