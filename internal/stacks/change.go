package stacks

import (
	"context"
	"reflect"
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// CreateInput is what a caller sets of a new stack.
type CreateInput struct {
	domain.StackSettings // Space empty: legacy if it exists, else root (access model A124)
	Slug                 string
	ManageState          bool
	State                domain.TransferID // an uploaded state to begin with, empty for none
}

// Create makes a stack. The repository is not contacted: what is wrong with
// it shows on the first run.
func (s *Service) Create(ctx context.Context, in CreateInput) (stack domain.Stack, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		if in.Space == "" {
			if in.Space, err = defaultSpace(ctx, tx); err != nil {
				return err
			}
		}
		o := access.Object{Kind: access.KindStack, Noun: "space", Space: in.Space}
		op := operation("stack.create", authz.ActionStackCreate, o)
		op.See = authz.ActionSpaceRead
		permit, err := s.gate.Permit(ctx, tx, op)
		if err != nil {
			return err
		}
		if in.Administrative {
			if err := s.alsoAdmin(ctx, tx, op); err != nil {
				return err
			}
		}
		stack, err = s.build(ctx, tx, in)
		if err != nil {
			return err
		}
		if err := s.guardPool(ctx, tx, op, stack); err != nil {
			return err
		}
		permit = permit.About(string(stack.ID))
		if err := tx.InsertStack(ctx, permit, stack); err != nil {
			return err
		}
		if in.State != "" {
			if err := s.beginWith(ctx, tx, op, permit, stack, in.State); err != nil {
				return err
			}
		}
		return s.autoAttachNew(ctx, tx, permit, stack)
	})
	return stack, err
}

func defaultSpace(ctx context.Context, tx Tx) (domain.SpaceID, error) {
	_, err := tx.Space(ctx, domain.LegacySpace)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return domain.RootSpace, nil
	}
	return domain.LegacySpace, err
}

func (s *Service) build(ctx context.Context, tx Tx, in CreateInput) (domain.Stack, error) {
	stack := domain.Stack{
		ULID: s.ids.ULID(), StackSettings: in.StackSettings, ManagesState: in.ManageState,
		CreatedAt: tx.Now(), RunState: domain.RunNone, StateSetAt: tx.Now(), StateSetBy: access.Name(ctx),
	}
	if err := s.settle(&stack, domain.Vendor{}); err != nil {
		return stack, err
	}
	var err error
	if in.Slug == "" {
		stack.ID, err = freeID(ctx, tx, in.Name, stack.ULID)
		return stack, err
	}
	if domain.Slug(in.Slug) != in.Slug {
		return stack, domain.Invalid("slug", "must be lower-case letters, digits and single hyphens")
	}
	stack.ID = domain.StackID(in.Slug)
	return stack, nil
}

// settle fills defaults and validates. The vendor that a stack has already
// stays, whatever it is.
func (s *Service) settle(stack *domain.Stack, had domain.Vendor) error {
	in := &stack.StackSettings
	if in.Provider == "" {
		in.Provider = domain.ProviderGitHub // what the API's clients leave out
	}
	if in.Vendor == (domain.Vendor{}) {
		in.Vendor.OpenTofu = &domain.TofuVendor{}
	}
	if t := in.Vendor.Tofu(); t != nil && (t.WorkflowTool == "" || t.WorkflowTool == "OPENTOFU") {
		t.WorkflowTool = "OPEN_TOFU"
	}
	if err := in.Check(); err != nil {
		return err
	}
	if !reflect.DeepEqual(in.Vendor, had) {
		if err := stack.CheckVendor(); err != nil {
			return err
		}
	}
	if in.Provider == domain.ProviderGit {
		if err := s.sources(in.RepositoryURL, in.Branch); err != nil {
			return err
		}
	}
	if in.WorkerPool == domain.DefaultWorkerPool {
		in.WorkerPool = "" // one name for it, so that its workers find the stack's runs
	}
	return nil
}

// Update replaces the settings of a stack. An empty space or vendor stays. The
// audit trail names who gains and loses by a move (security case 56).
func (s *Service) Update(ctx context.Context, id domain.StackID, in domain.StackSettings) (domain.Stack, error) {
	return s.change(ctx, "stack.update", id, func(old domain.Stack) (domain.StackSettings, error) {
		if in.Space == "" {
			in.Space = old.Space
		}
		if in.Vendor == (domain.Vendor{}) {
			in.Vendor = old.Vendor
		}
		return in, nil
	})
}

// change gives a stack other settings.
func (s *Service) change(
	ctx context.Context, event string, id domain.StackID, to func(old domain.Stack) (domain.StackSettings, error),
) (stack domain.Stack, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		old, permit, err := s.find(ctx, tx, event, authz.ActionStackUpdate, id)
		if err != nil {
			return err
		}
		in, err := to(old)
		if err != nil {
			return err
		}
		stack = old
		stack.StackSettings = in
		if err := s.settle(&stack, old.Vendor); err != nil {
			return err
		}
		op := operation(event, authz.ActionStackUpdate, Object(old))
		if err := s.guardUpdate(ctx, tx, op, old, stack); err != nil {
			return err
		}
		if old.WorkerPool != stack.WorkerPool {
			if err := s.guardPool(ctx, tx, op, stack); err != nil {
				return err
			}
			if err := s.guardBusy(ctx, tx, op, id); err != nil {
				return err
			}
		}
		if !stack.SameWork(old.StackSettings) {
			if permit, err = s.gate.ActAs(ctx, tx, op, permit, old.AsActor()); err != nil {
				return err
			}
		}
		auto, permit, err := s.autoAttach(ctx, tx, op, permit, old, stack)
		if err != nil {
			return err
		}
		if old.Space != stack.Space {
			homes, change := domain.World{Stacks: []domain.StackActor{old.AsActor()}}, domain.World{Stacks: []domain.StackActor{stack.AsActor()}}
			if permit, err = s.gate.Foretold(ctx, tx, permit, homes, domain.WorldDelta{Put: change}); err != nil {
				return err
			}
		}
		if err := tx.UpdateStack(ctx, permit, stack); err != nil {
			return err
		}
		return tx.ChangeAutoAttachments(ctx, permit, auto, s.ids)
	})
	return stack, err
}

// guardUpdate asks for the rights that a plain update does not need.
func (s *Service) guardUpdate(ctx context.Context, tx Tx, op access.Op, old, next domain.Stack) error {
	moved := old.Space != next.Space
	if next.Administrative && (moved || !old.Administrative) || old.Administrative != next.Administrative {
		there := op
		if moved {
			there.Object.Space, there.Object.Entity = next.Space, authz.EntityRef{}
		}
		if err := s.alsoAdmin(ctx, tx, there); err != nil {
			return err
		}
	}
	if !moved {
		return nil
	}
	return s.guardMove(ctx, tx, op, old, next)
}

// guardMove checks a move to another space: rights at both ends, every
// attachment still reachable, no root binding carried out of root (access
// model R18, A115, A141).
func (s *Service) guardMove(ctx context.Context, tx Tx, op access.Op, old, next domain.Stack) error {
	there := op
	there.Action, there.See = authz.ActionStackCreate, authz.ActionSpaceRead
	there.Object = access.Object{Kind: access.KindStack, ID: string(old.ID), Noun: "space", Space: next.Space}
	there.With, op.With = []domain.SpaceID{old.Space}, []domain.SpaceID{next.Space}
	both, err := s.gate.Permit(ctx, tx, there)
	if err != nil {
		return err
	}
	tx.Also(both)
	if old.Space == domain.RootSpace {
		bindings, err := tx.BindingsOf(ctx, authz.ActorRef{Kind: authz.ActorStack, ID: string(old.ID)})
		if err != nil {
			return err
		}
		var atRoot []string
		for _, b := range bindings {
			if b.Space == domain.RootSpace && !b.Expired(tx.Now()) {
				atRoot = append(atRoot, string(b.ID))
			}
		}
		if atRoot != nil {
			return s.gate.Refuse(ctx, tx, op, domain.Conflict(
				"stack %s holds roles at root and cannot leave root; remove these role bindings first: %s", old.ID, strings.Join(atRoot, ", ")))
		}
	}
	return s.keepReachable(ctx, tx, op, old, next)
}

// alsoAdmin asks for Space admin of the space as well: the administrative flag
// equals a Space admin binding of the stack (access model R1). A role on the
// stack itself does not reach that far (R24).
func (s *Service) alsoAdmin(ctx context.Context, tx Tx, op access.Op) error {
	op.Action, op.SpaceWide = authz.ActionSpaceAdmin, true
	p, err := s.gate.Permit(ctx, tx, op)
	if err == nil {
		tx.Also(p)
	}
	return err
}
