package contexts

import (
	"context"
	"math"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// AttachmentView is an attachment with what it connects.
type AttachmentView struct {
	domain.ContextAttachment
	ContextOf domain.Context
	StackOf   domain.Stack
}

// Attach puts a context on a stack.
func (s *Service) Attach(ctx context.Context, id domain.ContextID, a StackAttachment) (v AttachmentView, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		c, err := tx.LockContext(ctx, id) // so that it neither moves nor goes meanwhile
		if err == nil {
			err = s.gate.See(ctx, tx, authz.ActionContextRead, object(c))
		}
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return s.gate.Missing(ctx, tx, operation("context.attach", authz.ActionContextRead, object(domain.Context{ID: id})))
		}
		if err != nil {
			return err
		}
		v, err = s.attach(ctx, tx, c, a)
		return err
	})
	return v, err
}

// attach asks for stack:manage where the stack lives, and that the context is
// within the stack's reach (access model R4, A114).
func (s *Service) attach(ctx context.Context, tx Tx, c domain.Context, a StackAttachment) (AttachmentView, error) {
	v := AttachmentView{ContextOf: c}
	if a.Priority < math.MinInt32 || a.Priority > math.MaxInt32 {
		return v, domain.Invalid("priority", "must be a number of 32 bits")
	}
	stack, permit, err := s.permitStack(ctx, tx, "context.attach", "stack", a.Stack)
	if err != nil {
		return v, err
	}
	path, err := tx.Path(ctx, stack.Space)
	if err != nil {
		return v, err
	}
	if !path.Reaches(c.Space) {
		op := access.Op{Event: "context.attach", Action: authz.ActionStackManage, Object: object(c), With: []domain.SpaceID{stack.Space}}
		return v, s.gate.Refuse(ctx, tx, op, domain.Conflict(
			"context %s of space %s is out of reach of stack %s in space %s", c.ID, c.Space, stack.ID, stack.Space))
	}
	op := access.Op{Event: "context.attach", Action: authz.ActionStackManage, Object: stackObject(stack, "stack")}
	if permit, err = s.gate.ActAs(ctx, tx, op, permit, stack.AsActor()); err != nil {
		return v, err
	}
	if err := replaceAuto(ctx, tx, permit, c.ID, stack.ID); err != nil {
		return v, err
	}
	v.StackOf = stack
	v.ContextAttachment = domain.ContextAttachment{
		ID: domain.ContextAttachmentID(s.ids.ULID()), Context: c.ID, Stack: stack.ID, Priority: a.Priority,
	}
	return v, tx.InsertContextAttachment(ctx, permit, v.ContextAttachment)
}

// permitStack permits a change of what is attached to a stack; what is hidden
// from the caller is called noun, after what he named.
func (s *Service) permitStack(ctx context.Context, tx Tx, event, noun string, id domain.StackID) (domain.Stack, access.Permit, error) {
	stack, err := tx.Stack(ctx, id)
	op := access.Op{Event: event, Action: authz.ActionStackManage, See: authz.ActionStackRead, Object: stackObject(stack, noun)}
	op.Object.ID, op.Object.Entity = string(id), stackEntity(id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return stack, access.Permit{}, s.gate.Missing(ctx, tx, op)
	}
	if err != nil {
		return stack, access.Permit{}, err
	}
	permit, err := s.gate.Permit(ctx, tx, op)
	return stack, permit, err
}

func stackObject(stack domain.Stack, noun string) access.Object {
	return access.Object{Kind: access.KindStack, ID: string(stack.ID), Noun: noun, Space: stack.Space, Entity: stackEntity(stack.ID)}
}

func stackEntity(id domain.StackID) authz.EntityRef {
	return authz.EntityRef{Kind: authz.EntityStack, ID: string(id)}
}

// Detach takes a context off a stack.
func (s *Service) Detach(ctx context.Context, id domain.ContextAttachmentID) (v AttachmentView, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		a, err := tx.ContextAttachment(ctx, id)
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return s.gate.Missing(ctx, tx, access.Op{
				Event: "context.detach", Action: authz.ActionStackManage,
				Object: access.Object{Kind: access.KindStack, ID: string(id), Noun: "context attachment"},
			})
		}
		if err != nil {
			return err
		}
		stack, permit, err := s.permitStack(ctx, tx, "context.detach", "context attachment", a.Stack)
		if err != nil {
			return err
		}
		c, err := tx.Context(ctx, a.Context)
		if err != nil {
			return err
		}
		op := access.Op{Event: "context.detach", Action: authz.ActionStackManage, Object: stackObject(stack, "context attachment")}
		if label, _ := domain.AutoAttaches(c.Labels, stack.Labels); a.Auto {
			return s.gate.Refuse(ctx, tx, op, domain.Conflict("context %s is attached to stack %s by its label %s; change the labels to detach it", c.ID, stack.ID, label))
		}
		if permit, err = s.gate.ActAs(ctx, tx, op, permit, stack.AsActor()); err != nil {
			return err
		}
		v = AttachmentView{ContextAttachment: a, ContextOf: c, StackOf: stack}
		return tx.DeleteContextAttachment(ctx, permit, id)
	})
	return v, err
}

// OfStack returns what is attached to a stack that the caller may see.
func (s *Service) OfStack(ctx context.Context, id domain.StackID) ([]AttachmentView, error) {
	return s.attachments(ctx, func(tx Tx) ([]domain.ContextAttachment, error) {
		return tx.AttachmentsOfStack(ctx, id)
	})
}

// OfContext returns where a context is attached, as far as the caller may see
// the stacks.
func (s *Service) OfContext(ctx context.Context, id domain.ContextID) ([]AttachmentView, error) {
	return s.attachments(ctx, func(tx Tx) ([]domain.ContextAttachment, error) {
		return tx.AttachmentsOfContext(ctx, id)
	})
}

// attachments shows those whose both ends the caller may see: a filtered list
// never tells how much was left out.
func (s *Service) attachments(ctx context.Context, read func(Tx) ([]domain.ContextAttachment, error)) (out []AttachmentView, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		all, err := read(tx)
		if err != nil {
			return err
		}
		contexts, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityContext)
		if err != nil {
			return err
		}
		stacks, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityStack)
		if err != nil {
			return err
		}
		for _, a := range all {
			v := AttachmentView{ContextAttachment: a}
			if v.ContextOf, err = tx.Context(ctx, a.Context); err != nil {
				return err
			}
			if v.StackOf, err = tx.Stack(ctx, a.Stack); err != nil {
				return err
			}
			if contexts.Shows(v.ContextOf.Space, object(v.ContextOf).Entity) && stacks.Shows(v.StackOf.Space, stackEntity(a.Stack)) {
				out = append(out, v)
			}
		}
		return nil
	})
	return out, err
}

// guardMove checks a context's move: Space admin at both ends, and every stack
// that uses it still reaches it (access model R18, A116). A role on the context
// itself counts where it leaves, not where it arrives (R24).
func (s *Service) guardMove(ctx context.Context, tx Tx, c domain.Context, to domain.SpaceID) error {
	for _, space := range []domain.SpaceID{c.Space, to} {
		o := object(c)
		o.Space = space
		op := operation("context.update", authz.ActionSpaceAdmin, o)
		op.With = []domain.SpaceID{c.Space, to}
		if space == to {
			op.Object.Noun, op.Object.Entity, op.See = "space", authz.EntityRef{}, authz.ActionSpaceRead
		}
		p, err := s.gate.Permit(ctx, tx, op)
		if err != nil {
			return err
		}
		tx.Also(p)
	}
	lost, err := outOfReach(ctx, tx, c.ID, to)
	if err != nil {
		return err
	}
	return s.gate.KeepUses(ctx, tx, operation("context.update", authz.ActionContextUpdate, object(c)), lost)
}

// outOfReach returns the uses of a context by stacks that do not reach a space.
func outOfReach(ctx context.Context, tx Tx, id domain.ContextID, space domain.SpaceID) ([]domain.Use, error) {
	uses, err := tx.UsesOfEntity(ctx, access.KindContext, string(id))
	if err != nil {
		return nil, err
	}
	reaches := map[domain.SpaceID]bool{}
	for _, u := range uses {
		if _, asked := reaches[u.StackSpace]; asked {
			continue
		}
		path, err := tx.Path(ctx, u.StackSpace)
		if err != nil {
			return nil, err
		}
		reaches[u.StackSpace] = path.Reaches(space)
	}
	return slices.DeleteFunc(uses, func(u domain.Use) bool { return reaches[u.StackSpace] }), nil
}
