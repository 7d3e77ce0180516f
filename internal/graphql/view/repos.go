package view

import (
	"fmt"

	"github.com/airlock-project/airlock/internal/domain"
)

// Repo is a built-in repository as the API shows it.
type Repo struct {
	domain.Repo
	Using []domain.StackID
}

func (r *Repo) CreatedAt() int    { return Seconds(r.Repo.CreatedAt) }
func (r *Repo) UpdatedAt() int    { return Seconds(r.Repo.UpdatedAt) }
func (r *Repo) Slug() *string     { return Optional(string(r.ID)) }
func (r *Repo) IsDefault() *bool  { return &r.Repo.IsDefault }
func (r *Repo) VcsChecks() string { return r.Checks }

// Labels is never null.
func (r *Repo) Labels() []string { return append([]string{}, r.Repo.Labels...) }

// Stacks are the ids of those that use it.
func (r *Repo) Stacks() []string {
	out := make([]string, len(r.Using))
	for i, id := range r.Using {
		out[i] = string(id)
	}
	return out
}

// Revision is a commit as the API shows it.
type Revision struct{ domain.Revision }

func (r *Revision) CreatedAt() *int      { at := Seconds(r.Revision.CreatedAt); return &at }
func (r *Revision) AuthorEmail() *string { return Optional(r.Revision.AuthorEmail) }
func (r *Revision) Description() *string { return Optional(r.Revision.Description) }
func (r *Revision) Message() *string     { return &r.Revision.Message }
func (r *Revision) Sha() string          { return r.SHA }

// RepoFile is one version of a file as the API shows it.
type RepoFile struct {
	domain.RepoFile
	Of domain.Revision
}

func (f *RepoFile) FilePath() string    { return f.Path }
func (f *RepoFile) IsDeleted() bool     { return f.Deleted }
func (f *RepoFile) Revision() *Revision { return &Revision{f.Of} }

// FileMode is in octal, with a leading zero.
func (f *RepoFile) FileMode() *string {
	if f.Deleted {
		return nil
	}
	return Optional(fmt.Sprintf("%04o", f.Mode))
}

// SizeBytes is null where the file was deleted.
func (f *RepoFile) SizeBytes() *int {
	if f.Deleted {
		return nil
	}
	return &f.Size
}
