// Package stacks holds the use cases of stacks: their settings, their
// configuration and their outputs. It never contacts a repository and never
// starts anything; runs do.
package stacks

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.ActAsReader
	access.Namer
	Space(ctx context.Context, id domain.SpaceID) (domain.Space, error)
	Stack(ctx context.Context, id domain.StackID) (domain.Stack, error)
	LockStack(ctx context.Context, id domain.StackID) (domain.Stack, error)
	StackIDTaken(ctx context.Context, id domain.StackID) (bool, error)
	Stacks(ctx context.Context, scope access.Scope) ([]domain.Stack, error)
	SearchStacks(ctx context.Context, scope access.Scope, q domain.StackSearch) ([]domain.StackHit, error)
	InsertStack(ctx context.Context, p access.Permit, s domain.Stack) error
	UpdateStack(ctx context.Context, p access.Permit, s domain.Stack) error
	DeleteStack(ctx context.Context, p access.Permit, id domain.StackID) error
	SetStackLife(ctx context.Context, p access.Permit, id domain.StackID, l domain.StackLife) error
	DestroyedStacks(ctx context.Context) ([]domain.Stack, error)
	RenameStack(ctx context.Context, p access.Permit, id, next domain.StackID) error
	WorkerPool(ctx context.Context, id domain.WorkerPoolID) (domain.WorkerPool, error)
	Config(ctx context.Context, owner access.Kind, id string) ([]domain.Config, error)
	PutConfig(ctx context.Context, p access.Permit, owner access.Kind, id string, c domain.Config) error
	DeleteConfig(ctx context.Context, p access.Permit, owner access.Kind, id, element string) error
	Outputs(ctx context.Context, id domain.StackID) ([]domain.Output, error)
	CurrentState(ctx context.Context, id domain.StackID) (domain.StateVersion, error)
	StateStored(ctx context.Context, v domain.StateVersion) (domain.Stored, error)
	ManagedEntities(ctx context.Context, id domain.StackID) ([]domain.ManagedEntity, error)
	SearchEntities(ctx context.Context, scope access.Scope, q domain.EntitySearch) ([]domain.EntityHit, error)
	CountEntities(ctx context.Context, scope access.Scope, q domain.EntitySearch, by domain.EntityField) ([]domain.EntityGroup, error)
	SetStar(ctx context.Context, p access.Permit, id domain.StackID, who authz.ActorRef, star bool) error
	Starred(ctx context.Context, who authz.ActorRef, ids []domain.StackID) ([]domain.StackID, error)
	HasStars(ctx context.Context, who authz.ActorRef) (bool, error)
	LastApplies(ctx context.Context, ids []domain.StackID) (map[domain.StackID]time.Time, error)
	RoleBySlug(ctx context.Context, slug string) (domain.Role, error)
	InsertBinding(ctx context.Context, p access.Permit, b domain.Binding) error
	Run(ctx context.Context, id domain.RunID) (domain.Run, error)
	OpenRuns(ctx context.Context, id domain.StackID) ([]domain.Run, error)
	DependentStacks(ctx context.Context, id domain.StackID) ([]domain.Stack, error)
	Path(ctx context.Context, id domain.SpaceID) (domain.Path, error)
	AutoContexts(ctx context.Context) ([]domain.Context, error)
	AttachmentsOfStack(ctx context.Context, id domain.StackID) ([]domain.ContextAttachment, error)
	ChangeAutoAttachments(ctx context.Context, p access.Permit, change domain.AutoChange, ids domain.IDSource) error
	UsesOfStack(ctx context.Context, id domain.StackID) ([]domain.Use, error)
	Also(p access.Permit)
	firstStateTx
}

// bodies is the store with what it keeps outside of transactions.
type bodies interface {
	access.Transactor[Tx]
	Fetch(ctx context.Context, kept domain.Stored) ([]byte, error)
}

// Service answers and changes stacks.
type Service struct {
	db      bodies
	gate    *access.Gate
	ids     domain.IDSource
	sources SourceCheck
}

// SourceCheck refuses a repository URL or a branch that no worker would check
// out, with an error about the field. It does not contact the repository.
type SourceCheck func(url, branch string) error

// New returns the use cases of stacks.
func New(db bodies, gate *access.Gate, ids domain.IDSource, sources SourceCheck) *Service {
	return &Service{db: db, gate: gate, ids: ids, sources: sources}
}

// View is a stack as one caller sees it.
type View struct {
	domain.Stack
	// Bare is set for a caller who may only read the stack's runs by name:
	// id, name, space and state are all he is shown (access model R5).
	Bare bool
}

// Get returns a stack that the caller may see.
func (s *Service) Get(ctx context.Context, id domain.StackID) (v View, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		v, err = s.see(ctx, tx, id)
		return err
	})
	return v, err
}

// OfRun returns the stack that a run belongs to, under the same rule.
func (s *Service) OfRun(ctx context.Context, id domain.RunID) (v View, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		run, err := tx.Run(ctx, id)
		if err != nil {
			return err
		}
		v, err = s.see(ctx, tx, run.StackID)
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return domain.NotFound("run")
		}
		return err
	})
	return v, err
}

func (s *Service) see(ctx context.Context, tx Tx, id domain.StackID) (View, error) {
	stack, err := tx.Stack(ctx, id)
	if err != nil {
		return View{}, err
	}
	err = s.gate.See(ctx, tx, authz.ActionStackRead, Object(stack))
	if err == nil {
		return View{Stack: stack}, nil
	}
	if domain.ErrorCode(err) != domain.CodeNotFound {
		return View{}, err
	}
	if s.gate.See(ctx, tx, authz.ActionRunRead, Object(stack)) == nil {
		return View{Stack: stack, Bare: true}, nil
	}
	return View{}, err
}

// full is see for what a bare view does not show.
func (s *Service) full(ctx context.Context, tx Tx, id domain.StackID) (domain.Stack, error) {
	v, err := s.see(ctx, tx, id)
	if err == nil && v.Bare {
		return v.Stack, access.Forbidden(access.Name(ctx), authz.ActionSpaceRead, v.Space)
	}
	return v.Stack, err
}

// List returns the stacks that the caller may list, oldest first.
func (s *Service) List(ctx context.Context) (out []domain.Stack, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		scope, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityStack)
		if err != nil {
			return err
		}
		out, err = tx.Stacks(ctx, scope)
		return err
	})
	return out, err
}

// Outputs returns the root outputs of the last apply; sensitive ones without
// their value.
func (s *Service) Outputs(ctx context.Context, id domain.StackID) (out []domain.Output, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if _, err := s.full(ctx, tx, id); err != nil {
			return err
		}
		out, err = tx.Outputs(ctx, id)
		return err
	})
	return out, err
}

// Object is the gate's view of a stack.
func Object(s domain.Stack) access.Object {
	return access.Object{
		Kind: access.KindStack, ID: string(s.ID), Noun: "stack", Space: s.Space,
		Entity: authz.EntityRef{Kind: authz.EntityStack, ID: string(s.ID)},
	}
}

func operation(event string, action authz.Action, o access.Object) access.Op {
	return access.Op{Event: event, Action: action, See: authz.ActionStackRead, Object: o}
}

// find returns a stack and the permit to change it. A stack that does not
// exist is refused like one that is hidden.
func (s *Service) find(ctx context.Context, tx Tx, event string, action authz.Action, id domain.StackID) (domain.Stack, access.Permit, error) {
	stack, err := tx.LockStack(ctx, id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		o := Object(domain.Stack{ID: id})
		return stack, access.Permit{}, s.gate.Missing(ctx, tx, operation(event, action, o))
	}
	if err != nil {
		return stack, access.Permit{}, err
	}
	permit, err := s.gate.Permit(ctx, tx, operation(event, action, Object(stack)))
	return stack, permit, err
}

// findToInfluence is find for a change of what the stack's runs do (security
// rule G2).
func (s *Service) findToInfluence(ctx context.Context, tx Tx, event string, action authz.Action, id domain.StackID) (domain.Stack, access.Permit, error) {
	stack, permit, err := s.find(ctx, tx, event, action, id)
	if err == nil {
		permit, err = s.gate.ActAs(ctx, tx, operation(event, action, Object(stack)), permit, stack.AsActor())
	}
	return stack, permit, err
}

// freeID returns a free id for a stack of that name.
func freeID(ctx context.Context, tx Tx, name, ulid string) (domain.StackID, error) {
	slug, err := domain.FreeSlug(name, "stack-"+domain.Slug(ulid), func(slug string) (bool, error) {
		return tx.StackIDTaken(ctx, domain.StackID(slug))
	})
	return domain.StackID(slug), err
}
