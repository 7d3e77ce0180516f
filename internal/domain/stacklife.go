package domain

import (
	"strings"
	"time"

	"github.com/airlock-project/airlock/authz"
)

// StackLife is what happens to a stack beside its settings and its runs.
type StackLife struct {
	Disabled bool       // it starts nothing
	Lock     *StackLock // nil: anybody may use it
	// Destroyer is the run that destroys what the stack has made, after which
	// the stack is deleted; empty: it is not being deleted.
	Destroyer RunID
	Tracked   *TrackedCommit // what runs use instead of the head of the branch
	Head      *Commit        // of the tracked branch when it was last seen
	Drift     *DriftCheck    // nil: drift was never looked for
}

// StackLock says who has a stack for his own use (access model A61-A63).
type StackLock struct {
	ID    string // of this lock, so that a later one is not released for it
	Owner authz.ActorRef
	By    string // the owner's audit name
	Note  string
	At    time.Time
}

// needsReconcile begins the note of a lock that the control plane sets.
const needsReconcile = "needs_reconcile: run "

// ReconcileLock is the lock of a stack whose state may not say what a run has
// made; what says how that came. Nobody owns it: only stack:unlock-force
// releases it.
func ReconcileLock(id, by string, run RunID, what string, at time.Time) *StackLock {
	return &StackLock{ID: id, Owner: authz.ActorRef{Kind: authz.ActorStack}, By: by, Note: needsReconcile + string(run) + " " + what, At: at}
}

// Reconciles reports whether a lock is a ReconcileLock for a run.
func (l StackLock) Reconciles(run RunID) bool {
	return l.Owner == authz.ActorRef{Kind: authz.ActorStack} && strings.HasPrefix(l.Note, needsReconcile+string(run)+" ")
}

// TrackedCommit is the commit that somebody chose for the runs of a stack.
type TrackedCommit struct {
	Commit Commit
	By     string // audit name
}

// MayStart refuses what starts a run of the stack, or lets one go on, for an
// actor: only the owner of a lock may (A63), and nobody where the stack is
// disabled or being deleted. The zero actor is the control plane itself, whose
// runs wait for the lock instead.
func (s Stack) MayStart(who authz.ActorRef) *Error {
	switch {
	case s.Destroyer != "":
		return Conflict("stack %s is being deleted: run %s destroys what it has made", s.ID, s.Destroyer)
	case s.Disabled:
		return Conflict("stack %s is disabled: nothing starts until it is enabled", s.ID)
	case who != authz.ActorRef{}:
		return s.MayUse(who)
	default:
		return nil
	}
}

// MayUse refuses what only the owner of the stack's lock may do.
func (s Stack) MayUse(who authz.ActorRef) *Error {
	if s.Lock == nil || s.Lock.Owner == who {
		return nil
	}
	because := ""
	if s.Lock.Note != "" {
		because = ": " + s.Lock.Note
	}
	return Conflict("stack %s is locked by %s%s", s.ID, s.Lock.By, because)
}

// Begins reports whether a queued run of the stack may begin now. While
// somebody has the stack for himself, the runs of others that could change its
// state wait.
func (s Stack) Begins(r Run) bool {
	return !s.Disabled && (s.Lock == nil || s.Lock.By == r.TriggeredBy || !r.Type.Blocking())
}

// Deploys reports whether the stack applies plans without a decision: never
// while it is locked (A63) or disabled.
func (s Stack) Deploys() bool { return s.Autodeploy && s.Lock == nil && !s.Disabled }
