// Package vcs checks out git sources with the real git binary. It validates
// every name before git sees it, keeps credentials out of command lines, logs
// and errors, and never runs hooks, submodules or remote helpers. It decides
// nothing about who may use a repository.
package vcs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
)

// Source says what to check out.
type Source struct {
	URL     string
	Branch  string
	Commit  string            // empty: the head of Branch
	Schemes []string          // URL schemes that are allowed
	Access  *domain.GitAccess // how to sign in; nil: as the worker's own git does
	// Sparse are the folders whose files are wanted, with those that lie directly
	// in the folders above them; empty: all.
	Sparse []string
}

// Checkout puts the source's files into dir, which must be absent or empty,
// and says which commit they are. Git's own words go to out. It needs two git
// commands when the commit is the head of its branch. Errors are one sentence
// and may be shown; a *domain.Error says which input cannot be accepted.
func Checkout(ctx context.Context, s Source, dir string, out io.Writer) (domain.Commit, error) {
	r, err := parseRemote(s.URL, s.Schemes)
	if err != nil {
		return domain.Commit{}, err
	}
	if err := ValidateBranch(s.Branch); err != nil {
		return domain.Commit{}, err
	}
	s.Commit = strings.ToLower(s.Commit)
	if s.Commit != "" {
		if err := ValidateCommit(s.Commit); err != nil {
			return domain.Commit{}, err
		}
	}
	for _, path := range s.Sparse {
		if err := domain.CheckSparsePath(path); err != nil {
			return domain.Commit{}, err
		}
	}
	g := git{remote: r, schemes: s.Schemes, dir: dir, out: out}
	end, err := g.signIn(ctx, s.Access)
	if err != nil {
		return domain.Commit{}, err
	}
	defer end()
	if err := g.clone(ctx, s.Branch, s.Sparse); err != nil {
		return domain.Commit{}, err
	}
	head, err := g.head(ctx)
	if err != nil || strings.HasPrefix(head.Hash, s.Commit) {
		return head, err
	}
	if err := g.moveTo(ctx, s); err != nil {
		return domain.Commit{}, err
	}
	head, err = g.head(ctx)
	if err == nil && !strings.HasPrefix(head.Hash, s.Commit) {
		return domain.Commit{}, commitNotFound(r, s)
	}
	return head, err
}

func commitNotFound(r remote, s Source) error {
	return fmt.Errorf("commit %s does not exist in repository %s (branch %s)", s.Commit, r.url, s.Branch)
}

// clone fetches the head of one branch, nothing else. --no-local keeps a local
// repository from sharing its files with the run.
func (g git) clone(ctx context.Context, branch string, sparse []string) error {
	args := []string{"clone", "--quiet", "--no-local", "--depth=1", "--single-branch", "--no-tags",
		"--no-recurse-submodules", "--template=", "--origin=origin", "--branch=" + branch}
	if len(sparse) > 0 {
		args = append(args, "--no-checkout")
	}
	if stderr, err := g.run(ctx, nil, append(args, "--", g.remote.url, g.dir)...); err != nil {
		return g.explain(ctx, err, stderr, branch)
	}
	if len(sparse) == 0 {
		return nil
	}
	stderr, err := g.run(ctx, nil, append([]string{"sparse-checkout", "set", "--cone"}, sparse...)...)
	if err == nil {
		stderr, err = g.run(ctx, nil, "checkout", "--quiet", "--force", branch, "--")
	}
	if err != nil {
		return g.explain(ctx, err, stderr, branch)
	}
	return nil
}

// moveTo checks out a commit that is not the head of the branch. A server may
// refuse to hand out a single commit, and a short hash cannot be asked for;
// then the whole branch is fetched.
func (g git) moveTo(ctx context.Context, s Source) error {
	if len(s.Commit) >= 40 {
		if _, err := g.run(ctx, nil, "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", "origin", s.Commit); err == nil {
			return g.switchTo(ctx, s)
		}
	}
	stderr, err := g.run(ctx, nil, "fetch", "--quiet", "--unshallow", "--no-tags", "--no-recurse-submodules",
		"--", "origin", "+refs/heads/"+s.Branch+":refs/remotes/origin/"+s.Branch)
	if err != nil && !strings.Contains(stderr, "unshallow on a complete repository") {
		return g.explain(ctx, err, stderr, s.Branch)
	}
	return g.switchTo(ctx, s)
}

func (g git) switchTo(ctx context.Context, s Source) error {
	if _, err := g.run(ctx, nil, "checkout", "--quiet", "--force", "--detach", s.Commit+"^{commit}", "--"); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return commitNotFound(g.remote, s)
	}
	return nil
}

// maxMessage bounds what is kept of a commit message.
const maxMessage = 8 << 10

// head reads the commit that is checked out.
func (g git) head(ctx context.Context) (domain.Commit, error) {
	var out strings.Builder
	_, err := g.run(ctx, &out, "log", "-1", "--no-show-signature", "--no-color", "--format=%H%x00%an%x00%cI%x00%B", "HEAD", "--")
	if err != nil {
		return domain.Commit{}, fmt.Errorf("read the commit of repository %s: %w", g.remote.url, err)
	}
	parts := strings.SplitN(strings.ToValidUTF8(out.String(), "\uFFFD"), "\x00", 4)
	if len(parts) != 4 {
		return domain.Commit{}, errors.New("read the commit: git log printed something else")
	}
	at, err := time.Parse(time.RFC3339, parts[2])
	if err != nil {
		return domain.Commit{}, fmt.Errorf("read the commit's time: %w", err)
	}
	message := strings.TrimSpace(parts[3])
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	return domain.Commit{
		Hash: parts[0], AuthorName: parts[1], Message: message,
		Timestamp: at.UTC(), URL: g.remote.commitURL(parts[0]),
	}, nil
}

// explain turns git's words into one sentence.
func (g git) explain(ctx context.Context, err error, stderr, branch string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("git cannot be started: %w", err)
	}
	u := g.remote.url
	for _, c := range []struct{ words, sentence string }{
		{"Remote branch", fmt.Sprintf("branch %s does not exist in repository %s", branch, u)},
		{"couldn't find remote ref", fmt.Sprintf("branch %s does not exist in repository %s", branch, u)},
		{"dubious ownership", fmt.Sprintf("repository %s belongs to another user of this machine; its owner must be the worker's user, or git's safe.directory must name it", u)},
		{"Authentication failed", fmt.Sprintf("repository %s refuses %s", u, g.signedInBy())},
		{"could not read Username", g.unnamed()},
		{"Permission denied", fmt.Sprintf("repository %s refuses %s", u, g.signedInBy())},
		{"Host key verification failed", fmt.Sprintf("the host key of repository %s is not %s", u, g.knownHosts())},
		{"does not appear to be a git repository", fmt.Sprintf("repository %s does not exist", u)},
		{"does not exist", fmt.Sprintf("repository %s does not exist", u)},
		{"not found", fmt.Sprintf("repository %s does not exist", u)},
		{"unable to update url base from redirection", fmt.Sprintf("repository %s answers with another address; give the stack that one: credentials are not sent on", u)},
		{"The requested URL returned error: 30", fmt.Sprintf("repository %s answers with another address; give the stack that one: credentials are not sent on", u)},
		{"Could not resolve host", fmt.Sprintf("repository %s cannot be reached: its host name cannot be resolved", u)},
		{"Connection refused", fmt.Sprintf("repository %s cannot be reached: connection refused", u)},
		{"Failed to connect", fmt.Sprintf("repository %s cannot be reached", u)},
		{"timed out", fmt.Sprintf("repository %s cannot be reached: timed out", u)},
	} {
		if strings.Contains(stderr, c.words) {
			return errors.New(c.sentence)
		}
	}
	return fmt.Errorf("repository %s cannot be checked out: %s", u, lastLine(stderr, err))
}

func lastLine(stderr string, err error) string {
	for line := range strings.SplitSeq(stderr, "\n") {
		if after, ok := strings.CutPrefix(line, "fatal: "); ok {
			return after
		}
	}
	return err.Error()
}
