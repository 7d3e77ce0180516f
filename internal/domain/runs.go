package domain

import "time"

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

// Shows reports whether a stack shows the state of its newest run of this type
// as its own: a task says nothing about what the stack has built.
func (t RunType) Shows() bool { return t == RunTracked || t == RunDestroy }

// Together returns the types whose runs are listed with those of this type: what
// destroys a stack's resources is among what applies, as it is no task and no
// proposal, and would be found nowhere else.
func (t RunType) Together() []RunType {
	if t.Shows() {
		return []RunType{RunTracked, RunDestroy}
	}
	return []RunType{t}
}

// Priorities of waiting runs: workers take the highest first. What somebody has
// set (RunRaised, RunLowered) comes before what the kind of the run says.
const (
	RunLowered          = -100
	RunPriorityDrift    = 0
	RunPriorityProposed = 10
	RunPriorityBlocking = 20
	RunRaised           = 100
)

// UsualPriority is how urgent a run is if nobody says otherwise.
func (r Run) UsualPriority() int {
	switch {
	case r.Type.Blocking():
		return RunPriorityBlocking
	case r.Drift:
		return RunPriorityDrift
	default:
		return RunPriorityProposed
	}
}

// RunRequest is what was asked of a run when it was created. It never changes.
type RunRequest struct {
	Command  string `json:",omitempty"` // of a task
	SkipInit bool   `json:",omitempty"` // of a task: nothing is initialised before the command
	Retries  RunID  `json:",omitempty"` // the run that this one does again
	Promotes RunID  `json:",omitempty"` // the proposed run whose commit this one deploys
	Pushed   bool   `json:",omitempty"` // a push started it
	Reports  bool   `json:",omitempty"` // the git host is told what it says of its commit
	// Workspace is the uploaded directory that is used instead of a commit.
	Workspace LocalWorkspaceID `json:",omitempty"`
	Force     string           `json:",omitempty"` // of a tracked run: SINGLE or CASCADE, to apply a plan without changes, too
	// Confirmed is what its user has put on the confirmation, as it came.
	Confirmed string `json:",omitempty"`
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
	LogsGone    bool   // they were forgotten, because they were too old
	TriggeredBy string // the actor's audit name
	CreatedAt   time.Time
	UpdatedAt   time.Time
	Delta       *Delta // nil until planned
	Note        string // why it ended, for a run that failed
	Autodeploy  bool   // decided when the run was created
	Request     RunRequest
	Priority    int
	Drift       bool     // started by drift detection, or because of what it found
	Targets     []string // resource addresses that the plan is limited to; empty: all
	// Stop is set when somebody has asked the worker to stop.
	Stop *StopRequest
	// ActedAs names the roles of the stack that whoever confirmed the run
	// lacks; nil for none.
	ActedAs *ActedAs

	// Epoch counts the leases given on this run, and an end by force. Every write
	// of a worker carries the epoch of its lease; an older one is refused.
	Epoch      int
	Worker     string    // holder of the lease, empty for none
	LeaseUntil time.Time // zero: no lease
	LeaseHash  string    // LeaseProof of the last lease's secret; empty for a lease without one
}

// WaitingRun is a run that waits for a worker.
type WaitingRun struct {
	Run
	Position int // in the queue of its pool, from 1
}

// StopRequest asks the worker of a run to end it.
type StopRequest struct {
	By, Note string
}

// Advance moves the run along one edge of the state machine.
func (r *Run) Advance(next RunState, at time.Time, note string) error {
	if !r.State.CanBecome(next) || !r.Type.enters(next) {
		return Conflict("run %s is %s and cannot become %s", r.ID, r.State, next)
	}
	r.State, r.UpdatedAt, r.Note = next, at, note
	r.StateSerial++
	return nil
}

// RunMove is a run that has just left a state.
type RunMove struct {
	Run  Run
	From RunState
}

// LogChunk is a piece of a run's log, already masked.
type LogChunk struct {
	RunID       RunID
	Epoch, Seq  int
	State       RunState
	StateSerial int
	Body        string
}

// RunLease is how things stand with the last lease of a run.
type RunLease struct {
	Epoch int
	Held  bool // it still runs
	Stop  bool // somebody wants the run to be stopped
}

// LogEnd is where the log of a run ends, and what a further piece is checked
// against: the run's last lease, whether that still runs, and its worker pool.
type LogEnd struct {
	Epoch       int
	Leased      bool
	Pool        WorkerPoolID
	LeaseHash   string // as of the run
	StateSerial int
	Next        int   // number of the next piece of that lease
	Bytes       int64 // of all log of the run
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
