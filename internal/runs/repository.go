package runs

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
)

// resolve finds the revision of a built-in repository that a run uses, and
// writes it into the run. It returns why there is none, in words for its log.
func resolve(ctx context.Context, tx Tx, stack domain.Stack, run *domain.Run) (reason string, err error) {
	if stack.Provider != domain.ProviderBuiltIn || run.Request.Workspace != "" {
		return "", nil
	}
	repo, err := tx.Repo(ctx, domain.RepoID(stack.Repository))
	if err == nil {
		var path domain.Path
		if path, err = tx.Path(ctx, stack.Space); err == nil && !path.Reaches(repo.Space) {
			err = domain.NotFound("repository")
		}
	}
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return fmt.Sprintf("the built-in repository %s does not exist, or cannot be used in space %s", stack.Repository, stack.Space), nil
	}
	if err != nil {
		return "", err
	}
	revision, err := tx.Revision(ctx, repo.ID, strings.ToLower(run.Commit.Hash))
	if domain.ErrorCode(err) == domain.CodeNotFound {
		if run.Commit.Hash == "" {
			return fmt.Sprintf("the built-in repository %s has no files yet", repo.ID), nil
		}
		return fmt.Sprintf("commit %s does not exist in the built-in repository %s", run.Commit.Hash, repo.ID), nil
	}
	if err != nil {
		return "", err
	}
	run.Commit, run.Branch = revision.Commit(), domain.RepoBranch
	run.Title = firstLine(revision.Message)
	return "", nil
}

// revisionArchive is the files of a run's revision as a gzipped tar.
func revisionArchive(ctx context.Context, tx Tx, stack domain.Stack, run domain.Run) ([]byte, error) {
	id := domain.RepoID(stack.Repository)
	revision, err := tx.Revision(ctx, id, run.Commit.Hash)
	if err != nil {
		return nil, err
	}
	files, err := tx.RepoFiles(ctx, id, revision.Number)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(files, func(a, b domain.RepoFile) int { return strings.Compare(a.Path, b.Path) })
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	archive := tar.NewWriter(zip)
	for _, f := range files {
		content, err := tx.RepoFileContent(ctx, f)
		if err != nil {
			return nil, err
		}
		h := &tar.Header{Name: f.Path, Typeflag: tar.TypeReg, Mode: int64(f.Mode), Size: int64(len(content)), ModTime: revision.CreatedAt}
		if err = archive.WriteHeader(h); err == nil {
			_, err = archive.Write(content)
		}
		if err != nil {
			return nil, fmt.Errorf("pack revision %s: %w", revision.SHA, err)
		}
	}
	if err := errors.Join(archive.Close(), zip.Close()); err != nil {
		return nil, fmt.Errorf("pack revision %s: %w", revision.SHA, err)
	}
	return out.Bytes(), nil
}
