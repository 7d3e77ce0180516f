// Package schedules holds the use cases of schedules: what is to be started on a
// stack later, and when. What is due, the runs package starts.
package schedules

import (
	"context"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.ActAsReader
	Stack(ctx context.Context, id domain.StackID) (domain.Stack, error)
	LockStack(ctx context.Context, id domain.StackID) (domain.Stack, error)
	LockSchedule(ctx context.Context, id domain.ScheduleID) (domain.Schedule, error)
	SchedulesOf(ctx context.Context, id domain.StackID) ([]domain.Schedule, error)
	SetScheduleConfig(ctx context.Context, p access.Permit, id domain.ScheduleID, c *domain.RuntimeConfig) error
	ScheduleConfig(ctx context.Context, id domain.ScheduleID) (*domain.RuntimeConfig, error)
	DriftDetections(ctx context.Context, ids []domain.StackID) ([]domain.Schedule, error)
	InsertSchedule(ctx context.Context, p access.Permit, s domain.Schedule) error
	UpdateSchedule(ctx context.Context, p access.Permit, s domain.Schedule) error
	DeleteSchedule(ctx context.Context, p access.Permit, id domain.ScheduleID) error
	Also(p access.Permit)
}

// Service answers and changes schedules.
type Service struct {
	db   access.Transactor[Tx]
	gate *access.Gate
	ids  domain.IDSource
}

// New returns the use cases of schedules.
func New(db access.Transactor[Tx], gate *access.Gate, ids domain.IDSource) *Service {
	return &Service{db: db, gate: gate, ids: ids}
}

// Input is a schedule as a caller wants it.
type Input struct {
	Kind domain.ScheduleKind
	domain.Timing
	domain.ScheduleAim
	Config *domain.RuntimeConfig // of a run: settings for what is started only; nil: none
}

// Create makes a schedule of a stack. It takes schedule:create, and what it
// takes to do now what is to be done then.
func (s *Service) Create(ctx context.Context, stack domain.StackID, in Input) (d domain.Schedule, err error) {
	in.Configured = in.Config != nil
	err = s.db.Change(ctx, func(tx Tx) error {
		d = domain.Schedule{ID: domain.ScheduleID(s.ids.ULID()), Stack: stack, Kind: in.Kind, ScheduleAim: in.ScheduleAim, CreatedAt: tx.Now()}
		permit, err := s.permit(ctx, tx, "create", d)
		if err != nil {
			return err
		}
		if err := s.set(ctx, tx, &d, in); err != nil {
			return err
		}
		others, err := tx.SchedulesOf(ctx, stack)
		if err == nil && in.Kind == domain.ScheduleDrift && slices.ContainsFunc(others, func(o domain.Schedule) bool { return o.Kind == in.Kind }) {
			return domain.Conflict("stack %s has drift detection already", stack)
		}
		if err == nil && len(others) >= domain.MaxSchedules {
			return domain.Conflict("stack %s has %d schedules already, and may have no more", stack, len(others))
		}
		if err != nil {
			return err
		}
		if err := tx.InsertSchedule(ctx, permit, d); err != nil || in.Config == nil {
			return err
		}
		return tx.SetScheduleConfig(ctx, permit, d.ID, in.Config)
	})
	return d, err
}

// Update changes a schedule. Whoever does is its author from then on.
func (s *Service) Update(ctx context.Context, stack domain.StackID, id domain.ScheduleID, in Input) (d domain.Schedule, err error) {
	in.Configured = in.Config != nil
	err = s.db.Change(ctx, func(tx Tx) error {
		var permit access.Permit
		if d, permit, err = s.find(ctx, tx, "update", domain.Schedule{ID: id, Stack: stack, Kind: in.Kind, ScheduleAim: in.ScheduleAim}); err != nil {
			return err
		}
		had := d.Configured
		if err := s.set(ctx, tx, &d, in); err != nil {
			return err
		}
		if err := tx.UpdateSchedule(ctx, permit, d); err != nil || !had && !d.Configured {
			return err
		}
		return tx.SetScheduleConfig(ctx, permit, d.ID, in.Config)
	})
	return d, err
}

// Delete removes a schedule. What it has started goes on.
func (s *Service) Delete(ctx context.Context, stack domain.StackID, id domain.ScheduleID, kind domain.ScheduleKind) (d domain.Schedule, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		var permit access.Permit
		if d, permit, err = s.find(ctx, tx, "delete", domain.Schedule{ID: id, Stack: stack, Kind: kind}); err != nil {
			return err
		}
		if err := addConfig(ctx, tx, &d); err != nil { // it answers what it was
			return err
		}
		return tx.DeleteSchedule(ctx, permit, d.ID)
	})
	return d, err
}

// set validates what a caller wants and makes him the author.
func (s *Service) set(ctx context.Context, tx Tx, d *domain.Schedule, in Input) error {
	if err := in.check(); err != nil {
		return err
	}
	when, err := timing(in.Timing, d.Timing, tx.Now())
	if err != nil {
		return err
	}
	if d.NextAt, err = Next(when, tx.Now()); err != nil {
		return err
	}
	caller, err := access.CallerFrom(ctx)
	if err != nil {
		return err
	}
	d.Timing, d.ScheduleAim, d.Author, d.AuthorName = when, in.ScheduleAim, caller.Subject.Actor, caller.Name
	d.Config = in.Config
	return nil
}

func (in Input) check() error {
	switch in.Kind {
	case domain.ScheduleTask:
		return domain.CheckCommand("command", in.Command)
	case domain.ScheduleRun:
		if in.Config != nil {
			if err := in.Config.Check(); err != nil {
				return err
			}
		}
		return domain.CheckLine("name", in.Name)
	case domain.ScheduleDrift:
		if len(in.Cron) == 0 {
			return domain.Invalid("schedule", "needs at least one cron line")
		}
		return nil
	default:
		if len(in.Cron) > 0 {
			return domain.Invalid("cronSchedule", "a stack is deleted once: set timestampSchedule")
		}
		return nil
	}
}

// permit decides about a schedule, which is what its stack is. Beside the action
// on schedules it takes the one on what the schedule starts, so that nobody puts
// off what he may not do; of a task that includes to act as the stack.
func (s *Service) permit(ctx context.Context, tx Tx, verb string, d domain.Schedule) (access.Permit, error) {
	stack, err := tx.LockStack(ctx, d.Stack)
	action := actionTo(verb, d.Kind)
	op := access.Op{Event: eventOf(d.Kind) + "." + verb, Action: action, See: authz.ActionStackRead, Object: object(stack, d)}
	if verb == "create" {
		op.Object.Noun = "stack"
	}
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return access.Permit{}, s.gate.Missing(ctx, tx, op)
	}
	if err != nil {
		return access.Permit{}, err
	}
	permit, err := s.gate.Permit(ctx, tx, op)
	if err != nil || verb == "delete" || d.Kind == domain.ScheduleDrift && !d.Reconcile {
		return permit, err
	}
	op.Action = d.Kind.Starts()
	if d.Kind == domain.ScheduleDrift {
		op.Action = authz.ActionRunTrigger
	}
	starts, err := s.gate.Permit(ctx, tx, op)
	if err != nil {
		return permit, err
	}
	tx.Also(starts)
	if d.Configured {
		op.Action = authz.ActionRunTriggerWithCustomRuntimeConfig
		configures, err := s.gate.Permit(ctx, tx, op)
		if err != nil {
			return permit, err
		}
		tx.Also(configures)
	}
	if d.Kind != domain.ScheduleTask && !d.Configured {
		return permit, nil
	}
	return s.gate.ActAs(ctx, tx, op, permit, stack.AsActor()) // security path E29: E1 and E3, later
}

// find returns a schedule of a stack and the permit to change it. One that does
// not exist is refused like one that is hidden.
func (s *Service) find(ctx context.Context, tx Tx, verb string, asked domain.Schedule) (domain.Schedule, access.Permit, error) {
	permit, err := s.permit(ctx, tx, verb, asked)
	if err != nil {
		return asked, permit, err
	}
	if asked.Kind == domain.ScheduleDrift { // a stack has one
		list, err := tx.SchedulesOf(ctx, asked.Stack)
		if err != nil {
			return asked, permit, err
		}
		if at := slices.IndexFunc(list, func(d domain.Schedule) bool { return d.Kind == asked.Kind }); at >= 0 {
			asked.ID = list[at].ID
		}
	}
	d, err := tx.LockSchedule(ctx, asked.ID)
	if domain.ErrorCode(err) == domain.CodeNotFound || err == nil && (d.Stack != asked.Stack || d.Kind != asked.Kind) {
		op := access.Op{Event: eventOf(asked.Kind) + "." + verb, Action: actionTo(verb, asked.Kind), Object: object(domain.Stack{ID: asked.Stack}, asked)}
		return asked, permit, s.gate.Missing(ctx, tx, op)
	}
	return d, permit.About(string(d.ID)), err
}

// actionTo is what it takes to make, change or remove a schedule.
func actionTo(verb string, k domain.ScheduleKind) authz.Action {
	actions := map[string][2]authz.Action{
		"create": {authz.ActionScheduleCreate, authz.ActionDriftDetectionCreate},
		"update": {authz.ActionScheduleUpdate, authz.ActionDriftDetectionUpdate},
		"delete": {authz.ActionScheduleDelete, authz.ActionDriftDetectionDelete},
	}
	if k == domain.ScheduleDrift {
		return actions[verb][1]
	}
	return actions[verb][0]
}

// List returns the schedules of one kind of a stack that the caller may see,
// oldest first.
func (s *Service) List(ctx context.Context, id domain.StackID, kind domain.ScheduleKind) (out []domain.Schedule, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		stack, err := tx.Stack(ctx, id)
		if err != nil {
			return err
		}
		if err := s.gate.See(ctx, tx, authz.ActionStackRead, object(stack, domain.Schedule{})); err != nil {
			return err
		}
		all, err := tx.SchedulesOf(ctx, id)
		if err != nil {
			return err
		}
		out = slices.DeleteFunc(all, func(d domain.Schedule) bool { return d.Kind != kind })
		for i := range out {
			if err := addConfig(ctx, tx, &out[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// addConfig adds the settings that the runs of a schedule have, if they have any.
func addConfig(ctx context.Context, tx Tx, d *domain.Schedule) (err error) {
	if d.Configured {
		d.Config, err = tx.ScheduleConfig(ctx, d.ID)
	}
	return err
}

// DriftDetections returns the drift detection of those stacks of a list that
// have one, unless the stack is hidden from the caller.
func (s *Service) DriftDetections(ctx context.Context, list []domain.Stack) (out map[domain.StackID]domain.Schedule, err error) {
	out = map[domain.StackID]domain.Schedule{}
	ids, stacks := make([]domain.StackID, len(list)), make(map[domain.StackID]domain.Stack, len(list))
	for i, stack := range list {
		ids[i], stacks[stack.ID] = stack.ID, stack
	}
	err = s.db.View(ctx, func(tx Tx) error {
		found, err := tx.DriftDetections(ctx, ids)
		if err != nil {
			return err
		}
		for _, d := range found {
			switch err := s.gate.See(ctx, tx, authz.ActionStackRead, object(stacks[d.Stack], domain.Schedule{})); {
			case err == nil:
				out[d.Stack] = d
			case domain.ErrorCode(err) != domain.CodeNotFound:
				return err
			}
		}
		return nil
	})
	return out, err
}

func eventOf(k domain.ScheduleKind) string {
	switch k {
	case domain.ScheduleTask:
		return "scheduled_task"
	case domain.ScheduleDelete:
		return "scheduled_delete"
	case domain.ScheduleDrift:
		return "drift_detection"
	default:
		return "scheduled_run"
	}
}

// object is the gate's view of a schedule: it is decided as its stack is.
func object(stack domain.Stack, d domain.Schedule) access.Object {
	return access.Object{
		Kind: access.KindSchedule, ID: string(d.ID), Noun: d.Kind.Noun(), Space: stack.Space,
		Entity: authz.EntityRef{Kind: authz.EntityStack, ID: string(stack.ID)},
	}
}
