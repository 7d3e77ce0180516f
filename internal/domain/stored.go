package domain

import "time"

// Stored says where a body is kept, and has what it takes to read it.
type Stored struct {
	// Sealed is the sealed record, or the part of it that opens the rest where
	// that is an object.
	Sealed []byte
	// Object is the name in object storage; empty where the database has it all.
	Object string
	// Record is the identity that the record was sealed for.
	Record string
}

// LogPart holds neighbouring pieces of a run's log, of one lease and one step
// of the run.
type LogPart struct {
	RunID       RunID
	Epoch       int
	First, Last int // pieces of that lease
	StateSerial int
	State       RunState
	Stored      Stored // the pieces, compressed
}

// PackedLog is the log of a run that has ended, ready to be kept in parts.
type PackedLog struct {
	RunID  RunID
	Pieces int // that the parts hold
	Parts  []LogPart
}

// SealingKey is a key-encryption key that records of the database may need.
type SealingKey struct {
	ID     string
	Since  time.Time
	UsedAt time.Time // when a server last had it as its current one
}

// SealedRow is the head of a sealed record, where it is, and what it is.
type SealedRow struct {
	Key, Identity []string
	Head          []byte
}

// FoundLog is a page of a run's log as a transaction finds it: what is packed is
// not opened yet, because object storage may be slow.
type FoundLog struct {
	After LogPosition
	Limit int       // pieces
	Parts []LogPart // come first
	Loose []LogChunk
	More  bool // there may be more behind it
}
