// Package contexts holds the use cases of contexts: shared variables, files
// and hooks, and where they are attached.
package contexts

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.ActAsReader
	access.Namer
	Context(ctx context.Context, id domain.ContextID) (domain.Context, error)
	LockContext(ctx context.Context, id domain.ContextID) (domain.Context, error)
	ContextIDTaken(ctx context.Context, id domain.ContextID) (bool, error)
	Contexts(ctx context.Context, scope access.Scope) ([]domain.Context, error)
	InsertContext(ctx context.Context, p access.Permit, c domain.Context) error
	UpdateContext(ctx context.Context, p access.Permit, c domain.Context) error
	DeleteContext(ctx context.Context, p access.Permit, id domain.ContextID) error
	Config(ctx context.Context, owner access.Kind, id string) ([]domain.Config, error)
	PutConfig(ctx context.Context, p access.Permit, owner access.Kind, id string, c domain.Config) error
	DeleteConfig(ctx context.Context, p access.Permit, owner access.Kind, id, element string) error
	Stack(ctx context.Context, id domain.StackID) (domain.Stack, error)
	ContextAttachment(ctx context.Context, id domain.ContextAttachmentID) (domain.ContextAttachment, error)
	AttachmentsOfStack(ctx context.Context, id domain.StackID) ([]domain.ContextAttachment, error)
	AttachmentsOfContext(ctx context.Context, id domain.ContextID) ([]domain.ContextAttachment, error)
	InsertContextAttachment(ctx context.Context, p access.Permit, a domain.ContextAttachment) error
	DeleteContextAttachment(ctx context.Context, p access.Permit, id domain.ContextAttachmentID) error
	Path(ctx context.Context, id domain.SpaceID) (domain.Path, error)
	UsesOfEntity(ctx context.Context, kind access.Kind, id string) ([]domain.Use, error)
	ActorsUsing(ctx context.Context, kind access.Kind, id string) ([]domain.StackActor, error)
	ChangeAutoAttachments(ctx context.Context, p access.Permit, change domain.AutoChange, ids domain.IDSource) error
	StacksReaching(ctx context.Context, space domain.SpaceID) ([]domain.LabelledStack, error)
	Also(p access.Permit)
}

// Service answers and changes contexts.
type Service struct {
	db   access.Transactor[Tx]
	gate *access.Gate
	ids  domain.IDSource
}

// New returns the use cases of contexts.
func New(db access.Transactor[Tx], gate *access.Gate, ids domain.IDSource) *Service {
	return &Service{db: db, gate: gate, ids: ids}
}

// Input is what a caller sets of a context.
type Input struct {
	Name        string
	Description string
	Labels      []string
	Space       domain.SpaceID // empty: root for a new context, unchanged for an old one
	Hooks       domain.Hooks
	Config      []domain.Config
	Stacks      []StackAttachment
}

// StackAttachment attaches the context to a stack.
type StackAttachment struct {
	Stack    domain.StackID
	Priority int
}

// Get returns a context that the caller may see.
func (s *Service) Get(ctx context.Context, id domain.ContextID) (c domain.Context, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		c, err = s.see(ctx, tx, id)
		return err
	})
	return c, err
}

func (s *Service) see(ctx context.Context, tx Tx, id domain.ContextID) (domain.Context, error) {
	c, err := tx.Context(ctx, id)
	if err != nil {
		return c, err
	}
	return c, s.gate.See(ctx, tx, authz.ActionContextRead, object(c))
}

// List returns the contexts that the caller may list, oldest first.
func (s *Service) List(ctx context.Context) (out []domain.Context, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		scope, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityContext)
		if err != nil {
			return err
		}
		out, err = tx.Contexts(ctx, scope)
		return err
	})
	return out, err
}

// Attachable returns those of them that stacks of a space may use (access
// model A114).
func (s *Service) Attachable(ctx context.Context, space domain.SpaceID) (out []domain.Context, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if err := s.gate.See(ctx, tx, authz.ActionSpaceRead, access.Object{Noun: "space", Space: space}); err != nil {
			return err
		}
		path, err := tx.Path(ctx, space)
		if err != nil {
			return err
		}
		scope, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityContext)
		if err != nil {
			return err
		}
		all, err := tx.Contexts(ctx, scope)
		for _, c := range all {
			if path.Reaches(c.Space) {
				out = append(out, c)
			}
		}
		return err
	})
	return out, err
}

// Create makes a context with its variables, files and attachments, all or
// nothing. What stacks use decides who can make them act, so attaching changes
// access.
func (s *Service) Create(ctx context.Context, in Input) (c domain.Context, err error) {
	if in.Space == "" {
		in.Space = domain.RootSpace
	}
	o := access.Object{Kind: access.KindContext, Noun: "space", Space: in.Space}
	op := operation("context.create", authz.ActionContextCreate, o)
	op.See = authz.ActionSpaceRead
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		permit, err := s.gate.Permit(ctx, tx, op)
		if err != nil {
			return err
		}
		c = domain.Context{Space: in.Space, CreatedAt: tx.Now()}
		fill(&c, in, tx)
		if err := c.Check(); err != nil {
			return err
		}
		if c.ID, err = freeID(ctx, tx, in.Name, s.ids.ULID()); err != nil {
			return err
		}
		auto, permit, err := s.autoAttach(ctx, tx, permit.About(string(c.ID)), domain.Context{}, c, in.Stacks)
		if err != nil {
			return err
		}
		if err := tx.InsertContext(ctx, permit, c); err != nil {
			return err
		}
		if err := s.putParts(ctx, tx, permit, c, in); err != nil {
			return err
		}
		return tx.ChangeAutoAttachments(ctx, permit.For(access.KindStack), auto, s.ids)
	})
	return c, err
}

func fill(c *domain.Context, in Input, tx Tx) {
	c.Name, c.Description, c.Labels, c.Hooks, c.UpdatedAt = in.Name, in.Description, in.Labels, in.Hooks, tx.Now()
}

func (s *Service) putParts(ctx context.Context, tx Tx, p access.Permit, c domain.Context, in Input) error {
	for _, raw := range in.Config {
		element, err := domain.NewConfig(raw, tx.Now())
		if err != nil {
			return err
		}
		if err := tx.PutConfig(ctx, p, access.KindContext, string(c.ID), element); err != nil {
			return err
		}
	}
	for _, a := range in.Stacks {
		if _, err := s.attach(ctx, tx, c, a); err != nil {
			return err
		}
	}
	return nil
}

// Update changes a context. With replace, the variables and files become
// exactly those of the input; else they are added to the old ones. Where a
// context lives decides what bindings to it give, so a move changes access.
func (s *Service) Update(ctx context.Context, id domain.ContextID, in Input, replace bool) (c domain.Context, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		var permit access.Permit
		c, permit, err = s.find(ctx, tx, "context.update", authz.ActionContextUpdate, id)
		if err != nil {
			return err
		}
		old := c
		if in.Space != "" && in.Space != c.Space {
			if err := s.guardMove(ctx, tx, c, in.Space); err != nil {
				return err
			}
			c.Space = in.Space
		}
		fill(&c, in, tx)
		if err := c.Check(); err != nil {
			return err
		}
		if replace || len(in.Config) > 0 || !c.SameWork(old) {
			if permit, err = s.influence(ctx, tx, operation("context.update", authz.ActionContextUpdate, object(old)), permit); err != nil {
				return err
			}
		}
		if replace {
			if err := dropConfig(ctx, tx, permit, c.ID, in.Config); err != nil {
				return err
			}
		}
		auto, permit, err := s.autoAttach(ctx, tx, permit, old, c, in.Stacks)
		if err != nil {
			return err
		}
		if c.Space != old.Space {
			if permit, err = s.gate.ForetoldMove(ctx, tx, permit, object(old).Entity, old.Space, c.Space); err != nil {
				return err
			}
		}
		if err := tx.UpdateContext(ctx, permit, c); err != nil {
			return err
		}
		if err := tx.ChangeAutoAttachments(ctx, permit.For(access.KindStack), auto, s.ids); err != nil {
			return err
		}
		return s.putParts(ctx, tx, permit, c, in)
	})
	return c, err
}

// Rename changes the name of a context and, unless it is nil, the description.
func (s *Service) Rename(ctx context.Context, id domain.ContextID, name string, description *string) (c domain.Context, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		var permit access.Permit
		c, permit, err = s.find(ctx, tx, "context.update", authz.ActionContextUpdate, id)
		if err != nil {
			return err
		}
		c.Name, c.UpdatedAt = name, tx.Now()
		if description != nil {
			c.Description = *description
		}
		if err := c.Check(); err != nil {
			return err
		}
		return tx.UpdateContext(ctx, permit, c)
	})
	return c, err
}

// dropConfig removes the elements that keep does not name.
func dropConfig(ctx context.Context, tx Tx, p access.Permit, id domain.ContextID, keep []domain.Config) error {
	kept := make(map[string]bool, len(keep))
	for _, k := range keep {
		kept[k.ID] = true
	}
	old, err := tx.Config(ctx, access.KindContext, string(id))
	if err != nil {
		return err
	}
	for _, o := range old {
		if kept[o.ID] {
			continue
		}
		if err := tx.DeleteConfig(ctx, p, access.KindContext, string(id), o.ID); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes a context; stacks it is attached to lose it.
func (s *Service) Delete(ctx context.Context, id domain.ContextID) (c domain.Context, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		var permit access.Permit
		c, permit, err = s.findToInfluence(ctx, tx, "context.delete", authz.ActionContextDelete, id)
		if err != nil {
			return err
		}
		return tx.DeleteContext(ctx, permit, id)
	})
	return c, err
}

func object(c domain.Context) access.Object {
	return access.Object{
		Kind: access.KindContext, ID: string(c.ID), Noun: "context", Space: c.Space,
		Entity: authz.EntityRef{Kind: authz.EntityContext, ID: string(c.ID)},
	}
}

func operation(event string, action authz.Action, o access.Object) access.Op {
	return access.Op{Event: event, Action: action, See: authz.ActionContextRead, Object: o}
}

// find returns a context, held until the commit, and the permit to change it.
func (s *Service) find(ctx context.Context, tx Tx, event string, action authz.Action, id domain.ContextID) (domain.Context, access.Permit, error) {
	c, err := tx.LockContext(ctx, id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return c, access.Permit{}, s.gate.Missing(ctx, tx, operation(event, action, object(domain.Context{ID: id})))
	}
	if err != nil {
		return c, access.Permit{}, err
	}
	permit, err := s.gate.Permit(ctx, tx, operation(event, action, object(c)))
	return c, permit, err
}

// freeID returns a free id for a context of that name.
func freeID(ctx context.Context, tx Tx, name, ulid string) (domain.ContextID, error) {
	slug, err := domain.FreeSlug(name, "context-"+domain.Slug(ulid), func(slug string) (bool, error) {
		return tx.ContextIDTaken(ctx, domain.ContextID(slug))
	})
	return domain.ContextID(slug), err
}
