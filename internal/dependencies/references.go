package dependencies

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// AddReferences hands outputs on to the stack that waits. Beside what a
// dependency takes, the caller must be able to read the state that the outputs
// come from (security path E23), and may only feed a stack that holds roles if
// he could act as it (security rule G2).
func (s *Service) AddReferences(ctx context.Context, id domain.DependencyID, in []domain.OutputReference) (out []domain.OutputReference, err error) {
	if err := countReferences(len(in)); err != nil {
		return nil, err
	}
	err = s.db.ChangeAccess(ctx, func(tx Tx) error { // alone, so that no input is taken twice
		out = nil
		d, err := tx.Dependency(ctx, id)
		permit, err := s.permitFeed(ctx, tx, "stack_dependency.add_reference", "stack dependency", d, err)
		if err != nil {
			return err
		}
		for _, r := range in {
			r.ID, r.Dependency = domain.ReferenceID(s.ids.ULID()), id
			if err := s.guardInput(ctx, tx, d.Stack, r); err != nil {
				return err
			}
			if err := tx.InsertReference(ctx, permit, r); err != nil {
				return err
			}
			out = append(out, r)
		}
		return nil
	})
	return out, err
}

// UpdateReferences changes references, all under the rules of adding them.
func (s *Service) UpdateReferences(ctx context.Context, in []domain.OutputReference) (out []domain.OutputReference, err error) {
	if err := countReferences(len(in)); err != nil {
		return nil, err
	}
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		out = nil
		for _, r := range in {
			d, err := tx.DependencyOfReference(ctx, r.ID)
			permit, err := s.permitFeed(ctx, tx, "stack_dependency.update_reference", "stack dependency reference", d, err)
			if err != nil {
				return err
			}
			r.Dependency = d.ID
			if err := s.guardInput(ctx, tx, d.Stack, r); err != nil {
				return err
			}
			if err := tx.UpdateReference(ctx, permit, r); err != nil {
				return err
			}
			out = append(out, r)
		}
		return nil
	})
	return out, err
}

// DeleteReferences ends that outputs are handed on. What a stack gets changes
// by that, too (security rule G2).
func (s *Service) DeleteReferences(ctx context.Context, ids []domain.ReferenceID) (out []domain.OutputReference, err error) {
	if err := countReferences(len(ids)); err != nil {
		return nil, err
	}
	err = s.db.Change(ctx, func(tx Tx) error {
		out = nil
		for _, id := range ids {
			d, err := tx.DependencyOfReference(ctx, id)
			stack, op, permit, err := s.permitOf(ctx, tx, "stack_dependency.delete_reference", "stack dependency reference", d, err)
			if err != nil {
				return err
			}
			if permit, err = s.gate.ActAs(ctx, tx, op, permit, stack.AsActor()); err != nil {
				return err
			}
			for _, r := range d.References {
				if r.ID == id {
					out = append(out, r)
				}
			}
			if err := tx.DeleteReference(ctx, permit, id); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func countReferences(n int) error {
	if n == 0 || n > domain.MaxDependencies {
		return domain.Invalid("references", "must name 1 to %d references", domain.MaxDependencies)
	}
	return nil
}

// permitFeed permits that outputs of one stack become inputs of another.
func (s *Service) permitFeed(ctx context.Context, tx Tx, event, noun string, d domain.StackDependency, found error) (access.Permit, error) {
	stack, op, permit, err := s.permitOf(ctx, tx, event, noun, d, found)
	if err != nil {
		return permit, err
	}
	upstream, err := s.upstream(ctx, tx, op, d.DependsOn)
	if err != nil {
		return permit, err
	}
	reads, err := s.gate.Permit(ctx, tx, access.Op{
		Event: event, Action: authz.ActionStackStateRead, See: authz.ActionStackRead, Object: object(upstream, "stack"),
	})
	if err != nil {
		return permit, err
	}
	tx.Also(reads)
	return s.gate.ActAs(ctx, tx, op, permit, stack.AsActor())
}

// guardInput refuses two references that would set the same variable.
func (s *Service) guardInput(ctx context.Context, tx Tx, stack domain.StackID, r domain.OutputReference) error {
	if err := r.Check(); err != nil {
		return err
	}
	all, err := tx.DependenciesOf(ctx, stack)
	if err != nil {
		return err
	}
	n := 0
	for _, d := range all {
		for _, other := range d.References {
			if other.Input == r.Input && other.ID != r.ID {
				return domain.Conflict("input %s of stack %s is taken already by another reference", r.Input, stack)
			}
			if d.ID == r.Dependency && other.ID != r.ID {
				n++
			}
		}
	}
	if n >= domain.MaxDependencies {
		return domain.Conflict("%d outputs are handed on already, and no more may be", n)
	}
	return nil
}
