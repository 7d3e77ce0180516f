package access

import (
	"context"
	"fmt"

	"github.com/airlock-project/airlock/internal/domain"
)

// System names a background worker of the control plane. Each may change only
// the kinds that it exists for; there is no "skip the check" flag.
type System string

// The background workers.
const (
	SystemBootstrap  System = "system::bootstrap"   // creates the account, once
	SystemRunLease   System = "system::run-lease"   // gives runs to workers and takes their results
	SystemRunReaper  System = "system::run-reaper"  // ends runs whose worker is gone or that nobody has confirmed in time, and locks stacks whose apply was interrupted
	SystemWorkers    System = "system::workers"     // notes which workers there are
	SystemRunFollow  System = "system::run-follow"  // queues runs of stacks that depend on others, and lets them begin
	SystemStateStore System = "system::state-store" // keeps what a run's state backend writes
	SystemKeyUse     System = "system::key-use"     // notes when a key was last used
	SystemSweeper    System = "system::sweeper"     // clears what has expired away
	SystemUpload     System = "system::upload"      // keeps what is sent to an address that it was given
	SystemPush       System = "system::push"        // starts the runs that follow from a push

	SystemKeyRotation System = "system::key-rotation" // replaces the keys of federation tokens in time
	SystemAutoretry   System = "system::autoretry"    // plans again what a change of the state has made outdated
	SystemPushHook    System = "system::push-hook"    // keeps what git hosts announce
	SystemUpkeep      System = "system::upkeep"       // packs logs, clears away what is kept for a time only, keeps storage and keys in order
	SystemScheduler   System = "system::scheduler"    // notes what came of schedules that were due

	SystemCommitStatus System = "system::commit-status" // sends what runs say of their commits
)

var systemKinds = map[System][]Kind{
	SystemBootstrap:  {KindSpace, KindRole, KindRoleBinding, KindAPIKey, KindWorkerPool},
	SystemRunLease:   {KindRun, KindState},
	SystemRunReaper:  {KindRun, KindStack},
	SystemWorkers:    {KindWorkerPool},
	SystemRunFollow:  {KindRun},
	SystemStateStore: {KindState},
	SystemKeyUse:     {KindAPIKey},
	SystemSweeper:    {KindRoleBinding, KindAccessRequest, KindStack, KindRun, KindPushHook},
	SystemUpload:     {KindRun},
	SystemPush:       {KindRun},

	SystemKeyRotation: {KindAccount},
	SystemAutoretry:   {KindRun},
	SystemPushHook:    {KindPushHook},
	SystemUpkeep:      {KindRun, KindState, KindAccount},
	SystemScheduler:   {KindSchedule},

	SystemCommitStatus: {KindRun},
}

// System returns the permit of a background worker for one object. It leaves
// no row in the audit trail: the noun's own history is the record.
func (g *Gate) System(who System, kind Kind, id string) (Permit, error) {
	for _, k := range systemKinds[who] {
		if k == kind {
			record := Record{Actor: string(who), ObjectKind: kind, ObjectID: id, Outcome: domain.AuditAllowed}
			return Permit{record: record, valid: true, silent: true}, nil
		}
	}
	return Permit{}, fmt.Errorf("%s may not change a %s", who, kind)
}

// SystemOp is System for work that has no history of its own: what it does, and
// why, is recorded in the audit trail.
func (g *Gate) SystemOp(ctx context.Context, tx Reader, who System, op Op, why string) (Permit, error) {
	p, err := g.System(who, op.Object.Kind, op.Object.ID)
	if err != nil {
		return p, err
	}
	stamp, err := tx.Stamp(ctx)
	p.record.Event, p.record.Reason, p.record.Revision, p.silent = op.Event, why, stamp.Revision, false
	if op.Object.Space != "" {
		p.record.Spaces = []domain.SpaceID{op.Object.Space}
	}
	return p, err
}

// Attempt is a recorded refusal that no transaction decided: a sign-in with a
// wrong secret, say.
func Attempt(actor, event, objectID, reason string, shown *domain.Error) *Denial {
	return &Denial{err: shown, record: Record{
		Event: event, Actor: actor, ObjectKind: KindSession, ObjectID: objectID,
		Outcome: domain.AuditDenied, Reason: reason,
	}}
}

// StrangerAttempt is the refusal of a worker that named a lease which was given
// to another worker of its pool (security case 87).
func StrangerAttempt(pool domain.WorkerPoolID, e *domain.StrangerError) *Denial {
	return Attempt("worker-pool::"+string(pool), "run.lease", string(e.Run), "it does not know the secret of the lease", e.Shown())
}
