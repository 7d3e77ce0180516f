package domain

import "slices"

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

// runTransitions is the whole state machine; docs/runs.md draws the same table
// and a foreign key of the history is the second net. Terminal states have no
// way out.
var runTransitions = map[RunState][]RunState{
	RunNone:            {RunQueued},
	RunQueued:          {RunReady, RunCanceled, RunDiscarded, RunFailed, RunSkipped},
	RunReady:           {RunPreparing, RunQueued, RunCanceled, RunDiscarded, RunFailed, RunSkipped},
	RunPreparing:       {RunInitializing, RunFailed, RunStopped},
	RunInitializing:    {RunPlanning, RunPerforming, RunDestroying, RunFailed, RunStopped},
	RunPlanning:        {RunPendingReview, RunUnconfirmed, RunConfirmed, RunFinished, RunFailed, RunStopped},
	RunPendingReview:   {RunUnconfirmed, RunConfirmed, RunFinished, RunDiscarded, RunFailed},
	RunUnconfirmed:     {RunConfirmed, RunDiscarded, RunReplanRequested},
	RunReplanRequested: {RunPreparingReplan, RunDiscarded, RunFailed},
	RunPreparingReplan: {RunPlanning, RunFailed, RunStopped},
	RunConfirmed:       {RunPreparingApply, RunApplying, RunFailed},
	RunPreparingApply:  {RunApplying, RunFailed},
	RunApplying:        {RunFinished, RunFailed},
	RunPerforming:      {RunFinished, RunFailed},
	RunDestroying:      {RunFinished, RunFailed},
	RunFinished:        nil,
	RunFailed:          nil,
	RunStopped:         nil,
	RunCanceled:        nil,
	RunDiscarded:       nil,
	RunSkipped:         nil,
}

// statesOf are the states that only runs of some types enter.
var statesOf = map[RunState][]RunType{
	RunPlanning:        {RunTracked, RunProposed},
	RunPendingReview:   {RunTracked, RunProposed},
	RunUnconfirmed:     {RunTracked},
	RunReplanRequested: {RunTracked},
	RunPreparingReplan: {RunTracked},
	RunConfirmed:       {RunTracked},
	RunPreparingApply:  {RunTracked},
	RunApplying:        {RunTracked},
	RunPerforming:      {RunTask},
	RunDestroying:      {RunDestroy},
}

// enters reports whether runs of a type can be in a state.
func (t RunType) enters(s RunState) bool {
	types, some := statesOf[s]
	return !some || slices.Contains(types, t)
}

// CanBecome reports whether the state machine has the edge s -> next.
func (s RunState) CanBecome(next RunState) bool { return slices.Contains(runTransitions[s], next) }

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
	case RunPreparing, RunInitializing, RunPlanning, RunPreparingReplan, RunPreparingApply, RunApplying, RunPerforming, RunDestroying:
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

// AwaitsWorker reports whether a run without a lease is given to the next
// worker that asks.
func (s RunState) AwaitsWorker() bool {
	return s == RunReady || s == RunConfirmed || s == RunReplanRequested
}

// Stoppable reports whether a worker can be told to stop here without leaving
// anything half done.
func (s RunState) Stoppable() bool { return s.CanBecome(RunStopped) }

// Waits reports whether nothing executes the run, which may go on by itself
// (QUEUED, READY) or by somebody's decision.
func (s RunState) Waits() bool {
	switch s {
	case RunQueued, RunReady, RunPendingReview, RunUnconfirmed, RunReplanRequested:
		return true
	default:
		return false
	}
}
