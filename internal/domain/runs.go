package domain

import "time"

// RunState is a state of a run; the wire spelling is the constant's value.
type RunState string

// The states of the contract. RunNone is a stack's state before its first run.
const (
	RunNone            RunState = "NONE"
	RunQueued          RunState = "QUEUED"
	RunReady           RunState = "READY"
	RunPreparing       RunState = "PREPARING"
	RunPreparingApply  RunState = "PREPARING_APPLY"
	RunPreparingReplan RunState = "PREPARING_REPLAN"
	RunInitializing    RunState = "INITIALIZING"
	RunPlanning        RunState = "PLANNING"
	RunUnconfirmed     RunState = "UNCONFIRMED"
	RunPendingReview   RunState = "PENDING_REVIEW"
	RunConfirmed       RunState = "CONFIRMED"
	RunReplanRequested RunState = "REPLAN_REQUESTED"
	RunApplying        RunState = "APPLYING"
	RunPerforming      RunState = "PERFORMING"
	RunDestroying      RunState = "DESTROYING"
	RunFinished        RunState = "FINISHED"
	RunFailed          RunState = "FAILED"
	RunStopped         RunState = "STOPPED"
	RunCanceled        RunState = "CANCELED"
	RunDiscarded       RunState = "DISCARDED"
	RunSkipped         RunState = "SKIPPED"
)

// RunType is the kind of job a run does.
type RunType string

// The run types of the contract.
const (
	RunTracked  RunType = "TRACKED"
	RunProposed RunType = "PROPOSED"
	RunTask     RunType = "TASK"
	RunTesting  RunType = "TESTING"
	RunDestroy  RunType = "DESTROY"
)

// Blocking reports whether runs of this type change state and therefore hold
// their stack: one at a time (access model A64).
func (t RunType) Blocking() bool { return t == RunTracked || t == RunTask || t == RunDestroy }

// runTransitions is the whole state machine of a tracked run; docs/runs.md
// draws the same table and a foreign key of the history is the second net. Terminal
// states have no way out.
var runTransitions = map[RunState][]RunState{
	RunNone:           {RunQueued},
	RunQueued:         {RunReady, RunCanceled, RunDiscarded, RunFailed},
	RunReady:          {RunPreparing, RunQueued, RunCanceled, RunDiscarded, RunFailed},
	RunPreparing:      {RunInitializing, RunFailed, RunStopped},
	RunInitializing:   {RunPlanning, RunFailed, RunStopped},
	RunPlanning:       {RunUnconfirmed, RunConfirmed, RunFinished, RunFailed, RunStopped},
	RunUnconfirmed:    {RunConfirmed, RunDiscarded},
	RunConfirmed:      {RunPreparingApply, RunApplying, RunFailed},
	RunPreparingApply: {RunApplying, RunFailed},
	RunApplying:       {RunFinished, RunFailed},
	RunFinished:       nil,
	RunFailed:         nil,
	RunStopped:        nil,
	RunCanceled:       nil,
	RunDiscarded:      nil,
}

// CanBecome reports whether the state machine has the edge s -> next.
func (s RunState) CanBecome(next RunState) bool {
	for _, t := range runTransitions[s] {
		if t == next {
			return true
		}
	}
	return false
}

// Terminal reports whether a run ends in this state.
func (s RunState) Terminal() bool {
	switch s {
	case RunFinished, RunFailed, RunStopped, RunCanceled, RunDiscarded, RunSkipped:
		return true
	default:
		return false
	}
}

// Speaks reports whether a run's token is accepted by the API in this state
// (access model A150).
func (s RunState) Speaks() bool {
	return s == RunPlanning || s.Writes()
}

// Active reports whether a worker executes code of the run in this state; the
// state backend answers it then, because an init reads the state, too.
func (s RunState) Active() bool {
	switch s {
	case RunPreparing, RunInitializing, RunPlanning, RunPreparingApply, RunApplying, RunPerforming, RunDestroying:
		return true
	default:
		return false
	}
}

// Writes reports whether a run's token may change anything in this state: a
// plan only reads (access model R25).
func (s RunState) Writes() bool {
	return s == RunApplying || s == RunPerforming || s == RunDestroying
}

// Delta counts what a plan would do, or an apply has done.
type Delta struct {
	Added, Changed, Deleted int
	Resources               int // resources in the state after the plan
}

// ResourceChange is one resource's planned change, without any values.
type ResourceChange struct {
	Address string
	Action  string // create, update, delete, replace, read, import, forget
}

// Commit is a git commit as far as a run shows it.
type Commit struct {
	Hash        string
	AuthorName  string
	AuthorLogin string
	Message     string
	Timestamp   time.Time
	URL         string
}

// Run is one job of a stack.
type Run struct {
	ID          RunID
	StackID     StackID
	Type        RunType
	State       RunState
	StateSerial int // number of transitions so far; the wire's stateVersion
	Commit      Commit
	Branch      string
	Title       string
	Metadata    string // user-provided, stored as it came
	TriggeredBy string // the actor's audit name
	CreatedAt   time.Time
	UpdatedAt   time.Time
	Delta       *Delta // nil until planned
	Note        string // why it ended, for a run that failed
	Autodeploy  bool   // decided when the run was created
	// ActedAs names the roles of the stack that whoever confirmed the run
	// lacks; nil for none.
	ActedAs *ActedAs

	// Epoch counts the leases given on this run. Every write of a worker
	// carries the epoch of its lease; an older one is refused.
	Epoch      int
	Worker     string    // holder of the lease, empty for none
	LeaseUntil time.Time // zero: no lease
}

// Advance moves the run along one edge of the state machine.
func (r *Run) Advance(next RunState, at time.Time, note string) error {
	if !r.State.CanBecome(next) {
		return Conflict("run %s is %s and cannot become %s", r.ID, r.State, next)
	}
	r.State, r.UpdatedAt, r.Note = next, at, note
	r.StateSerial++
	return nil
}

// LogChunk is a piece of a run's log, already masked.
type LogChunk struct {
	RunID       RunID
	Epoch, Seq  int
	State       RunState
	StateSerial int
	Body        string
}

// LogPosition is a place in a run's log: after chunk Seq of lease Epoch.
type LogPosition struct{ Epoch, Seq int }

// RunTransition is one row of a run's history.
type RunTransition struct {
	RunID    RunID
	Serial   int
	State    RunState
	At       time.Time
	Username string // the actor's audit name, empty for the control plane
	Note     string
	HasLogs  bool
}
