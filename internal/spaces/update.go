package spaces

import (
	"context"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Update changes a space. Name, description and labels are for its admins; the
// parent for admins of root or, with the tree delegated, for whoever administers
// the space and both parents; the inherit flag for admins of root only (access
// model R16, A103, A107). The audit trail names who gains and loses by another
// place in the tree.
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
		var auto domain.AutoChange
		if old.Parent != next.Parent || old.Inherit != next.Inherit {
			change := domain.WorldDelta{Put: domain.World{Spaces: []domain.Space{next}}}
			if permit, err = s.gate.Foretold(ctx, tx, permit, domain.World{}, change); err != nil {
				return err
			}
			if auto, permit, err = s.autoAttach(ctx, tx, op, permit, next); err != nil {
				return err
			}
		}
		v = View{Space: next, Level: authz.LevelAdmin}
		if err := tx.UpdateSpace(ctx, permit, next); err != nil {
			return err
		}
		return tx.ChangeAutoAttachments(ctx, permit.For(access.KindStack), auto, s.ids)
	})
	return v, err
}

// guard asks for the rights that a change of shape needs beyond the space's
// own, and checks what it may break.
func (s *Service) guard(ctx context.Context, tx Tx, op access.Op, old, next domain.Space) error {
	if old.ID == domain.RootSpace && next.Name != old.Name {
		return s.gate.Refuse(ctx, tx, op, domain.Conflict("space root cannot be renamed"))
	}
	moved := old.Parent != next.Parent
	if !moved && old.Inherit == next.Inherit {
		return nil
	}
	if old.Inherit != next.Inherit {
		if err := s.permitInherit(ctx, tx, op); err != nil {
			return err
		}
	}
	if moved {
		op.With = []domain.SpaceID{old.ID, old.Parent, next.Parent}
		p, err := s.permitShape(ctx, tx, op, old.ID, old.Parent, next.Parent)
		if err != nil {
			return err
		}
		tx.Also(p)
		if old.ID.BuiltIn() {
			return s.gate.Refuse(ctx, tx, op, domain.Conflict("space %s cannot be moved", old.ID))
		}
	}
	return s.guardTree(ctx, tx, op, next)
}

// guardTree checks that the tree stays one, and that no stack loses what it
// uses (access model A3, A112, A113).
func (s *Service) guardTree(ctx context.Context, tx Tx, op access.Op, next domain.Space) error {
	before, err := tx.Path(ctx, next.ID)
	if err != nil {
		return err
	}
	above, err := tx.Path(ctx, next.Parent)
	if err != nil {
		return field("parentSpace", err)
	}
	if above.Holds(next.ID) {
		return domain.Invalid("parentSpace", "a space cannot be moved below itself")
	}
	after := append(domain.Path{next}, above...)
	// What stacks below reach within the moved part stays as it is.
	gone := slices.DeleteFunc(before.Reach(), after.Reaches)
	if len(gone) == 0 {
		return nil
	}
	lost, err := tx.UsesBelow(ctx, next.ID, gone)
	if err != nil {
		return err
	}
	return s.gate.KeepUses(ctx, tx, op, lost)
}
