package spaces

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Update changes a space. Name, description and labels are for its admins;
// the parent and the inherit flag for admins of root (access model R16, A107).
func (s *Service) Update(ctx context.Context, id domain.SpaceID, in Input) (v View, err error) {
	op := operation("space.update", id, id)
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		permit, err := s.gate.Permit(ctx, tx, op)
		if err != nil {
			return err
		}
		old, err := tx.Space(ctx, id)
		if err != nil {
			return err
		}
		next := old
		next.Name, next.Description, next.Labels = in.Name, in.Description, in.Labels
		next.Parent, next.Inherit = in.Parent, in.Inherit
		if id == domain.RootSpace {
			next.Parent, next.Inherit = old.Parent, old.Inherit
		}
		if err := next.Check(); err != nil {
			return err
		}
		if err := s.guard(ctx, tx, op, old, next); err != nil {
			return err
		}
		v = View{Space: next, Level: authz.LevelAdmin}
		return tx.UpdateSpace(ctx, permit, next)
	})
	return v, err
}

// guard checks what a change of name or shape may break.
func (s *Service) guard(ctx context.Context, tx Tx, op access.Op, old, next domain.Space) error {
	if old.ID == domain.RootSpace && next.Name != old.Name {
		return s.gate.Refuse(ctx, tx, op, domain.Conflict("space root cannot be renamed"))
	}
	if old.Parent == next.Parent && old.Inherit == next.Inherit {
		return nil
	}
	if _, err := s.gate.Account(ctx, tx, op); err != nil {
		return err
	}
	if old.ID.BuiltIn() && old.Parent != next.Parent {
		return s.gate.Refuse(ctx, tx, op, domain.Conflict("space %s cannot be moved", old.ID))
	}
	world, err := tx.World(ctx)
	if err != nil {
		return err
	}
	before := domain.NewTree(world.Spaces)
	if _, ok := before[next.Parent]; !ok {
		return domain.Invalid("parentSpace", "space not found")
	}
	if before.Inside(next.Parent, next.ID) {
		return domain.Invalid("parentSpace", "a space cannot be moved below itself")
	}
	after := domain.NewTree(world.Spaces)
	after[next.ID] = next
	return s.keepReachable(ctx, tx, op, before, after)
}

// keepReachable refuses a change of the tree that would cut a stack off from
// an entity it uses (access model A112, A113).
func (s *Service) keepReachable(ctx context.Context, tx Tx, op access.Op, before, after domain.Tree) error {
	uses, err := tx.Uses(ctx)
	if err != nil {
		return err
	}
	for _, u := range uses {
		if before.Reaches(u.StackSpace, u.EntitySpace) && !after.Reaches(u.StackSpace, u.EntitySpace) {
			return s.gate.Refuse(ctx, tx, op, domain.Conflict(
				"stack %s would lose %s %s of space %s", u.Stack, u.EntityKind, u.Entity, u.EntitySpace))
		}
	}
	return nil
}
