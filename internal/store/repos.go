package store

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectRepo = `select id, space_id, name, description, labels, checks, is_default, revisions, created_at, updated_at from repos`

func scanRepo(s scanner) (r domain.Repo, err error) {
	var labels string
	var created, updated int64
	if err := s.Scan(&r.ID, &r.Space, &r.Name, &r.Description, &labels, &r.Checks, &r.IsDefault, &r.Revisions, &created, &updated); err != nil {
		return r, err
	}
	r.CreatedAt, r.UpdatedAt = fromMicros(created), fromMicros(updated)
	return r, fromJSON(labels, &r.Labels)
}

// Repo returns a built-in repository.
func (tx *Tx) Repo(ctx context.Context, id domain.RepoID) (domain.Repo, error) {
	return one(ctx, tx, "repository", scanRepo, selectRepo+` where id = $1`, id)
}

// LockRepo returns a built-in repository and holds it until the commit.
func (tx *Tx) LockRepo(ctx context.Context, id domain.RepoID) (domain.Repo, error) {
	return one(ctx, tx, "repository", scanRepo, selectRepo+` where id = $1`+tx.store.dialect.forUpdate(), id)
}

// Repos returns the built-in repositories of the scope, oldest first.
func (tx *Tx) Repos(ctx context.Context, scope access.Scope) ([]domain.Repo, error) {
	where, args := tx.inScope(scope, authz.EntityNone)
	return many(ctx, tx, scanRepo, selectRepo+where+` order by created_at, id`, args...)
}

// InsertRepo creates a built-in repository without any files.
func (tx *Tx) InsertRepo(ctx context.Context, p access.Permit, r domain.Repo) error {
	if err := tx.use(p, access.KindRepo); err != nil {
		return err
	}
	if err := tx.touchRepo(ctx, r.ID); err != nil {
		return err
	}
	return tx.exec(ctx, `insert into repos (id, space_id, name, description, labels, checks, is_default, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		r.ID, r.Space, r.Name, r.Description, toJSON(list(r.Labels)), r.Checks, r.IsDefault, micros(r.CreatedAt), micros(r.UpdatedAt))
}

// UpdateRepo changes what a caller may set.
func (tx *Tx) UpdateRepo(ctx context.Context, p access.Permit, r domain.Repo) error {
	if err := tx.use(p, access.KindRepo); err != nil {
		return err
	}
	return tx.exec(ctx, `update repos set name = $2, description = $3, labels = $4, checks = $5, is_default = $6, updated_at = $7 where id = $1`,
		r.ID, r.Name, r.Description, toJSON(list(r.Labels)), r.Checks, r.IsDefault, micros(r.UpdatedAt))
}

// DeleteRepo removes a built-in repository with all its revisions.
func (tx *Tx) DeleteRepo(ctx context.Context, p access.Permit, id domain.RepoID) error {
	if err := tx.use(p, access.KindRepo); err != nil {
		return err
	}
	if err := tx.touchRepo(ctx, id); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from repos where id = $1`, id)
}

// touchRepo marks that a repository comes or goes: stacks may name it, and who
// can make them act depends on that. It never moves.
func (tx *Tx) touchRepo(ctx context.Context, id domain.RepoID) error {
	return tx.touchEntity(ctx, authz.EntityRef{Kind: authz.EntityRepo, ID: string(id)})
}

const selectRevision = `select repo_id, number, id, sha, author_name, author_email, message, description, created_at from repo_revisions`

func scanRevision(s scanner) (r domain.Revision, err error) {
	var created int64
	err = s.Scan(&r.Repo, &r.Number, &r.ID, &r.SHA, &r.AuthorName, &r.AuthorEmail, &r.Message, &r.Description, &created)
	r.CreatedAt = fromMicros(created)
	return r, err
}

// Revision returns a revision by its hash or the beginning of it, the newest
// one for an empty hash.
func (tx *Tx) Revision(ctx context.Context, id domain.RepoID, sha string) (domain.Revision, error) {
	return one(ctx, tx, "revision", scanRevision, selectRevision+` where repo_id = $1 and substr(sha, 1, length($2)) = $2 order by number desc limit 1`, id, sha)
}

// Revisions returns the revisions of a repository, newest first.
func (tx *Tx) Revisions(ctx context.Context, id domain.RepoID) ([]domain.Revision, error) {
	return many(ctx, tx, scanRevision, selectRevision+` where repo_id = $1 order by number desc`, id)
}

const selectRepoFile = `select f.repo_id, f.number, f.path, f.mode, f.deleted, f.encrypted, f.size, f.sha256, f.blob_id from repo_files f`

func scanRepoFile(s scanner) (f domain.RepoFile, err error) {
	return f, s.Scan(&f.Repo, &f.Number, &f.Path, &f.Mode, &f.Deleted, &f.Encrypted, &f.Size, &f.SHA256, &f.Blob)
}

// RepoFiles returns the files of a revision, in no order.
func (tx *Tx) RepoFiles(ctx context.Context, id domain.RepoID, number int) ([]domain.RepoFile, error) {
	return many(ctx, tx, scanRepoFile, selectRepoFile+` where f.repo_id = $1 and not f.deleted and f.number = (select max(number) from repo_files v
		where v.repo_id = f.repo_id and v.path = f.path and v.number <= $2)`, id, number)
}

// RepoFileVersions returns the versions of one file, newest first.
func (tx *Tx) RepoFileVersions(ctx context.Context, id domain.RepoID, path string) ([]domain.RepoFile, error) {
	return many(ctx, tx, scanRepoFile, selectRepoFile+` where f.repo_id = $1 and f.path = $2 order by f.number desc`, id, path)
}

// RepoFileContent returns what is in one version of a file.
func (tx *Tx) RepoFileContent(ctx context.Context, f domain.RepoFile) ([]byte, error) {
	sealed, err := one(ctx, tx, "file", scanBytes, `select sealed from repo_files where repo_id = $1 and path = $2 and number = $3 and sealed is not null`,
		f.Repo, f.Path, f.Number)
	if err != nil {
		return nil, err
	}
	return tx.open(sealed, "repo-file", string(f.Repo), f.Path, toJSON(f.Number))
}

// InsertRevision adds a revision, which must be the repository's next.
func (tx *Tx) InsertRevision(ctx context.Context, p access.Permit, r domain.Revision) error {
	if err := tx.use(p, access.KindRepo); err != nil {
		return err
	}
	err := tx.exec(ctx, `insert into repo_revisions (repo_id, number, id, sha, author_name, author_email, message, description, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		r.Repo, r.Number, r.ID, r.SHA, r.AuthorName, r.AuthorEmail, r.Message, r.Description, micros(r.CreatedAt))
	if err != nil {
		return err
	}
	return tx.exec(ctx, `update repos set revisions = $2, updated_at = $3 where id = $1`, r.Repo, r.Number, micros(r.CreatedAt))
}

// InsertRepoFile adds a version of a file; its content is sealed.
func (tx *Tx) InsertRepoFile(ctx context.Context, p access.Permit, f domain.RepoFile, content []byte) error {
	if err := tx.use(p, access.KindRepo); err != nil {
		return err
	}
	var sealed []byte
	if !f.Deleted {
		var err error
		if sealed, err = tx.seal(content, "repo-file", string(f.Repo), f.Path, toJSON(f.Number)); err != nil {
			return err
		}
	}
	return tx.exec(ctx, `insert into repo_files (repo_id, path, number, mode, deleted, encrypted, size, sha256, blob_id, sealed)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		f.Repo, f.Path, f.Number, int(f.Mode), f.Deleted, f.Encrypted, f.Size, f.SHA256, f.Blob, sealed)
}
