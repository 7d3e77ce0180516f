package runs

import (
	"cmp"
	"context"
	"regexp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// TriggerInput is what a caller asks for.
type TriggerInput struct {
	Stack    domain.StackID
	Type     domain.RunType        // TRACKED or PROPOSED; empty: TRACKED
	Commit   string                // empty: the one that the stack tracks
	Metadata string                // kept as it came
	Config   *domain.RuntimeConfig // settings for this run only; nil: none
	Force    string                // ForceSingle or ForceCascade; empty: a plan without changes is not applied
}

// How far it reaches that a plan without changes is applied, too: this run, or
// those of the stacks that depend on its stack as well, which then also run when
// nothing that they take has changed.
const (
	ForceSingle  = "SINGLE"
	ForceCascade = "CASCADE"
)

var commitName = regexp.MustCompile(`^[0-9a-fA-F]{7,64}$`)

func (in TriggerInput) check() error {
	switch in.Type {
	case "", domain.RunTracked, domain.RunProposed:
	case domain.RunTask:
		return domain.Invalid("runType", "a TASK has a command: use taskCreate")
	case domain.RunDestroy:
		return domain.Invalid("runType", "delete the stack with destroyResources instead")
	default:
		return domain.Invalid("runType", "only TRACKED and PROPOSED runs can be triggered")
	}
	if in.Commit != "" && !commitName.MatchString(in.Commit) {
		return domain.Invalid("commitSha", "must be a commit hash of 7 to 64 hexadecimal digits")
	}
	if in.Force != "" && in.Type == domain.RunProposed {
		return domain.Invalid("forceApply", "a proposed run applies nothing")
	}
	return domain.CheckText("metadata", in.Metadata)
}

// Trigger queues a tracked or a proposed run. It becomes READY at once unless
// it has to wait for another run of the stack.
func (s *Service) Trigger(ctx context.Context, in TriggerInput) (run domain.Run, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		stack, op, permit, err := s.permitStack(ctx, tx, "run.trigger", authz.ActionRunTrigger, in.Stack)
		if err != nil {
			return err
		}
		if err := in.check(); err != nil {
			return err
		}
		if err := s.guardStart(ctx, tx, op, stack); err != nil {
			return err
		}
		if err := s.mayConfigure(ctx, tx, op, in.Config); err != nil {
			return err
		}
		// Who chooses the commit or the commands chooses the code (security paths E3, E7).
		if in.Commit != "" || in.Config != nil {
			if permit, err = s.gate.ActAs(ctx, tx, op, permit, stack.AsActor()); err != nil {
				return err
			}
		}
		run = s.newRun(ctx, tx, stack, cmp.Or(in.Type, domain.RunTracked))
		if in.Commit != "" {
			run.Commit = domain.Commit{Hash: in.Commit}
		}
		run.Metadata, run.Request.Force, run.ActedAs = in.Metadata, in.Force, permit.ActedAs()
		return s.beginWith(ctx, tx, permit, &run, domain.RunSettings{Config: in.Config})
	})
	return run, err
}

// mayConfigure asks for what settings of a run's own take beside starting it
// (access model A65, security case 33).
func (s *Service) mayConfigure(ctx context.Context, tx Tx, op access.Op, c *domain.RuntimeConfig) error {
	if c == nil {
		return nil
	}
	op.Action = authz.ActionRunTriggerWithCustomRuntimeConfig
	permit, err := s.gate.Permit(ctx, tx, op)
	if err != nil {
		return err
	}
	tx.Also(permit)
	return c.Check()
}

// TaskInput is what a caller asks for.
type TaskInput struct {
	Stack    domain.StackID
	Command  string
	SkipInit bool
	Metadata string // kept as it came
}

// CreateTask queues a command on a stack's workspace.
func (s *Service) CreateTask(ctx context.Context, in TaskInput) (run domain.Run, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		stack, op, permit, err := s.permitStack(ctx, tx, "task.create", authz.ActionTaskCreate, in.Stack)
		if err != nil {
			return err
		}
		if err := domain.CheckCommand("command", in.Command); err != nil {
			return err
		}
		if err := domain.CheckText("metadata", in.Metadata); err != nil {
			return err
		}
		if err := s.guardStart(ctx, tx, op, stack); err != nil {
			return err
		}
		if permit, err = s.gate.ActAs(ctx, tx, op, permit, stack.AsActor()); err != nil { // security path E1
			return err
		}
		run = s.newRun(ctx, tx, stack, domain.RunTask)
		run.Title, run.Metadata, run.ActedAs = "Task", in.Metadata, permit.ActedAs()
		run.Request = domain.RunRequest{Command: in.Command, SkipInit: in.SkipInit}
		return s.begin(ctx, tx, permit, &run)
	})
	return run, err
}

// permitStack permits an operation on the runs of a stack and holds the stack
// until the commit, so that its queue moves one step at a time.
func (s *Service) permitStack(ctx context.Context, tx Tx, event string, action authz.Action, id domain.StackID) (domain.Stack, access.Op, access.Permit, error) {
	stack, err := tx.LockStack(ctx, id)
	op := access.Op{Event: event, Action: action, See: authz.ActionStackRead, Object: object(stack, "")}
	op.Object.Noun, op.Object.Kind, op.Object.ID = "stack", access.KindStack, string(id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return stack, op, access.Permit{}, s.gate.Missing(ctx, tx, op)
	}
	if err != nil {
		return stack, op, access.Permit{}, err
	}
	permit, err := s.gate.Permit(ctx, tx, op)
	return stack, op, permit, err
}
