// Package dependencies holds the use cases of stack dependencies: which stacks
// run after which others, and which outputs are handed on. What follows for
// runs, the runs package does.
package dependencies

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
	Dependency(ctx context.Context, id domain.DependencyID) (domain.StackDependency, error)
	DependencyOfReference(ctx context.Context, id domain.ReferenceID) (domain.StackDependency, error)
	DependenciesOf(ctx context.Context, id domain.StackID) ([]domain.StackDependency, error)
	DependentsOf(ctx context.Context, id domain.StackID) ([]domain.StackDependency, error)
	DependenciesAbove(ctx context.Context, id domain.StackID) ([]domain.StackDependency, error)
	InsertDependency(ctx context.Context, p access.Permit, d domain.StackDependency) error
	UpdateDependency(ctx context.Context, p access.Permit, d domain.StackDependency) error
	DeleteDependency(ctx context.Context, p access.Permit, id domain.DependencyID) error
	InsertReference(ctx context.Context, p access.Permit, r domain.OutputReference) error
	UpdateReference(ctx context.Context, p access.Permit, r domain.OutputReference) error
	DeleteReference(ctx context.Context, p access.Permit, id domain.ReferenceID) error
	Also(p access.Permit)
}

// Service answers and changes stack dependencies.
type Service struct {
	db   access.Transactor[Tx]
	gate *access.Gate
	ids  domain.IDSource
}

// New returns the use cases of stack dependencies.
func New(db access.Transactor[Tx], gate *access.Gate, ids domain.IDSource) *Service {
	return &Service{db: db, gate: gate, ids: ids}
}

// View is a dependency with what the caller may see of its two ends. Each has
// its id; Hidden says that the caller may see no more of the upstream stack.
type View struct {
	domain.StackDependency
	StackOf    domain.Stack
	UpstreamOf domain.Stack
	Hidden     bool
}

// Input is a dependency to make.
type Input struct {
	Stack, DependsOn domain.StackID
	TriggerAlways    bool
}

// Create lets a stack wait for another: it takes Space admin where the stack
// that waits lives, and sight of the other one (access model A278).
func (s *Service) Create(ctx context.Context, in Input) (v View, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error { // alone, so that two edges cannot close a circle
		v, err = s.create(ctx, tx, in)
		return err
	})
	return v, err
}

// CreateAll lets one stack wait for several others, or for none of them.
func (s *Service) CreateAll(ctx context.Context, stack domain.StackID, on []domain.StackID) (out []View, err error) {
	if len(on) == 0 || len(on) > domain.MaxDependencies {
		return nil, domain.Invalid("dependsOnStackIDs", "must name 1 to %d stacks", domain.MaxDependencies)
	}
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		out = nil
		for _, id := range on {
			v, err := s.create(ctx, tx, Input{Stack: stack, DependsOn: id})
			if err != nil {
				return err
			}
			out = append(out, v)
		}
		return nil
	})
	return out, err
}

func (s *Service) create(ctx context.Context, tx Tx, in Input) (View, error) {
	stack, op, permit, err := s.permit(ctx, tx, "stack_dependency.create", "stack", in.Stack)
	if err != nil {
		return View{}, err
	}
	upstream, err := s.upstream(ctx, tx, op, in.DependsOn)
	if err != nil {
		return View{}, err
	}
	d := domain.StackDependency{
		ID: domain.DependencyID(s.ids.ULID()), Stack: stack.ID, DependsOn: upstream.ID,
		TriggerAlways: in.TriggerAlways, CreatedAt: tx.Now(),
	}
	if err := s.guardShape(ctx, tx, op, d); err != nil {
		return View{}, err
	}
	return View{StackDependency: d, StackOf: stack, UpstreamOf: upstream}, tx.InsertDependency(ctx, permit, d)
}

// upstream returns the stack to wait for. One that the caller does not see is
// not there for him.
func (s *Service) upstream(ctx context.Context, tx Tx, op access.Op, id domain.StackID) (domain.Stack, error) {
	upstream, err := tx.Stack(ctx, id)
	if err == nil {
		err = s.gate.See(ctx, tx, authz.ActionStackRead, object(upstream, "stack"))
	}
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return upstream, s.gate.Refuse(ctx, tx, op, domain.NotFound("stack"))
	}
	return upstream, err
}

// guardShape refuses circles, naming the way round, and too many edges. Of the
// stacks on the way the caller may not see all: those are left out.
func (s *Service) guardShape(ctx context.Context, tx Tx, op access.Op, d domain.StackDependency) error {
	above, err := tx.DependenciesAbove(ctx, d.DependsOn)
	if err != nil {
		return err
	}
	if path := domain.CirclePath(above, d.Stack, d.DependsOn); path != nil {
		shown, err := s.visible(ctx, tx, path)
		if err != nil {
			return err
		}
		return s.gate.Refuse(ctx, tx, op, domain.Conflict("stack %s would wait for itself: %s", d.Stack, domain.SayPath(shown)))
	}
	own, err := tx.DependenciesOf(ctx, d.Stack)
	if err == nil && len(own) >= domain.MaxDependencies {
		return domain.Conflict("stack %s depends on %d stacks already, and may on no more", d.Stack, len(own))
	}
	return err
}

func (s *Service) visible(ctx context.Context, tx Tx, path []domain.StackID) ([]domain.StackID, error) {
	scope, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityStack)
	if err != nil {
		return nil, err
	}
	out := slices.Clone(path)
	for i, id := range path {
		stack, err := tx.Stack(ctx, id)
		if err != nil {
			return nil, err
		}
		if !scope.Shows(stack.Space, entity(id)) && id != path[0] {
			out[i] = "(hidden)"
		}
	}
	return out, nil
}

// Update says whether a stack runs also when nothing handed on has changed.
func (s *Service) Update(ctx context.Context, id domain.DependencyID, always *bool) (v View, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		d, err := tx.Dependency(ctx, id)
		stack, _, permit, err := s.permitOf(ctx, tx, "stack_dependency.update", "stack dependency", d, err)
		if err != nil {
			return err
		}
		if always != nil {
			d.TriggerAlways = *always
		}
		if v, err = s.view(ctx, tx, stack, d); err != nil {
			return err
		}
		return tx.UpdateDependency(ctx, permit, d)
	})
	return v, err
}

// Delete ends that a stack waits for another. Who takes inputs away changes
// what the stack's runs do (security rule G2).
func (s *Service) Delete(ctx context.Context, id domain.DependencyID) (v View, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		d, err := tx.Dependency(ctx, id)
		stack, op, permit, err := s.permitOf(ctx, tx, "stack_dependency.delete", "stack dependency", d, err)
		if err != nil {
			return err
		}
		if len(d.References) > 0 {
			if permit, err = s.gate.ActAs(ctx, tx, op, permit, stack.AsActor()); err != nil {
				return err
			}
		}
		if v, err = s.view(ctx, tx, stack, d); err != nil {
			return err
		}
		return tx.DeleteDependency(ctx, permit, id)
	})
	return v, err
}

// view shows a dependency to who may change it; he may have lost sight of the
// stack upstream since.
func (s *Service) view(ctx context.Context, tx Tx, stack domain.Stack, d domain.StackDependency) (View, error) {
	v := View{StackDependency: d, StackOf: stack, UpstreamOf: domain.Stack{ID: d.DependsOn}, Hidden: true}
	upstream, err := tx.Stack(ctx, d.DependsOn)
	if err != nil {
		return v, err
	}
	err = s.gate.See(ctx, tx, authz.ActionStackRead, object(upstream, "stack"))
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return v, nil
	}
	v.UpstreamOf, v.Hidden = upstream, false
	return v, err
}

// permit asks for Space admin on the stack that waits: there is no action of
// its own for dependencies (access model A59, A278).
func (s *Service) permit(ctx context.Context, tx Tx, event, noun string, id domain.StackID) (domain.Stack, access.Op, access.Permit, error) {
	stack, err := tx.Stack(ctx, id)
	op := access.Op{Event: event, Action: authz.ActionSpaceAdmin, See: authz.ActionStackRead, Object: object(stack, noun)}
	op.Object.ID, op.Object.Entity = string(id), entity(id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return stack, op, access.Permit{}, s.gate.Missing(ctx, tx, op)
	}
	if err != nil {
		return stack, op, access.Permit{}, err
	}
	permit, err := s.gate.Permit(ctx, tx, op)
	return stack, op, permit, err
}

// permitOf is permit for a dependency that was looked for, with what came of it.
func (s *Service) permitOf(ctx context.Context, tx Tx, event, noun string, d domain.StackDependency, found error) (domain.Stack, access.Op, access.Permit, error) {
	if found != nil && domain.ErrorCode(found) != domain.CodeNotFound {
		return domain.Stack{}, access.Op{}, access.Permit{}, found
	}
	return s.permit(ctx, tx, event, noun, d.Stack)
}

func object(stack domain.Stack, noun string) access.Object {
	return access.Object{Kind: access.KindStack, ID: string(stack.ID), Noun: noun, Space: stack.Space, Entity: entity(stack.ID)}
}

func entity(id domain.StackID) authz.EntityRef {
	return authz.EntityRef{Kind: authz.EntityStack, ID: string(id)}
}
