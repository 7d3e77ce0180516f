package domain

import (
	"time"

	"github.com/airlock-project/airlock/authz"
)

// ScheduleKind is what a schedule starts.
type ScheduleKind string

// The kinds of schedules.
const (
	ScheduleRun    ScheduleKind = "RUN"    // a tracked run
	ScheduleTask   ScheduleKind = "TASK"   // a command in the workspace
	ScheduleDelete ScheduleKind = "DELETE" // the deletion of the stack
	ScheduleDrift  ScheduleKind = "DRIFT_DETECTION"
)

// Noun is how a person calls a schedule of this kind.
func (k ScheduleKind) Noun() string {
	switch k {
	case ScheduleTask:
		return "scheduled task"
	case ScheduleDelete:
		return "scheduled delete"
	case ScheduleDrift:
		return "drift detection"
	default:
		return "scheduled run"
	}
}

// Starts is the action that it takes to start it now.
func (k ScheduleKind) Starts() authz.Action {
	switch k {
	case ScheduleTask:
		return authz.ActionTaskCreate
	case ScheduleDelete:
		return authz.ActionStackDelete
	case ScheduleDrift:
		return authz.ActionDriftDetectionCreate
	default:
		return authz.ActionRunTrigger
	}
}

// Schedule starts something on a stack later, by itself.
type Schedule struct {
	ID    ScheduleID
	Stack StackID
	Kind  ScheduleKind
	Timing
	ScheduleAim
	Config *RuntimeConfig // settings for what is started only; read where Configured is set
	// Author set the schedule last. It starts what he may start when it is due,
	// and nothing that he may not do any more (security path E29).
	Author     authz.ActorRef
	AuthorName string // audit name
	CreatedAt  time.Time
	NextAt     time.Time // zero: it is never due again
	Last       *Tick     // nil: it was never due
}

// Timing says when a schedule is due: at every time of its cron lines, as the
// clocks of a time zone show it, or once.
type Timing struct {
	Cron     []string  // lines of five fields
	Timezone string    // IANA name, empty for UTC
	At       time.Time // whole seconds; zero where Cron is set
}

// ScheduleAim is what a schedule starts, beside its kind.
type ScheduleAim struct {
	Name             string `json:",omitempty"` // of a run, for people; may be empty
	Command          string `json:",omitempty"` // of a task
	DestroyResources bool   `json:",omitempty"` // of a deletion: destroy what the stack has made first
	Reconcile        bool   `json:",omitempty"` // of drift detection: start a tracked run when there is drift
	IgnoreState      bool   `json:",omitempty"` // of drift detection: also where the stack's last run did not finish
	Configured       bool   `json:",omitempty"` // of a run: it has settings of its own, which are kept sealed
}

// Tick is what came of a schedule when it was last due.
type Tick struct {
	At   time.Time // when it was due
	Run  RunID     `json:",omitempty"` // what it started, empty for nothing
	Note string    `json:",omitempty"` // why it started nothing
}

// Limits on schedules.
const (
	MaxSchedules = 100 // of one stack
	MaxCron      = 20  // lines of one schedule
)

// AuditName is how the audit trail and runs name a schedule that acts.
func (id ScheduleID) AuditName() string { return "schedule::" + string(id) }

// Spent reports whether the schedule was for one time, which has passed.
func (s Schedule) Spent() bool { return s.NextAt.IsZero() }
