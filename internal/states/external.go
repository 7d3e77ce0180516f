package states

import (
	"context"
	"errors"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Pulled is a state that was read from outside a run.
type Pulled struct {
	domain.StateVersion
	Body []byte

	stored domain.Stored
}

// Reachable returns a stack whose state the caller may read from outside its
// runs: it takes stack:state-read and stack:state-download, and that the stack
// allows it (access model R2, A126-A130). A refusal is recorded, an answer is
// not: nothing of the state is in it.
func (s *Service) Reachable(ctx context.Context, id domain.StackID) (stack domain.Stack, err error) {
	err = s.view(ctx, func(tx Tx) error {
		stack, _, err = s.open(ctx, tx, "state.find", id)
		return err
	})
	return stack, err
}

// Current returns the description of a stack's current state, under the rule
// of Reachable. Without any state yet it is not found.
func (s *Service) Current(ctx context.Context, id domain.StackID) (v domain.StateVersion, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		v, err = s.current(ctx, tx, "state.read", id)
		return err
	})
	return v, err
}

// Version is Current for one version, current or not.
func (s *Service) Version(ctx context.Context, id domain.StateVersionID) (v domain.StateVersion, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		v, err = s.openVersion(ctx, tx, "state.read", id)
		return err
	})
	return v, err
}

// RefuseWrite is the refusal of a change from outside, which nobody may make,
// to a caller who may at least read. It is recorded.
func (s *Service) RefuseWrite(ctx context.Context, id domain.StackID, shown error) error {
	return s.view(ctx, func(tx Tx) error {
		stack, _, err := s.open(ctx, tx, "state.write", id)
		if err != nil {
			return err
		}
		var reason *domain.Error
		if !errors.As(shown, &reason) {
			return shown
		}
		return s.gate.Refuse(ctx, tx, operation("state.write", authz.ActionStackStateRead, stack), reason)
	})
}

// Pull returns the current state itself, under the rule of Reachable.
func (s *Service) Pull(ctx context.Context, id domain.StackID) (p Pulled, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		if p.StateVersion, err = s.current(ctx, tx, "state.download", id); err != nil {
			return err
		}
		p.stored, err = tx.StateStored(ctx, p.StateVersion)
		return err
	})
	return s.pulled(ctx, p, err)
}

// PullVersion is Pull for one version, current or not.
func (s *Service) PullVersion(ctx context.Context, id domain.StateVersionID) (p Pulled, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		p, err = s.pullVersion(ctx, tx, id)
		return err
	})
	return s.pulled(ctx, p, err)
}

// pulled reads the body of what a transaction has found.
func (s *Service) pulled(ctx context.Context, p Pulled, err error) (Pulled, error) {
	if err == nil {
		p.Body, err = s.body(ctx, p.stored, p.StateVersion)
	}
	return p, err
}

func (s *Service) pullVersion(ctx context.Context, tx Tx, id domain.StateVersionID) (p Pulled, err error) {
	v, err := s.openVersion(ctx, tx, "state.download", id)
	if err != nil {
		return p, err
	}
	p.StateVersion = v
	p.stored, err = tx.StateStored(ctx, v)
	return p, err
}

// openVersion permits the caller to read one version and records it.
func (s *Service) openVersion(ctx context.Context, tx Tx, event string, id domain.StateVersionID) (domain.StateVersion, error) {
	v, err := tx.StateVersion(ctx, id)
	if err != nil && domain.ErrorCode(err) != domain.CodeNotFound {
		return v, err
	}
	// A version that does not exist is one of a stack that does not exist.
	_, permit, err := s.open(ctx, tx, event, v.StackID)
	if err != nil {
		return v, err
	}
	return v, tx.RecordRead(permit.Noting("version " + string(id)))
}

// current permits the caller to read the current version and records it.
func (s *Service) current(ctx context.Context, tx Tx, event string, id domain.StackID) (v domain.StateVersion, err error) {
	_, permit, err := s.open(ctx, tx, event, id)
	if err != nil {
		return v, err
	}
	v, err = tx.CurrentState(ctx, id)
	if err != nil {
		return v, err
	}
	return v, tx.RecordRead(permit.Noting("version " + string(v.ID)))
}

// open decides whether the caller may read a stack's state from outside.
func (s *Service) open(ctx context.Context, tx Tx, event string, id domain.StackID) (domain.Stack, access.Permit, error) {
	stack, err := tx.Stack(ctx, id)
	op := operation(event, authz.ActionStackStateDownload, domain.Stack{ID: id, StackSettings: stack.StackSettings})
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return stack, access.Permit{}, s.gate.Missing(ctx, tx, op)
	}
	if err != nil {
		return stack, access.Permit{}, err
	}
	read := op
	read.Action = authz.ActionStackStateRead
	reads, err := s.gate.Permit(ctx, tx, read)
	if err != nil {
		return stack, access.Permit{}, err
	}
	permit, err := s.gate.Permit(ctx, tx, op)
	if err != nil {
		return stack, access.Permit{}, err
	}
	tx.Also(reads)
	if shown := closed(stack); shown != nil {
		return stack, access.Permit{}, s.gate.Refuse(ctx, tx, op, shown)
	}
	return stack, permit, nil
}

// closed says why nobody at all reads a stack's state from outside.
func closed(stack domain.Stack) *domain.Error {
	forbidden := func(message string) *domain.Error {
		return &domain.Error{Code: domain.CodeForbidden, Message: "forbidden: " + message}
	}
	t := stack.Vendor.Tofu()
	switch {
	case !stack.ManagesState:
		return forbidden("the state of stack " + string(stack.ID) + " is not kept here")
	case t == nil || !t.ExternalStateAccess:
		return forbidden("stack " + string(stack.ID) + " does not allow its state to be read from outside; " +
			"its setting externalStateAccessEnabled does, and takes stack:update to change")
	default:
		return nil
	}
}

// operation is one on the state of a stack. It is decided as the stack is.
func operation(event string, action authz.Action, stack domain.Stack) access.Op {
	return access.Op{Event: event, Action: action, See: authz.ActionStackRead, Object: access.Object{
		Kind: access.KindState, ID: string(stack.ID), Noun: "stack", Space: stack.Space,
		Entity: authz.EntityRef{Kind: authz.EntityStack, ID: string(stack.ID)},
	}}
}

// view is a View whose refusals are recorded.
func (s *Service) view(ctx context.Context, fn func(tx Tx) error) error {
	err := s.db.View(ctx, fn)
	var denial *access.Denial
	if errors.As(err, &denial) {
		return s.db.Deny(ctx, denial)
	}
	return err
}
