// Package spaces holds the use cases of the space tree: who may see, create,
// change, move and delete a space. It must not read or write anything that is
// not a space or an attachment across spaces.
package spaces

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.Namer
	access.ActAsReader
	Space(ctx context.Context, id domain.SpaceID) (domain.Space, error)
	Spaces(ctx context.Context, ids []domain.SpaceID) ([]domain.Space, error)
	SpaceContents(ctx context.Context, id domain.SpaceID) (domain.SpaceContents, error)
	Path(ctx context.Context, id domain.SpaceID) (domain.Path, error)
	UsesBelow(ctx context.Context, top domain.SpaceID, of []domain.SpaceID) ([]domain.Use, error)
	AutoContexts(ctx context.Context) ([]domain.Context, error)
	StacksReaching(ctx context.Context, space domain.SpaceID) ([]domain.LabelledStack, error)
	AttachmentsOfContext(ctx context.Context, id domain.ContextID) ([]domain.ContextAttachment, error)
	ChangeAutoAttachments(ctx context.Context, p access.Permit, change domain.AutoChange, ids domain.IDSource) error
	InsertSpace(ctx context.Context, p access.Permit, s domain.Space) error
	UpdateSpace(ctx context.Context, p access.Permit, s domain.Space) error
	DeleteSpace(ctx context.Context, p access.Permit, id domain.SpaceID) error
	Also(p access.Permit)
}

// Service answers and changes spaces.
type Service struct {
	db   access.Transactor[Tx]
	gate *access.Gate
	ids  domain.IDSource
}

// New returns the use cases of spaces.
func New(db access.Transactor[Tx], gate *access.Gate, ids domain.IDSource) *Service {
	return &Service{db: db, gate: gate, ids: ids}
}

// View is a space as one caller sees it.
type View struct {
	domain.Space
	Level authz.Level // LevelPath: only name and position are shown
}

// Input is what a caller sets of a space.
type Input struct {
	Name        string
	Description string
	Labels      []string
	Parent      domain.SpaceID
	Inherit     bool
}

// Get returns a space that the caller sees, be it as part of a path.
func (s *Service) Get(ctx context.Context, id domain.SpaceID) (v View, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		level, err := s.gate.Level(ctx, tx, id)
		if err != nil {
			return err
		}
		if level == authz.LevelNone {
			return domain.NotFound("space")
		}
		space, err := tx.Space(ctx, id)
		v = show(space, level)
		return err
	})
	return v, err
}

// List returns every space that the caller sees, the bare path to them
// included, oldest first (access model A36).
func (s *Service) List(ctx context.Context) (out []View, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		levels, err := s.gate.Levels(ctx, tx)
		if err != nil {
			return err
		}
		ids, level := make([]domain.SpaceID, len(levels)), make(map[domain.SpaceID]authz.Level, len(levels))
		for i, l := range levels {
			ids[i] = domain.SpaceID(l.Space)
			level[ids[i]] = l.Level
		}
		spaces, err := tx.Spaces(ctx, ids)
		for _, sp := range spaces {
			out = append(out, show(sp, level[sp.ID]))
		}
		return err
	})
	return out, err
}

// Some returns those of the given spaces that the caller sees, in no order.
func (s *Service) Some(ctx context.Context, ids []domain.SpaceID) (out []View, err error) {
	level := make(map[domain.SpaceID]authz.Level, len(ids))
	err = s.db.View(ctx, func(tx Tx) error {
		var seen []domain.SpaceID
		for _, id := range ids {
			if _, again := level[id]; again {
				continue
			}
			l, err := s.gate.Level(ctx, tx, id)
			if err != nil {
				return err
			}
			if level[id] = l; l != authz.LevelNone {
				seen = append(seen, id)
			}
		}
		spaces, err := tx.Spaces(ctx, seen)
		for _, sp := range spaces {
			out = append(out, show(sp, level[sp.ID]))
		}
		return err
	})
	return out, err
}

// show hides the contents of a space that is only on the way (A37).
func show(s domain.Space, l authz.Level) View {
	if l == authz.LevelPath {
		s.Description, s.Labels = "", nil
	}
	return View{Space: s, Level: l}
}

// Create makes a space below in.Parent. Admins of root may; with the tree
// delegated, also admins of the parent, and the new space then inherits (access
// model A102, A103, A105, A106).
func (s *Service) Create(ctx context.Context, in Input) (View, error) {
	space := domain.Space{
		Name: in.Name, Description: in.Description, Labels: in.Labels, Parent: in.Parent, Inherit: in.Inherit,
	}
	op := operation("space.create", "", in.Parent)
	err := s.db.ChangeAccess(ctx, func(tx Tx) error {
		permit, err := s.permitShape(ctx, tx, op, in.Parent)
		if err != nil {
			return err
		}
		if !in.Inherit {
			if err := s.permitInherit(ctx, tx, op); err != nil {
				return err
			}
		}
		if err := space.Check(); err != nil {
			return err
		}
		if _, err := tx.Space(ctx, in.Parent); err != nil {
			return field("parentSpace", err)
		}
		space.ID = s.newID(in.Name)
		space.CreatedAt = tx.Now()
		return tx.InsertSpace(ctx, permit.About(string(space.ID)), space)
	})
	return View{Space: space, Level: authz.LevelAdmin}, err
}

// newID makes a space id: the slug of its first name and a ULID (A4).
func (s *Service) newID(name string) domain.SpaceID {
	slug := domain.Slug(name)
	if slug == "" {
		slug = "space"
	}
	return domain.SpaceID(slug + "-" + s.ids.ULID())
}

// Delete removes an empty space (A110). Admins of root may; with the tree
// delegated, also its own admins (A102, A103).
func (s *Service) Delete(ctx context.Context, id domain.SpaceID) (v View, err error) {
	op := operation("space.delete", id, id)
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		permit, err := s.permitShape(ctx, tx, op, id)
		if err != nil {
			return err
		}
		space, err := tx.Space(ctx, id)
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return s.gate.Missing(ctx, tx, op)
		}
		if err != nil {
			return err
		}
		v = View{Space: space, Level: authz.LevelAdmin}
		if id.BuiltIn() {
			return s.gate.Refuse(ctx, tx, op, domain.Conflict("space %s exists in every account and cannot be deleted", id))
		}
		contents, err := tx.SpaceContents(ctx, id)
		if err != nil {
			return err
		}
		if !contents.Empty() {
			return s.gate.Refuse(ctx, tx, op, domain.Conflict(
				"space %s is not empty: it holds %s", id, contents))
		}
		return tx.DeleteSpace(ctx, permit, id)
	})
	return v, err
}

func operation(event string, id, space domain.SpaceID) access.Op {
	return access.Op{
		Event: event, Action: authz.ActionSpaceAdmin, See: authz.ActionSpaceRead,
		Object: access.Object{Kind: access.KindSpace, ID: string(id), Noun: "space", Space: space},
	}
}

// field turns "not found" into an error about the input field that named it.
func field(name string, err error) error {
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return domain.Invalid(name, "%s", err.Error())
	}
	return err
}
