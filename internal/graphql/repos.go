package graphql

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/repos"
)

// Repos are the use cases of built-in repositories.
type Repos interface {
	Get(ctx context.Context, id domain.RepoID) (repos.View, error)
	List(ctx context.Context, space domain.SpaceID) ([]repos.View, error)
	Create(ctx context.Context, in repos.Input) (repos.View, error)
	Update(ctx context.Context, id domain.RepoID, in repos.Input) (repos.View, error)
	Delete(ctx context.Context, id domain.RepoID) error
	Commit(ctx context.Context, in repos.CommitInput) (domain.Revision, error)
	Revision(ctx context.Context, id domain.RepoID, sha string) (domain.Revision, error)
	Revisions(ctx context.Context, id domain.RepoID) ([]domain.Revision, error)
	History(ctx context.Context, id domain.RepoID, path string) ([]repos.File, error)
	Files(ctx context.Context, id domain.RepoID, sha string) ([]repos.File, error)
	Content(ctx context.Context, f domain.RepoFile) ([]byte, error)
}

func newRepo(v repos.View) *view.Repo { return &view.Repo{Repo: v.Repo, Using: v.Stacks} }

func newRevision(r domain.Revision) *view.Revision { return &view.Revision{Revision: r} }

func newRepoFile(f repos.File) *view.RepoFile {
	return &view.RepoFile{RepoFile: f.RepoFile, Of: f.Revision}
}

func commitInput(in generated.RevisionCreateInput) repos.CommitInput {
	out := repos.CommitInput{
		Repo: domain.RepoID(in.RepoID), AuthorName: in.AuthorName, AuthorEmail: text(in.AuthorEmail),
		Message: in.Message, Description: text(in.Description),
	}
	for _, f := range in.Files {
		out.Files = append(out.Files, domain.RepoChange{
			Action: text(f.Action), Path: f.Path, Content: text(f.Content), Encrypt: isTrue(f.Encrypt), Mode: text(f.FileMode),
		})
	}
	return out
}

var searchableRepos = searchable[repos.View]{
	id:    func(v repos.View) string { return string(v.ID) },
	words: func(v repos.View) []string { return append([]string{v.Name, string(v.ID), v.Description}, v.Labels...) },
	fields: map[string]func(repos.View) []string{
		"id":        func(v repos.View) []string { return []string{string(v.ID)} },
		"name":      func(v repos.View) []string { return []string{v.Name} },
		"label":     func(v repos.View) []string { return v.Labels },
		"space":     func(v repos.View) []string { return []string{string(v.Space)} },
		"createdAt": func(v repos.View) []string { return []string{sortableTime(v.CreatedAt)} },
	},
}

// Of what has no name, the search orders by what stands under "name".
var searchableRepoFiles = searchable[repos.File]{
	id:    func(f repos.File) string { return f.Path },
	words: func(f repos.File) []string { return []string{f.Path} },
	fields: map[string]func(repos.File) []string{
		"name": func(f repos.File) []string { return []string{f.Path} },
		"path": func(f repos.File) []string { return []string{f.Path} },
	},
}

var searchableRevisions = searchable[domain.Revision]{
	id:    func(r domain.Revision) string { return r.SHA },
	words: func(r domain.Revision) []string { return []string{r.SHA, r.Message, r.AuthorName, r.Description} },
	fields: map[string]func(domain.Revision) []string{
		"name":       func(r domain.Revision) []string { return []string{fmt.Sprintf("%012d", r.Number)} },
		"sha":        func(r domain.Revision) []string { return []string{r.SHA} },
		"authorName": func(r domain.Revision) []string { return []string{r.AuthorName} },
		"createdAt":  func(r domain.Revision) []string { return []string{sortableTime(r.CreatedAt)} },
	},
}

// searchableVersions are sorted from the newest on.
var searchableVersions = searchable[repos.File]{
	id:     func(f repos.File) string { return f.Path },
	words:  func(f repos.File) []string { return []string{f.Path} },
	fields: map[string]func(repos.File) []string{"name": func(f repos.File) []string { return []string{fmt.Sprintf("%012d", 1<<32-f.Number)} }},
}

func pageOf(after *string, first *int) generated.SearchInput {
	return generated.SearchInput{After: after, First: first}
}

func (r *Resolver) fileContent(ctx context.Context, f *view.RepoFile) (*generated.RepoFileContent, error) {
	if f.Deleted {
		return nil, nil
	}
	content, err := r.Repos.Content(ctx, f.RepoFile)
	if err != nil {
		return nil, err
	}
	out := &generated.RepoFileContent{IsEncrypted: f.Encrypted, Sha256Hash: f.SHA256, SizeBytes: f.Size}
	if !f.Encrypted {
		coded := base64.StdEncoding.EncodeToString(content)
		out.Content = &coded
	}
	return out, nil
}
