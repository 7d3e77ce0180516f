// Package repos holds the use cases of built-in repositories: who may see,
// create, change and delete one, and who may commit files to it. It starts no
// runs; it leaves word of a push, and the runs package follows.
package repos

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.ActAsReader
	Repo(ctx context.Context, id domain.RepoID) (domain.Repo, error)
	LockRepo(ctx context.Context, id domain.RepoID) (domain.Repo, error)
	Repos(ctx context.Context, scope access.Scope) ([]domain.Repo, error)
	InsertRepo(ctx context.Context, p access.Permit, r domain.Repo) error
	UpdateRepo(ctx context.Context, p access.Permit, r domain.Repo) error
	DeleteRepo(ctx context.Context, p access.Permit, id domain.RepoID) error
	Revision(ctx context.Context, id domain.RepoID, sha string) (domain.Revision, error)
	Revisions(ctx context.Context, id domain.RepoID) ([]domain.Revision, error)
	RepoFiles(ctx context.Context, id domain.RepoID, number int) ([]domain.RepoFile, error)
	RepoFileVersions(ctx context.Context, id domain.RepoID, path string) ([]domain.RepoFile, error)
	RepoFileContent(ctx context.Context, f domain.RepoFile) ([]byte, error)
	InsertRevision(ctx context.Context, p access.Permit, r domain.Revision) error
	InsertRepoFile(ctx context.Context, p access.Permit, f domain.RepoFile, content []byte) error
	StacksOfRepo(ctx context.Context, id domain.RepoID) ([]domain.Stack, error)
	InsertPush(ctx context.Context, p access.Permit, push domain.Push) error
}

// Service answers and changes built-in repositories.
type Service struct {
	db   access.Transactor[Tx]
	gate *access.Gate
	ids  domain.IDSource
}

// New returns the use cases of built-in repositories.
func New(db access.Transactor[Tx], gate *access.Gate, ids domain.IDSource) *Service {
	return &Service{db: db, gate: gate, ids: ids}
}

// Input is what a caller sets of a repository.
type Input struct {
	Space       domain.SpaceID // of a new one; it never moves
	Name        string
	Description string
	Labels      []string
	Checks      string // empty: INDIVIDUAL
	IsDefault   bool
}

// View is a repository with the stacks that use it, as far as the caller may
// list them.
type View struct {
	domain.Repo
	Stacks []domain.StackID
}

// Get returns a repository that the caller may see.
func (s *Service) Get(ctx context.Context, id domain.RepoID) (v View, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		v.Repo, err = s.see(ctx, tx, id)
		if err == nil {
			v.Stacks, err = s.stacks(ctx, tx, id)
		}
		return err
	})
	return v, err
}

func (s *Service) see(ctx context.Context, tx Tx, id domain.RepoID) (domain.Repo, error) {
	r, err := tx.Repo(ctx, id)
	if err != nil {
		return r, err
	}
	return r, s.gate.See(ctx, tx, authz.ActionSpaceRead, object(r))
}

func (s *Service) stacks(ctx context.Context, tx Tx, id domain.RepoID) (out []domain.StackID, err error) {
	scope, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityStack)
	if err != nil {
		return nil, err
	}
	all, err := tx.StacksOfRepo(ctx, id)
	for _, st := range all {
		if scope.Shows(st.Space, authz.EntityRef{Kind: authz.EntityStack, ID: string(st.ID)}) {
			out = append(out, st.ID)
		}
	}
	return out, err
}

// List returns the repositories that the caller may list, oldest first; with a
// space, those of that space.
func (s *Service) List(ctx context.Context, space domain.SpaceID) (out []View, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		scope, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityNone)
		if err != nil {
			return err
		}
		list, err := tx.Repos(ctx, scope)
		if err != nil {
			return err
		}
		for _, r := range list {
			if space != "" && r.Space != space {
				continue
			}
			stacks, err := s.stacks(ctx, tx, r.ID)
			if err != nil {
				return err
			}
			out = append(out, View{r, stacks})
		}
		return nil
	})
	return out, err
}

// Create makes a repository without files. It never becomes the code of a stack
// that names a repository which does not exist: that stack's roles would be in
// reach of whoever takes the name.
func (s *Service) Create(ctx context.Context, in Input) (v View, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		o := access.Object{Kind: access.KindRepo, Noun: "space", Space: in.Space}
		permit, err := s.gate.Permit(ctx, tx, operation("repo.create", authz.ActionSpaceliftVCSCreate, o))
		if err != nil {
			return err
		}
		r := domain.Repo{Space: in.Space, CreatedAt: tx.Now()}
		if err := in.fill(&r, tx); err != nil {
			return err
		}
		slug, err := domain.FreeSlug(in.Name, "repo-"+domain.Slug(s.ids.ULID()), func(slug string) (bool, error) {
			_, err := tx.Repo(ctx, domain.RepoID(slug))
			if domain.ErrorCode(err) != domain.CodeNotFound {
				return true, err
			}
			naming, err := tx.StacksOfRepo(ctx, domain.RepoID(slug))
			return len(naming) > 0, err
		})
		if err != nil {
			return err
		}
		r.ID = domain.RepoID(slug)
		v.Repo = r
		return tx.InsertRepo(ctx, permit.About(slug), r)
	})
	return v, err
}

func (in Input) fill(r *domain.Repo, tx Tx) error {
	r.Name, r.Description, r.Labels, r.Checks, r.IsDefault = in.Name, in.Description, in.Labels, in.Checks, in.IsDefault
	if r.Checks == "" {
		r.Checks = "INDIVIDUAL"
	}
	r.UpdatedAt = tx.Now()
	return r.Check()
}

// Update changes what a repository is called; its files stay.
func (s *Service) Update(ctx context.Context, id domain.RepoID, in Input) (v View, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		r, _, permit, err := s.find(ctx, tx, "repo.update", authz.ActionSpaceliftVCSUpdate, id)
		if err != nil {
			return err
		}
		if err := in.fill(&r, tx); err != nil {
			return err
		}
		v.Repo = r
		if v.Stacks, err = s.stacks(ctx, tx, id); err != nil {
			return err
		}
		return tx.UpdateRepo(ctx, permit, r)
	})
	return v, err
}

// Delete removes a repository that no stack uses any more.
func (s *Service) Delete(ctx context.Context, id domain.RepoID) error {
	return s.db.ChangeAccess(ctx, func(tx Tx) error {
		_, op, permit, err := s.find(ctx, tx, "repo.delete", authz.ActionSpaceliftVCSDelete, id)
		if err != nil {
			return err
		}
		using, err := tx.StacksOfRepo(ctx, id)
		if err != nil {
			return err
		}
		if len(using) > 0 {
			return s.gate.Refuse(ctx, tx, op, domain.Conflict("repository %s is the code of %d stacks; give them another source first", id, len(using)))
		}
		return tx.DeleteRepo(ctx, permit, id)
	})
}

func (s *Service) find(ctx context.Context, tx Tx, event string, action authz.Action, id domain.RepoID) (domain.Repo, access.Op, access.Permit, error) {
	r, err := tx.LockRepo(ctx, id)
	r.ID = id
	op := operation(event, action, object(r))
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return r, op, access.Permit{}, s.gate.Missing(ctx, tx, op)
	}
	if err != nil {
		return r, op, access.Permit{}, err
	}
	permit, err := s.gate.Permit(ctx, tx, op)
	return r, op, permit, err
}

func object(r domain.Repo) access.Object {
	return access.Object{Kind: access.KindRepo, ID: string(r.ID), Noun: "repository", Space: r.Space}
}

func operation(event string, action authz.Action, o access.Object) access.Op {
	return access.Op{Event: event, Action: action, See: authz.ActionSpaceRead, Object: o}
}
