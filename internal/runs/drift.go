package runs

import (
	"context"
	"errors"
	"fmt"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// detectDrift queues a proposed run of the commit that was applied last: what it
// would change has drifted, not the code.
func (s *Service) detectDrift(ctx, behalf context.Context, tx Tx, t *tick, permit access.Permit) error {
	if open, err := openDrift(ctx, tx, t.stack.ID); err != nil || open != "" {
		t.out.Note = open
		return err
	}
	if state := t.stack.RunState; state != domain.RunFinished && !(t.IgnoreState && state.Terminal()) {
		t.out.Note = fmt.Sprintf("the stack is %s", state)
		return nil
	}
	applied, none, err := appliedLast(ctx, tx, t.stack.ID, domain.RunProposed)
	if err != nil || none != "" {
		t.out.Note = none
		return err
	}
	run := s.newRun(behalf, tx, t.stack, domain.RunProposed)
	run.Title, run.Drift, run.Commit, run.Branch = "Drift detection", true, applied.Commit, applied.Branch
	run.Priority, t.out.Run = run.UsualPriority(), run.ID
	return s.begin(ctx, tx, permit, &run)
}

// noteDrift keeps what a run has found out that looked for drift, unless that is
// void, and that there is none after everything was applied.
func (s *Service) noteDrift(ctx context.Context, tx Tx, p access.Permit, run domain.Run) error {
	looked := looksForDrift(run)
	applied := run.Type == domain.RunTracked && len(run.Targets) == 0
	if run.State != domain.RunFinished || !looked && !applied {
		return nil
	}
	stack, err := tx.LockStack(ctx, run.StackID)
	if err != nil || applied && (stack.Drift == nil || !stack.Drift.Found) {
		return err
	}
	var addresses []string
	if looked {
		if void, err := voidDrift(ctx, tx, run); err != nil || void != "" {
			return err
		}
		changes, err := tx.RunChanges(ctx, run.ID)
		if err != nil {
			return err
		}
		addresses = domain.Drifted(changes)
	}
	stack.Drift = &domain.DriftCheck{Run: run.ID, At: tx.Now(), Found: len(addresses) > 0}
	p = p.For(access.KindStack) // what has drifted is a part of how the run ended
	if err := tx.SetStackLife(ctx, p, stack.ID, stack.StackLife); err != nil {
		return err
	}
	if err := tx.SetDrifted(ctx, p, stack.ID, addresses); err != nil || !stack.Drift.Found {
		return err
	}
	return s.reconcile(ctx, tx, stack, run)
}

// reconcile starts a tracked run that puts right what a run has found, where the
// stack's drift detection says so and its author may still trigger runs.
func (s *Service) reconcile(ctx context.Context, tx Tx, stack domain.Stack, found domain.Run) error {
	list, err := tx.SchedulesOf(ctx, stack.ID)
	if err != nil {
		return err
	}
	for _, d := range list {
		if d.Kind != domain.ScheduleDrift || !d.Reconcile {
			continue
		}
		t := &tick{Schedule: d, stack: stack, next: d.NextAt, out: domain.Tick{At: tx.Now()}}
		err := s.putRight(ctx, tx, t, found)
		var denial *access.Denial
		if !errors.As(err, &denial) {
			return err
		}
		t.out.Run, t.out.Note = found.ID, "drift was found, and not put right: "+denial.Error()
		permit, err := s.gate.SystemRefused(access.SystemScheduler, access.KindSchedule, string(d.ID), denial)
		if err != nil {
			return err
		}
		return tx.PassSchedule(ctx, permit, d.ID, t.out, t.next)
	}
	return nil
}

func (s *Service) putRight(ctx context.Context, tx Tx, t *tick, found domain.Run) error {
	behalf := access.OnBehalf(ctx, t.Author, t.ID.AuditName())
	op := access.Op{Event: "drift_detection.reconcile", Action: authz.ActionRunTrigger, See: authz.ActionStackRead, Object: object(t.stack, "")}
	permit, err := s.mayStill(ctx, behalf, tx, t, op)
	if err != nil {
		return err
	}
	waits, err := tx.ScheduleWaits(ctx, t.Schedule)
	if err != nil || waits || t.stack.MayStart(authz.ActorRef{}) != nil {
		return err
	}
	run := s.newRun(behalf, tx, t.stack, domain.RunTracked)
	run.Title, run.Drift, run.Commit, run.Branch = "Reconcile drift", true, found.Commit, found.Branch
	return s.begin(ctx, tx, permit.Noting(fmt.Sprintf("drift detection %s, set by %s, found drift by run %s", t.ID, t.AuthorName, found.ID)), &run)
}
