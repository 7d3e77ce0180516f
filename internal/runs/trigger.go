package runs

import (
	"context"
	"regexp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// TriggerInput is what a caller asks for.
type TriggerInput struct {
	Stack    domain.StackID
	Type     domain.RunType // empty: TRACKED
	Commit   string         // empty: the head of the stack's branch
	Metadata string         // kept as it came
}

var commitName = regexp.MustCompile(`^[0-9a-fA-F]{7,64}$`)

func (in TriggerInput) check() error {
	if in.Type != "" && in.Type != domain.RunTracked {
		return domain.Invalid("runType", "only TRACKED runs can be triggered so far")
	}
	if in.Commit != "" && !commitName.MatchString(in.Commit) {
		return domain.Invalid("commitSha", "must be a commit hash of 7 to 64 hexadecimal digits")
	}
	return domain.CheckText("metadata", in.Metadata)
}

// Trigger queues a tracked run. It becomes READY at once unless another run
// holds the stack.
func (s *Service) Trigger(ctx context.Context, in TriggerInput) (run domain.Run, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		stack, permit, err := s.permitStack(ctx, tx, "run.trigger", authz.ActionRunTrigger, in.Stack)
		if err != nil {
			return err
		}
		if err := in.check(); err != nil {
			return err
		}
		run = domain.Run{
			ID: domain.RunID(s.ids.ULID()), StackID: stack.ID, Type: domain.RunTracked, State: domain.RunQueued,
			StateSerial: 1, Commit: domain.Commit{Hash: in.Commit}, Branch: stack.Branch, Title: "Manual trigger",
			Metadata: in.Metadata, TriggeredBy: access.Name(ctx), CreatedAt: tx.Now(), UpdatedAt: tx.Now(),
			Autodeploy: stack.Autodeploy,
		}
		if err := tx.InsertRun(ctx, permit.For(access.KindRun).About(string(run.ID)), run); err != nil {
			return err
		}
		next, err := s.promote(ctx, tx, stack.ID)
		if err == nil && next != nil && next.ID == run.ID {
			run = *next
		}
		return err
	})
	return run, err
}

// permitStack permits an operation on the runs of a stack and holds the stack
// until the commit, so that its queue moves one step at a time.
func (s *Service) permitStack(ctx context.Context, tx Tx, event string, action authz.Action, id domain.StackID) (domain.Stack, access.Permit, error) {
	stack, err := tx.LockStack(ctx, id)
	op := access.Op{Event: event, Action: action, See: authz.ActionStackRead, Object: object(stack, "")}
	op.Object.Noun, op.Object.Kind, op.Object.ID = "stack", access.KindStack, string(id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return stack, access.Permit{}, s.gate.Missing(ctx, tx, op)
	}
	if err != nil {
		return stack, access.Permit{}, err
	}
	permit, err := s.gate.Permit(ctx, tx, op)
	return stack, permit, err
}

// promote makes the oldest queued run of a stack READY if nothing holds the
// stack. The caller holds the stack.
func (s *Service) promote(ctx context.Context, tx Tx, id domain.StackID) (*domain.Run, error) {
	_, err := tx.Blocker(ctx, id)
	if domain.ErrorCode(err) != domain.CodeNotFound {
		return nil, err // held, or a failed look-up
	}
	run, err := tx.NextQueued(ctx, id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	permit, err := s.gate.System(access.SystemRunLease, access.KindRun, string(run.ID))
	if err != nil {
		return nil, err
	}
	from := run.State
	if err := run.Advance(domain.RunReady, tx.Now(), ""); err != nil {
		return nil, err
	}
	return &run, tx.AdvanceRun(ctx, permit, run, from, "")
}
