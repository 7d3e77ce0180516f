package domain

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// CommitState is what a git host shows of a commit. The values are those of the
// API; hosts spell them in lower case.
type CommitState string

// The states of a commit.
const (
	CommitPending CommitState = "PENDING"
	CommitSuccess CommitState = "SUCCESS"
	CommitFailure CommitState = "FAILURE"
	CommitError   CommitState = "ERROR"
)

// CommitStatus is what a run has to say about its commit to the git host that
// has it. It is written with the transition of the run that causes it, and sent
// until the host has taken it or it is too late.
type CommitStatus struct {
	Run         RunID
	Serial      int // of the transition
	Stack       StackID
	Commit      string // full hash
	State       CommitState
	Description string
	CreatedAt   time.Time

	Attempts   int
	NextAt     time.Time // of the next attempt; zero: there is none
	SentAt     time.Time // zero: the host has not taken it
	Error      string    // why the last attempt failed; nothing of what the host has said
	Credential GitCredentialID

	Repository string     // URL of the one it goes to; empty: the stack's present one
	Gone       *GoneStack // nil while the stack is there
}

// GoneStack is what has to be known of a stack that was deleted to tell its git
// host how it ended.
type GoneStack struct {
	Stack      StackID
	Space      SpaceID
	Repository string // its URL
}

// ID is the same in every attempt, so that a receiver can drop repeats.
func (s CommitStatus) ID() string { return fmt.Sprintf("%s-%d", s.Run, s.Serial) }

// Context is under which name a git host shows what a stack says: the newest
// status of a name counts.
func (s CommitStatus) Context() string { return "airlock/" + string(s.Stack) }

// CommitStatusTime is how long it is tried to send a status.
const CommitStatusTime = 24 * time.Hour

// CommitStatusKept is how long it can be seen what became of a status.
const CommitStatusKept = 30 * 24 * time.Hour

// Backoff is when a status is tried again that has failed for the n-th time.
func (s CommitStatus) Backoff() time.Duration {
	return min(5*time.Second<<min(max(s.Attempts-1, 0), 10), 30*time.Minute)
}

// Reports says whether runs of a kind speak for their commit, if they do what it
// says and nothing else: drift detection and tasks are about something else.
func (r Run) Reports() bool {
	return (r.Type == RunTracked || r.Type == RunProposed) && !r.Drift && r.Request.Workspace == ""
}

// CommitStatus returns what a run that has just left the state from says about
// its commit; false for nothing.
func (r Run) CommitStatus(from RunState) (s CommitStatus, ok bool) {
	if !r.Request.Reports || len(r.Commit.Hash) < 40 {
		return s, false
	}
	s = CommitStatus{Run: r.ID, Serial: r.StateSerial, Stack: r.StackID, Commit: r.Commit.Hash, CreatedAt: r.UpdatedAt, NextAt: r.UpdatedAt}
	s.State, s.Description = r.saysOfCommit(from)
	return s, s.State != ""
}

func (r Run) saysOfCommit(from RunState) (CommitState, string) {
	switch r.State {
	case RunQueued:
		if from == RunNone {
			return CommitPending, "Queued"
		}
	case RunInitializing:
		return CommitPending, "Planning"
	case RunPendingReview, RunUnconfirmed:
		return CommitPending, "Waits for a decision" + r.Delta.told()
	case RunApplying:
		return CommitPending, "Applying" + r.Delta.told()
	case RunFinished:
		if r.Type == RunProposed {
			return CommitSuccess, "Planned" + r.Delta.told()
		}
		return CommitSuccess, "Finished" + r.Delta.told()
	case RunFailed:
		return CommitFailure, "Failed while " + strings.ToLower(strings.ReplaceAll(string(from), "_", " "))
	case RunStopped, RunCanceled, RunDiscarded:
		return CommitError, string(r.State[:1]) + strings.ToLower(string(r.State[1:]))
	case RunSkipped: // nothing was said before, and nothing has come of the commit yet
	default:
	}
	return "", ""
}

func (d *Delta) told() string {
	if d == nil {
		return ""
	}
	return fmt.Sprintf(": %d to add, %d to change, %d to delete", d.Added, d.Changed, d.Deleted)
}

// StatusURL is where a git host takes the statuses of a commit, by GitHub's API:
// at its own address, or below /api/v3 of an enterprise's. False where the
// repository is not OWNER/NAME.
func (c GitCredential) StatusURL(repository, commit string) (string, bool) {
	at, ok := placeOf(c.Prefix)
	p, ok2 := placeOf(repository)
	if !ok || !ok2 || len(p.parts) != 2 {
		return "", false
	}
	base := "https://" + at.host
	if strings.Contains(at.host, ":") {
		base = "https://[" + at.host + "]"
	}
	if at.port != "443" {
		base += ":" + at.port
	}
	base += "/api/v3"
	if at.host == "github.com" {
		base = "https://api.github.com"
	}
	return base + "/repos/" + url.PathEscape(p.parts[0]) + "/" + url.PathEscape(p.parts[1]) + "/statuses/" + url.PathEscape(commit), true
}

// Sent is what became of an attempt to send a status.
type Sent struct {
	Error string        // empty: the host has taken it
	Final bool          // it would fail again
	Down  bool          // the host did not answer at all
	After time.Duration // the host asks to be left alone for as long
}
