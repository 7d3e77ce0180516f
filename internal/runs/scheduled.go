package runs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const (
	dueBatch = 50          // how many schedules one look takes
	putOff   = time.Minute // until a deletion looks again whether the stack is idle
)

// StartDue starts what schedules have due, and returns how many were. Several
// servers may do so at once: each time of a schedule is started by one of them,
// and of the times that went by while no server ran, one.
func (s *Service) StartDue(ctx context.Context) (n int, err error) {
	var last domain.Schedule
	for {
		var due []domain.Schedule
		lookErr := s.db.View(ctx, func(tx Tx) (err error) {
			due, err = tx.DueSchedules(ctx, last, dueBatch)
			return err
		})
		if lookErr != nil || len(due) == 0 {
			return n, errors.Join(err, lookErr)
		}
		for _, last = range due {
			passed, oneErr := s.startDue(ctx, last)
			if passed {
				n++
			}
			err = errors.Join(err, oneErr) // one that cannot be started keeps no other
		}
	}
}

// startDue starts what one schedule has due, and notes when it is next, in one
// transaction.
func (s *Service) startDue(ctx context.Context, candidate domain.Schedule) (passed bool, err error) {
	change := s.db.Change
	if deletes(candidate) {
		change = s.db.ChangeAccess // a stack takes its bindings along
	}
	err = change(ctx, func(tx Tx) error {
		passed = false
		stack, err := tx.LockStack(ctx, candidate.Stack)
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return nil // deleted, or called by another id now: the next look finds it
		}
		if err != nil {
			return err
		}
		d, err := tx.LockSchedule(ctx, candidate.ID)
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return nil
		}
		if err != nil || !d.NextAt.Equal(candidate.NextAt) || deletes(d) != deletes(candidate) {
			return err // another server was faster, or somebody has changed it
		}
		permit, err := s.gate.System(access.SystemScheduler, access.KindSchedule, string(d.ID))
		if err != nil {
			return err
		}
		next, err := s.config.Next(d.Timing, tx.Now())
		if err != nil {
			return err
		}
		t := &tick{Schedule: d, stack: stack, next: next, permit: permit, out: domain.Tick{At: d.NextAt}}
		if err := s.act(ctx, tx, t); err != nil {
			return err
		}
		passed = true
		return tx.PassSchedule(ctx, t.permit, d.ID, t.out, t.next)
	})
	return passed && err == nil, err
}

// deletes reports whether a schedule deletes its stack at once.
func deletes(d domain.Schedule) bool {
	return d.Kind == domain.ScheduleDelete && !d.DestroyResources
}

// tick is one time of a schedule.
type tick struct {
	domain.Schedule
	out    domain.Tick
	stack  domain.Stack
	next   time.Time
	permit access.Permit // to write down what came of it
}

// act starts what a schedule has due, if its author may do that now; what he may
// not is recorded as a refusal (security path E29, case 51).
func (s *Service) act(ctx context.Context, tx Tx, t *tick) error {
	err := s.start(ctx, tx, t)
	var denial *access.Denial
	if errors.As(err, &denial) {
		t.out.Note = denial.Error()
		t.permit, err = s.gate.SystemRefused(access.SystemScheduler, access.KindSchedule, string(t.ID), denial)
	}
	return err
}

func (s *Service) start(ctx context.Context, tx Tx, t *tick) error {
	behalf := access.OnBehalf(ctx, t.Author, t.ID.AuditName())
	op := access.Op{Event: t.event(), Action: t.Kind.Starts(), See: authz.ActionStackRead, Object: object(t.stack, "")}
	op.Object.Noun, op.Object.Kind, op.Object.ID = "stack", access.KindStack, string(t.stack.ID)
	if t.Kind == domain.ScheduleDrift { // whoever may change it keeps it
		may, err := s.gate.Holds(behalf, tx, authz.ActionDriftDetectionUpdate, op.Object)
		if err != nil {
			return err
		}
		if may {
			op.Action = authz.ActionDriftDetectionUpdate
		}
	}
	permit, err := s.mayStill(ctx, behalf, tx, t, op)
	if err != nil {
		return err
	}
	permit = permit.Noting(fmt.Sprintf("schedule %s, set by %s, was due at %s", t.ID, t.AuthorName, t.out.At.Format(time.RFC3339)))
	if t.Kind == domain.ScheduleDelete {
		return s.deleteDue(ctx, behalf, tx, t, op, permit)
	}
	var config *domain.RuntimeConfig
	if t.Configured {
		if config, err = tx.ScheduleConfig(ctx, t.ID); err != nil {
			return err
		}
		if err := s.mayConfigure(behalf, tx, op, config); err != nil {
			return err
		}
	}
	if t.Kind == domain.ScheduleTask || config != nil {
		if permit, err = s.gate.ActAs(behalf, tx, op, permit, t.stack.AsActor()); err != nil {
			return err
		}
	}
	if waits, err := tx.ScheduleWaits(ctx, t.Schedule); err != nil || waits {
		t.out.Note = "what it started before still waits for its turn"
		return err
	}
	if reason := t.stack.MayStart(authz.ActorRef{}); reason != nil {
		t.out.Note = reason.Message
		return nil
	}
	if t.Kind == domain.ScheduleDrift {
		return s.detectDrift(ctx, behalf, tx, t, permit)
	}
	return s.runDue(ctx, behalf, tx, t, permit, config)
}

// mayStill decides whether the author of a schedule may do what it starts.
func (s *Service) mayStill(ctx, behalf context.Context, tx Tx, t *tick, op access.Op) (access.Permit, error) {
	here, err := s.gate.Here(ctx, tx, t.Author)
	if err != nil {
		return access.Permit{}, err
	}
	if !here {
		return access.Permit{}, s.gate.Refuse(behalf, tx, op, &domain.Error{
			Code: domain.CodeForbidden, Message: fmt.Sprintf("forbidden: %s, who has set the schedule, is no longer here", t.AuthorName),
		})
	}
	return s.gate.Permit(behalf, tx, op)
}

func (t *tick) event() string {
	switch t.Kind {
	case domain.ScheduleTask:
		return "task.create"
	case domain.ScheduleDelete:
		return "stack.delete"
	case domain.ScheduleDrift:
		return "drift_detection.run"
	default:
		return "run.trigger"
	}
}

// runDue queues the run or the task. Where somebody has locked the stack, it
// waits for the lock.
func (s *Service) runDue(ctx, behalf context.Context, tx Tx, t *tick, permit access.Permit, config *domain.RuntimeConfig) error {
	run := s.newRun(behalf, tx, t.stack, domain.RunTracked)
	run.Title = "Scheduled run"
	if t.Name != "" {
		run.Title += ": " + t.Name
	}
	if t.Kind == domain.ScheduleTask {
		run = s.newRun(behalf, tx, t.stack, domain.RunTask)
		run.Title, run.Request.Command = "Scheduled task", t.Command
	}
	run.ActedAs = permit.ActedAs()
	t.out.Run = run.ID
	return s.beginWith(ctx, tx, permit, &run, domain.RunSettings{Config: config})
}

// deleteDue deletes the stack, or starts the run after which it is. A stack that
// a worker is busy with is looked at again; one that must not be deleted stays.
func (s *Service) deleteDue(ctx, behalf context.Context, tx Tx, t *tick, op access.Op, permit access.Permit) error {
	if err := s.guardDeletion(behalf, tx, op, t.stack); err != nil {
		return err
	}
	switch lock := t.stack.Lock; {
	case t.stack.Destroyer != "":
		t.out.Note = "the stack is being deleted already"
		return nil
	case lock != nil:
		return s.gate.Refuse(behalf, tx, op, domain.Conflict("stack %s is locked by %s", t.stack.ID, lock.By))
	case t.DestroyResources && t.stack.Disabled:
		return s.gate.Refuse(behalf, tx, op, domain.Conflict("stack %s is disabled: nothing starts until it is enabled", t.stack.ID))
	case t.DestroyResources:
		run := s.newRun(behalf, tx, t.stack, domain.RunDestroy)
		t.out.Run = run.ID
		return s.destroy(ctx, tx, permit, &t.stack, &run)
	}
	open, err := tx.OpenRuns(ctx, t.stack.ID)
	if err != nil {
		return err
	}
	for _, run := range open {
		if run.State.Active() || !run.LeaseUntil.IsZero() {
			t.out.Note, t.next = fmt.Sprintf("waits for run %s, which is %s", run.ID, run.State), tx.Now().Add(putOff)
			return nil
		}
	}
	return tx.DeleteStack(ctx, permit, t.stack.ID)
}
