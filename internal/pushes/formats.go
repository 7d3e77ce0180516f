package pushes

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/vcs"
)

// maxFiles is how many changed paths are kept; of more, all are taken to have
// changed.
const maxFiles = 5000

// readGeneric reads a message in Airlock's own form.
func readGeneric(m message) (a domain.Announced, err error) {
	var p struct {
		Repository string   `json:"repository"`
		Branch     string   `json:"branch"`
		Commit     string   `json:"commit"`
		Author     string   `json:"author"`
		Message    string   `json:"message"`
		Files      []string `json:"files"`
	}
	d := json.NewDecoder(bytes.NewReader(m.body))
	d.DisallowUnknownFields()
	if err := decode(d, &p); err != nil {
		return a, err
	}
	return domain.Announced{
		Event: "push", URLs: []string{p.Repository}, Branch: p.Branch, Commit: p.Commit,
		By: p.Author, Title: p.Message, Files: p.Files, All: p.Files == nil,
	}, nil
}

// decode reads one JSON value and nothing after it.
func decode(d *json.Decoder, v any) error {
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the object")
		}
	}
	if err != nil {
		return domain.Invalid("", "the message is not the JSON object that it should be: %s", clip(err.Error()))
	}
	return nil
}

// commits are what GitHub and GitLab list alike.
type commits []struct {
	Message  string   `json:"message"`
	Title    string   `json:"title"`
	Added    []string `json:"added"`
	Modified []string `json:"modified"`
	Removed  []string `json:"removed"`
}

func (c commits) files() (out []string) {
	for _, one := range c {
		out = slices.Concat(out, one.Added, one.Modified, one.Removed)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// readGitHub reads a push of GitHub. Whatever else it sends is ignored.
func readGitHub(m message) (a domain.Announced, err error) {
	a.Event = m.one("X-GitHub-Event")
	if a.Event != "push" {
		a.Ignored = "it is no push"
		return a, nil
	}
	if !strings.HasPrefix(m.one("Content-Type"), "application/json") {
		return a, domain.Invalid("", "set the content type of the webhook to application/json")
	}
	var p struct {
		Ref        string  `json:"ref"`
		After      string  `json:"after"`
		Deleted    bool    `json:"deleted"`
		Created    bool    `json:"created"`
		Forced     bool    `json:"forced"`
		Commits    commits `json:"commits"`
		HeadCommit struct {
			Message string `json:"message"`
		} `json:"head_commit"`
		Pusher struct {
			Name string `json:"name"`
		} `json:"pusher"`
		Repository struct {
			CloneURL string `json:"clone_url"`
			SSHURL   string `json:"ssh_url"`
			HTMLURL  string `json:"html_url"`
		} `json:"repository"`
	}
	if err := decode(json.NewDecoder(bytes.NewReader(m.body)), &p); err != nil {
		return a, err
	}
	a.URLs = []string{p.Repository.CloneURL, p.Repository.SSHURL, p.Repository.HTMLURL}
	a.Commit, a.By, a.Title, a.Files = p.After, p.Pusher.Name, p.HeadCommit.Message, p.Commits.files()
	const listed = 2048 // GitHub lists no more
	a.All = p.Created || p.Forced || len(p.Commits) == 0 || len(p.Commits) >= listed
	return branchOf(a, p.Ref, p.Deleted), nil
}

// readGitLab reads a push of GitLab. Whatever else it sends is ignored.
func readGitLab(m message) (a domain.Announced, err error) {
	a.Event = m.one("X-Gitlab-Event")
	if a.Event != "Push Hook" {
		a.Ignored = "it is no push to a branch"
		return a, nil
	}
	var p struct {
		Ref     string  `json:"ref"`
		Before  string  `json:"before"`
		After   string  `json:"after"`
		User    string  `json:"user_username"`
		Total   int     `json:"total_commits_count"`
		Commits commits `json:"commits"`
		Project struct {
			HTTPURL string `json:"git_http_url"`
			SSHURL  string `json:"git_ssh_url"`
			WebURL  string `json:"web_url"`
		} `json:"project"`
	}
	if err := decode(json.NewDecoder(bytes.NewReader(m.body)), &p); err != nil {
		return a, err
	}
	a.URLs = []string{p.Project.HTTPURL, p.Project.SSHURL, p.Project.WebURL}
	a.Commit, a.By, a.Files = p.After, p.User, p.Commits.files()
	if n := len(p.Commits); n > 0 {
		a.Title = p.Commits[n-1].Message
	}
	// A push by force is not marked; then what was taken away is not listed.
	a.All = p.Total == 0 || p.Total > len(p.Commits) || noCommit(p.Before)
	return branchOf(a, p.Ref, noCommit(p.After)), nil
}

// noCommit reports whether a hash stands for none.
func noCommit(hash string) bool { return strings.Trim(hash, "0") == "" }

func branchOf(a domain.Announced, ref string, deleted bool) domain.Announced {
	branch, ok := strings.CutPrefix(ref, "refs/heads/")
	switch {
	case !ok:
		a.Ignored = "it is no push to a branch"
	case deleted:
		a.Ignored = "the branch was deleted"
	}
	a.Branch = branch
	return a
}

// clean refuses what no run could use. Of what is only shown, it makes
// something that can be.
func clean(a domain.Announced) (domain.Announced, error) {
	a.Event = clip(a.Event)
	if a.Ignored != "" {
		a.Branch, a.Commit, a.URLs = clip(a.Branch), clip(a.Commit), nil
		return a, nil
	}
	a.Commit = strings.ToLower(a.Commit)
	if err := vcs.ValidateBranch(a.Branch); err != nil {
		return a, err
	}
	if err := vcs.ValidateCommit(a.Commit); err != nil {
		return a, err
	}
	if len(domain.SourceKeys(a.URLs)) == 0 {
		return a, domain.Invalid("repository", "is not the URL of a repository")
	}
	for _, url := range a.URLs {
		if err := domain.CheckLine("repository", url); err != nil {
			return a, err
		}
	}
	if !utf8.ValidString(a.Branch) {
		return a, domain.Invalid("branch", "must be valid UTF-8")
	}
	if a.All || len(a.Files) > maxFiles {
		a.All, a.Files = true, nil
	}
	a.By, a.Title = clip(a.By), clip(a.Title)
	return a, nil
}

// clip keeps the first line of a text that somebody else wrote.
func clip(s string) string {
	const most = 200
	s, _, _ = strings.Cut(strings.ToValidUTF8(strings.TrimSpace(s), "\uFFFD"), "\n")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
