// Package workerapi is the versioned contract between the control plane and
// its workers: the types on the wire, an HTTP client for `airlock worker`, and
// the HTTP handler that serves it. The built-in worker speaks the same API
// interface in process. It decides nothing about runs; the runs package does.
package workerapi

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
)

// Version is the wire version; it is part of every path and changes only
// when an older worker could misread an answer.
const Version = "v1"

// API is what a worker may ask of the control plane. Every method after Lease
// names its lease; a stale epoch is refused with domain.CodeConflict, and the
// worker must then stop at once and touch nothing more.
type API interface {
	// Lease waits up to req.Wait for a run of the caller's pool. It returns
	// nil without error when none came in time, and ErrRestart when the worker
	// shall finish what it executes, and restart.
	Lease(ctx context.Context, req LeaseRequest) (*Job, error)
	// Leave says that a worker is shutting down: it is given no more runs.
	Leave(ctx context.Context, req LeaveRequest) error
	// Heartbeat extends the lease, then waits up to q.Wait for the run to be
	// asked to stop. The reply may ask the worker to stop.
	Heartbeat(ctx context.Context, q HeartbeatRequest) (HeartbeatReply, error)
	// Advance moves the run to the next state. A repeated call with the same
	// (epoch, state) is answered like the first, and may bring the Delta of a plan
	// that is being applied. The first call of a lease is
	// PREPARING, or PREPARING_APPLY for an apply lease; a control plane that
	// made that transition when it gave the lease answers it as a repetition.
	Advance(ctx context.Context, a Advance) (AdvanceReply, error)
	// AppendLogs stores lines; chunks of one lease are numbered from 0 without
	// gaps, a repeated number is ignored.
	AppendLogs(ctx context.Context, c LogChunk) error
	// PutWorkspace keeps the planned workspace (a gzipped tar of at most
	// MaxWorkspace bytes) until the apply. It comes before the Advance to
	// UNCONFIRMED, or right after a CONFIRMED that was answered without Apply.
	PutWorkspace(ctx context.Context, ref LeaseRef, body io.Reader) error
	// GetWorkspace returns what PutWorkspace kept. The caller closes it.
	GetWorkspace(ctx context.Context, ref LeaseRef) (io.ReadCloser, error)
	// RecoverState hands over a state that OpenTofu could not store during the
	// lease, even after its end. A conflict means that it is too late: another
	// run has written since, or the state does not follow the stored one.
	RecoverState(ctx context.Context, ref LeaseRef, body io.Reader) error
	// Federate returns a token with which the run signs in elsewhere, for the
	// state that it is in: a worker asks when a lease begins, when the run enters
	// a state that changes something, and before the last one ends. Only for jobs
	// that say Federated.
	Federate(ctx context.Context, q FederateRequest) (FederateReply, error)
}

// LeaseRef identifies one lease of one run.
type LeaseRef struct {
	RunID domain.RunID `json:"runId"`
	Epoch int          `json:"epoch"`
	// Secret proves that whoever names the lease is the one that it was given to.
	Secret string `json:"secret,omitempty"`
}

// same reports whether two refs name one lease, whatever they prove.
func (r LeaseRef) same(other LeaseRef) bool { return r.RunID == other.RunID && r.Epoch == other.Epoch }

// bare is the ref without its secret.
func (r LeaseRef) bare() LeaseRef { return LeaseRef{RunID: r.RunID, Epoch: r.Epoch} }

// LeaseRequest asks for work.
type LeaseRequest struct {
	WorkerID string            `json:"workerId"` // unique for the worker process
	Metadata map[string]string `json:"metadata,omitempty"`
	Slots    int               `json:"slots,omitempty"` // runs that it executes at the same time
	Wait     time.Duration     `json:"wait"`            // at most 30 s
	// Key names the pool's key that the worker holds, and Nonce is new for each
	// question: the job is sealed for both.
	Key   string `json:"key,omitempty"`
	Nonce string `json:"nonce,omitempty"`
	// Proves says that the worker sends the secret of a lease back with all that
	// it does with it.
	Proves bool `json:"proves,omitempty"`
	// Containers says that the worker executes runs in containers.
	Containers bool `json:"containers,omitempty"`
}

// LeaveRequest says that a worker is shutting down.
type LeaveRequest struct {
	WorkerID string `json:"workerId"`
	Gone     bool   `json:"gone,omitempty"` // it has ended; else it still executes runs
}

// ErrRestart tells a worker to finish what it executes, and restart.
var ErrRestart = errors.New("the worker pool was cycled: the worker shall restart")

// Phase is the part of a run that one lease covers.
type Phase string

// A plan lease goes from PREPARING to UNCONFIRMED, FINISHED or (autodeploy)
// through the apply; an apply lease starts from a kept workspace.
const (
	PhasePlan  Phase = "PLAN"
	PhaseApply Phase = "APPLY"
	// A replan lease starts from a kept workspace, too, and plans again.
	PhaseReplan Phase = "REPLAN"
)

// Job is all that a worker needs to execute one lease.
type Job struct {
	Ref LeaseRef `json:"ref"`
	// Sealed is everything, encrypted to the pool's key; the other fields but Ref
	// are empty then.
	Sealed   []byte         `json:"sealed,omitempty"`
	Phase    Phase          `json:"phase"`
	RunType  domain.RunType `json:"runType"`
	StackID  domain.StackID `json:"stackId"`
	LeaseTTL time.Duration  `json:"leaseTTL"` // heartbeat at a third of it
	// ApplyTTL is how long the lease lasts without a heartbeat while something is
	// changed; 0 means LeaseTTL.
	ApplyTTL time.Duration `json:"applyTTL,omitempty"`

	Source      Source `json:"source"`
	ProjectRoot string `json:"projectRoot"`
	// FailReason, when set, ends the run in FAILED with this reason before
	// anything is checked out (for example a source provider that does not work yet).
	FailReason string `json:"failReason,omitempty"`
	// MaskWellKnown hides in the log what has the form of a well-known secret.
	MaskWellKnown bool `json:"maskWellKnown,omitempty"`
	// LogWithAdvance says that Advance takes pieces of the log.
	LogWithAdvance bool `json:"logWithAdvance,omitempty"`
	// Notices are lines for the log, shown first.
	Notices []string `json:"notices,omitempty"`
	// Image is what a worker that has containers executes the run in; empty: its own.
	Image string `json:"image,omitempty"`

	Tool        string `json:"tool,omitempty"`        // OPEN_TOFU, TERRAFORM_FOSS or CUSTOM, as the stack asks
	ToolVersion string `json:"toolVersion,omitempty"` // OpenTofu version the stack asks for; empty: the worker's own
	Workspace   string `json:"workspace,omitempty"`   // of the code's own backend that is to be selected
	Concise     bool   `json:"concise,omitempty"`     // no progress in the log
	Autodeploy  bool   `json:"autodeploy"`
	ForceApply  bool   `json:"forceApply,omitempty"` // a plan without changes is applied, too
	// SensitiveOutputs says that the values of sensitive outputs are to be sent
	// after an apply; where the control plane keeps the state it has them anyway.
	SensitiveOutputs bool         `json:"sensitiveOutputs,omitempty"`
	Command          string       `json:"command,omitempty"`  // of a task
	SkipInit         bool         `json:"skipInit,omitempty"` // of a task: run the command in what is checked out
	Targets          []string     `json:"targets,omitempty"`  // resource addresses that the plan is limited to
	Env              []EnvVar     `json:"env,omitempty"`
	Files            []File       `json:"files,omitempty"`
	Hooks            domain.Hooks `json:"hooks"`
	// StackHooks are those at the end of Hooks that are the stack's own: a runtime
	// configuration can put others in their place.
	StackHooks domain.Hooks `json:"stackHooks,omitzero"`
	// Custom are settings for this run only; they win over files in the repository.
	Custom    *domain.RuntimeConfig `json:"custom,omitempty"`
	State     *State                `json:"state,omitempty"` // nil: the code's own backend is used
	Services  *Services             `json:"services,omitempty"`
	Federated bool                  `json:"federated,omitempty"` // Federate answers
}

// Source says what to check out.
type Source struct {
	Provider string   `json:"provider"` // only GIT so far
	URL      string   `json:"url"`
	Branch   string   `json:"branch"`
	Commit   string   `json:"commit,omitempty"` // empty: the head of Branch
	Schemes  []string `json:"schemes"`          // URL schemes the operator allows
	// Access is how to sign in to the repository; nil: as the worker's own git does.
	Access *domain.GitAccess `json:"access,omitempty"`
	Sparse []string          `json:"sparse,omitempty"` // folders that are wanted; empty: all
	// Upload, if set, says that git is not needed: GetWorkspace returns the files
	// as a gzipped tar, which somebody uploaded or committed through the API.
	// Clients put everything into a folder of this name.
	Upload string `json:"upload,omitempty"`
}

// EnvVar is a variable of the run's environment.
type EnvVar struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Secret bool   `json:"secret"` // masked in logs
	// Literal values are taken as they are; in others ${NAME} stands for the
	// value of another variable.
	Literal bool `json:"literal,omitempty"`
}

// File is a mounted file.
type File struct {
	Path    string `json:"path"` // relative to the workspace
	Content []byte `json:"content"`
	Secret  bool   `json:"secret"`
	Mode    uint32 `json:"mode,omitempty"` // permission bits; 0 means 0644
}

// State tells the worker where OpenTofu's http backend lives for this run.
type State struct {
	Address  string `json:"address"`
	Username string `json:"username"`
	Password string `json:"password"`
}

// Services say under which host names the run's code finds the control plane,
// whatever those names resolve to, and with which token.
type Services struct {
	Hosts  []string `json:"hosts"`
	States string   `json:"states"` // URL of the remote backend's protocol
	Token  string   `json:"token"`
}

// HeartbeatRequest is a sign of life.
type HeartbeatRequest struct {
	LeaseRef
	Wait time.Duration `json:"wait,omitempty"` // at most MaxLeaseWait; a worker that names none is answered at once
}

// HeartbeatReply answers a heartbeat.
type HeartbeatReply struct {
	Stop bool `json:"stop"` // the run is to be stopped: end the process and report STOPPED
}

// Advance reports progress.
type Advance struct {
	Ref  LeaseRef        `json:"ref"`
	To   domain.RunState `json:"to"`
	Note string          `json:"note,omitempty"` // why, for FAILED
	// Log is what was not sent of the log before, where Job.LogWithAdvance is set. It
	// is stored unless the answer is an error.
	Log []LogChunk `json:"log,omitempty"`

	Commit *domain.Commit `json:"commit,omitempty"` // with INITIALIZING: what was checked out
	// With the state after PLANNING; or later, where the plan is still read while it
	// is applied: with CONFIRMED or APPLYING once more, or at the end.
	Delta   *domain.Delta           `json:"delta,omitempty"`
	Changes []domain.ResourceChange `json:"changes,omitempty"` // likewise
	Outputs []domain.Output         `json:"outputs,omitzero"`  // with FINISHED after an apply; empty: there are none
	// Entities, at the end of a run that may have changed the state, are what a
	// state holds that the control plane does not keep. Nil: that is not known.
	Entities *[]Entity `json:"entities,omitempty"`
	// Lost, with FAILED, says that the worker that held the lease died: another
	// one, which found what it left, reports that. The control plane knows what
	// it means for the run; Note is not used.
	Lost bool `json:"lost,omitempty"`
	// Interrupted, with FAILED, says that an apply, or a command, ended so that its state
	// may not have been stored: the stack is locked until somebody has looked.
	Interrupted bool `json:"interrupted,omitempty"`
}

// AdvanceReply answers an Advance.
type AdvanceReply struct {
	// Stop says that the run stays where it is, because it is to be stopped: end
	// it and report STOPPED.
	Stop bool `json:"stop,omitempty"`
	// Hold says, in the answer to CONFIRMED, that the run stays where it is,
	// because its stack no longer deploys by itself: keep the workspace and
	// report UNCONFIRMED.
	Hold bool `json:"hold,omitempty"`
	// Apply is true in the answer to CONFIRMED by autodeploy: the worker goes
	// on in the same workspace under the same lease. When it is false the
	// worker sends the workspace and ends the lease; an apply lease must not be
	// given before the workspace came.
	Apply bool `json:"apply"`
}

// LogChunk is a piece of a run's log, already masked.
type LogChunk struct {
	Ref   LeaseRef        `json:"ref"`
	Seq   int             `json:"seq"`
	State domain.RunState `json:"state"`
	Text  string          `json:"text"` // whole lines, newline included
}

// FederateRequest asks for a token. Key and Nonce are as in a LeaseRequest: the
// answer is sealed for both.
type FederateRequest struct {
	LeaseRef
	Key   string `json:"key,omitempty"`
	Nonce string `json:"nonce,omitempty"`
}

// FederateReply is a token with which a run signs in elsewhere.
type FederateReply struct {
	Token  string        `json:"token,omitempty"`
	Life   time.Duration `json:"life,omitempty"`   // how long it is good
	Sealed []byte        `json:"sealed,omitempty"` // both, encrypted to the pool's key; they are empty then
}
