package repos

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// CommitInput is a new revision.
type CommitInput struct {
	Repo        domain.RepoID
	AuthorName  string
	AuthorEmail string
	Message     string
	Description string
	Files       []domain.RepoChange // what is not here stays
}

func (in CommitInput) check() error {
	for _, line := range []struct{ field, value string }{{"authorName", in.AuthorName}, {"message", in.Message}} {
		if line.value == "" {
			return domain.Invalid(line.field, "must not be empty")
		}
	}
	if err := domain.CheckName("authorName", in.AuthorName); err != nil {
		return err
	}
	if err := domain.CheckLine("authorEmail", in.AuthorEmail); err != nil {
		return err
	}
	if err := domain.CheckText("message", in.Message); err != nil {
		return err
	}
	if len(in.Files) == 0 || len(in.Files) > domain.MaxList {
		return domain.Invalid("files", "must have 1 to %d entries", domain.MaxList)
	}
	return domain.CheckText("description", in.Description)
}

// Commit adds a revision. The stacks whose code the repository is run it: who
// commits decides what they do, so the act-as rule holds for each of them
// (security rule G2).
func (s *Service) Commit(ctx context.Context, in CommitInput) (rev domain.Revision, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		repo, op, permit, err := s.find(ctx, tx, "repo.commit", authz.ActionSpaceliftVCSCommitFiles, in.Repo)
		if err != nil {
			return err
		}
		if err := in.check(); err != nil {
			return err
		}
		if permit, err = s.actAs(ctx, tx, op, permit); err != nil {
			return err
		}
		rev = domain.Revision{
			ID: s.ids.ULID(), Repo: repo.ID, Number: repo.Revisions + 1, AuthorName: in.AuthorName, AuthorEmail: in.AuthorEmail,
			Message: in.Message, Description: in.Description, CreatedAt: tx.Now().Truncate(time.Second),
		}
		if err := s.write(ctx, tx, permit, repo, &rev, in.Files); err != nil {
			return err
		}
		push := domain.Push{
			ID: rev.ID, By: access.Name(ctx), Title: rev.Message, Space: repo.Space, Repo: repo.ID, Commit: rev.SHA, At: tx.Now(),
		}
		for _, f := range in.Files {
			push.Files = append(push.Files, f.Path)
		}
		return tx.InsertPush(ctx, permit, push)
	})
	return rev, err
}

func (s *Service) actAs(ctx context.Context, tx Tx, op access.Op, p access.Permit) (access.Permit, error) {
	using, err := tx.StacksOfRepo(ctx, domain.RepoID(op.Object.ID))
	if err != nil {
		return p, err
	}
	actors := make([]domain.StackActor, len(using))
	for i, st := range using {
		actors[i] = st.AsActor()
	}
	return s.gate.ActAs(ctx, tx, op, p, actors...)
}

// write stores the changed files and the revision that they make.
func (s *Service) write(ctx context.Context, tx Tx, p access.Permit, repo domain.Repo, rev *domain.Revision, changes []domain.RepoChange) error {
	old, err := tx.RepoFiles(ctx, repo.ID, repo.Revisions)
	if err != nil {
		return err
	}
	files := map[string]domain.RepoFile{}
	for _, f := range old {
		files[f.Path] = f
	}
	changed := map[string]bool{}
	for _, c := range changes {
		f, content, err := c.File()
		if err != nil {
			return err
		}
		if err := fits(files, changed, f, c.Action); err != nil {
			return err
		}
		changed[f.Path] = true
		f.Repo, f.Number = repo.ID, rev.Number
		if f.Deleted {
			delete(files, f.Path)
		} else {
			sum := sha256.Sum256(content)
			f.SHA256 = hex.EncodeToString(sum[:])
			files[f.Path] = f
		}
		if err := tx.InsertRepoFile(ctx, p, f, content); err != nil {
			return err
		}
	}
	tree := make([]domain.RepoFile, 0, len(files))
	for _, f := range files {
		tree = append(tree, f)
	}
	slices.SortFunc(tree, byPath)
	if err := domain.CheckTree(tree); err != nil {
		return err
	}
	parent := ""
	if repo.Revisions > 0 {
		last, err := tx.Revision(ctx, repo.ID, "")
		if err != nil {
			return err
		}
		parent = last.SHA
	}
	rev.SHA = rev.SHAOf(tree, parent)
	return tx.InsertRevision(ctx, p, *rev)
}

// fits refuses a change of a file that is not as the caller takes it to be.
func fits(files map[string]domain.RepoFile, changed map[string]bool, f domain.RepoFile, action string) error {
	_, there := files[f.Path]
	switch {
	case changed[f.Path]:
		return domain.Invalid("files.path", "%q is named twice", f.Path)
	case action == "CREATE" && there:
		return domain.Conflict("file %q exists already", f.Path)
	case (action == "UPDATE" || f.Deleted) && !there:
		return domain.Conflict("file %q does not exist", f.Path)
	}
	return nil
}

func byPath(a, b domain.RepoFile) int { return cmp.Compare(a.Path, b.Path) }

// Revision returns a revision of a repository that the caller may see, the
// newest one for an empty hash.
func (s *Service) Revision(ctx context.Context, id domain.RepoID, sha string) (rev domain.Revision, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if _, err := s.see(ctx, tx, id); err != nil {
			return err
		}
		rev, err = tx.Revision(ctx, id, sha)
		return err
	})
	return rev, err
}

// Revisions returns the revisions of a repository, newest first.
func (s *Service) Revisions(ctx context.Context, id domain.RepoID) (out []domain.Revision, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if _, err := s.see(ctx, tx, id); err != nil {
			return err
		}
		out, err = tx.Revisions(ctx, id)
		return err
	})
	return out, err
}

// File is one version of a file with the revision that wrote it.
type File struct {
	domain.RepoFile
	Revision domain.Revision
}

// History returns the versions of a file, newest first.
func (s *Service) History(ctx context.Context, id domain.RepoID, path string) (out []File, err error) {
	return s.files(ctx, id, func(tx Tx) ([]domain.RepoFile, error) { return tx.RepoFileVersions(ctx, id, path) })
}

// Files returns the files of a revision by path, of the newest one for an
// empty hash.
func (s *Service) Files(ctx context.Context, id domain.RepoID, sha string) (out []File, err error) {
	return s.files(ctx, id, func(tx Tx) ([]domain.RepoFile, error) {
		rev, err := tx.Revision(ctx, id, sha)
		if sha == "" && domain.ErrorCode(err) == domain.CodeNotFound {
			return nil, nil // nothing was committed yet
		}
		if err != nil {
			return nil, err
		}
		list, err := tx.RepoFiles(ctx, id, rev.Number)
		slices.SortFunc(list, byPath)
		return list, err
	})
}

func (s *Service) files(ctx context.Context, id domain.RepoID, read func(tx Tx) ([]domain.RepoFile, error)) (out []File, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if _, err := s.see(ctx, tx, id); err != nil {
			return err
		}
		list, err := read(tx)
		if err != nil {
			return err
		}
		revisions, err := tx.Revisions(ctx, id)
		if err != nil {
			return err
		}
		for _, f := range list {
			out = append(out, File{RepoFile: f, Revision: revisions[len(revisions)-f.Number]})
		}
		return nil
	})
	return out, err
}

// Content returns what is in a version of a file, nil where nobody may read it.
func (s *Service) Content(ctx context.Context, f domain.RepoFile) (content []byte, err error) {
	if f.Deleted || f.Encrypted {
		return nil, nil
	}
	err = s.db.View(ctx, func(tx Tx) error {
		if _, err := s.see(ctx, tx, f.Repo); err != nil {
			return err
		}
		content, err = tx.RepoFileContent(ctx, f)
		return err
	})
	return content, err
}
