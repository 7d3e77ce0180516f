package repos_test

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/repos"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

type bench struct {
	*storetest.Kit
	*repos.Service
}

func each(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		test(t, bench{k, repos.New(store.Bind[repos.Tx](k.Store), access.NewGate(), k.IDs)})
	})
}

func (b bench) repo(t *testing.T, space domain.SpaceID) domain.RepoID {
	t.Helper()
	v, err := b.Create(b.As(t, "root-admin"), repos.Input{Space: space, Name: "Infra"})
	if err != nil {
		t.Fatal(err)
	}
	return v.ID
}

func file(path, content string) domain.RepoChange {
	return domain.RepoChange{Path: path, Content: base64.StdEncoding.EncodeToString([]byte(content))}
}

func remove(path string) domain.RepoChange { return domain.RepoChange{Path: path, Action: "DELETE"} }

func commit(id domain.RepoID, changes ...domain.RepoChange) repos.CommitInput {
	return repos.CommitInput{Repo: id, AuthorName: "Ann Ö", AuthorEmail: "ann@example.com", Message: "Write", Files: changes}
}

func (b bench) commit(t *testing.T, id domain.RepoID, changes ...domain.RepoChange) domain.Revision {
	t.Helper()
	r, err := b.Commit(b.As(t, "root-admin"), commit(id, changes...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (b bench) tree(t *testing.T, id domain.RepoID, sha string) map[string]string {
	t.Helper()
	list, err := b.Files(b.As(t, "root-admin"), id, sha)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range list {
		content, err := b.Content(b.As(t, "root-admin"), f.RepoFile)
		if err != nil {
			t.Fatal(err)
		}
		out[f.Path] = string(content)
	}
	return out
}

func wantCode(t *testing.T, err error, want domain.Code) {
	t.Helper()
	if domain.ErrorCode(err) != want || err == nil {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestCommitsAndTheirFiles(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.repo(t, "dev")
		first := b.commit(t, id, file("main.tf", "one"), file("mod/a.tf", "a"), domain.RepoChange{Path: "run.sh", Content: "eA==", Mode: "755"})
		second := b.commit(t, id, file("main.tf", "two"), remove("mod/a.tf"), domain.RepoChange{Path: "secret", Content: "eQ==", Encrypt: true})
		if d := cmp.Diff(map[string]string{"main.tf": "one", "mod/a.tf": "a", "run.sh": "x"}, b.tree(t, id, first.SHA)); d != "" {
			t.Error(d)
		}
		want := map[string]string{"main.tf": "two", "run.sh": "x", "secret": ""}
		if d := cmp.Diff(want, b.tree(t, id, "")) + cmp.Diff(want, b.tree(t, id, second.SHA[:7])); d != "" {
			t.Error(d)
		}
		versions, err := b.History(b.As(t, "root-admin"), id, "mod/a.tf")
		if err != nil || len(versions) != 2 || !versions[0].Deleted || versions[0].Revision.SHA != second.SHA || versions[1].Revision.SHA != first.SHA {
			t.Errorf("versions %+v, error %v", versions, err)
		}
		for table, content := range b.Digest(t) {
			if strings.Contains(content, `"eQ=="`) || strings.Contains(content, `"two"`) {
				t.Errorf("table %s shows a content", table)
			}
		}
		again := b.commit(t, id, file("mod/a.tf", "back"))
		if got := b.tree(t, id, ""); got["mod/a.tf"] != "back" || again.Number != 3 {
			t.Errorf("revision %d: %v", again.Number, got)
		}
	})
}

// TestHashesAreGits makes the same commits with git.
func TestHashesAreGits(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.repo(t, "dev")
		dir := t.TempDir()
		git := func(at time.Time, args ...string) string {
			t.Helper()
			cmd := exec.Command("git", args...)
			cmd.Dir = dir
			when := at.Format(time.RFC3339)
			cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_AUTHOR_NAME=Ann Ö", "GIT_AUTHOR_EMAIL=ann@example.com",
				"GIT_COMMITTER_NAME=Ann Ö", "GIT_COMMITTER_EMAIL=ann@example.com", "GIT_AUTHOR_DATE="+when, "GIT_COMMITTER_DATE="+when, "TZ=UTC")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("git %v: %v\n%s", args, err, out)
			}
			return strings.TrimSpace(string(out))
		}
		git(b.Clock.Now(), "init", "-q", "-b", "main")
		for _, step := range [][]domain.RepoChange{
			{file("main.tf", "one"), file("a/b/c.tf", "deep"), file("a-b", "sorts"), file("a.b", "sorts"), {Path: "x.sh", Content: "eA==", Mode: "0755"}},
			{file("main.tf", "two"), remove("a/b/c.tf"), file("ünï/ö", "")},
		} {
			for _, c := range step {
				name := filepath.Join(dir, c.Path)
				if c.Action == "DELETE" {
					_ = os.Remove(name)
					continue
				}
				body, _ := base64.StdEncoding.DecodeString(c.Content)
				_ = os.MkdirAll(filepath.Dir(name), 0o755)
				mode := os.FileMode(0o644)
				if c.Mode != "" {
					mode = 0o755
				}
				if err := os.WriteFile(name, body, mode); err != nil {
					t.Fatal(err)
				}
			}
			git(b.Clock.Now(), "add", "-A")
			git(b.Clock.Now(), "commit", "-q", "-m", "Write")
			if got, want := b.commit(t, id, step...).SHA, git(b.Clock.Now(), "rev-parse", "HEAD"); got != want {
				t.Errorf("hash %s, git says %s", got, want)
			}
			b.Clock.Advance(time.Minute)
		}
	})
}

func TestCommitRefusals(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.repo(t, "dev")
		b.commit(t, id, file("main.tf", "one"), file("mod/a", "x"))
		for name, changes := range map[string][]domain.RepoChange{
			"none": {}, "parent": {file("../x", "")}, "absolute": {file("/x", "")}, "unclean": {file("a//b", "")}, "git": {file(".git/config", "")},
			"Git": {file("a/.GIT/hooks", "")}, "backslash": {file(`a\b`, "")}, "drive": {file("c:x", "")}, "line": {file("a\nb", "")}, "empty": {file("", "")},
			"dot at the end": {file("a.", "")}, "another case": {file("MAIN.tf", "")}, "directory in another case": {file("Mod/b", "")},
			"file and directory": {file("main.tf/x", "")}, "directory and file": {file("mod", "")}, "twice": {file("x", ""), file("x", "")},
			"not base64": {{Path: "x", Content: "!"}}, "setuid": {{Path: "x", Mode: "4755"}}, "action": {{Path: "x", Action: "MOVE"}},
			"large": {file("x", strings.Repeat("x", domain.MaxRepoFile+1))},
		} {
			_, err := b.Commit(b.As(t, "root-admin"), commit(id, changes...))
			if domain.ErrorCode(err) != domain.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, c := range map[string]domain.RepoChange{
			"create what is there": {Path: "main.tf", Action: "CREATE"}, "update nothing": {Path: "x", Action: "UPDATE"}, "delete nothing": remove("x"),
		} {
			_, err := b.Commit(b.As(t, "root-admin"), commit(id, c))
			if domain.ErrorCode(err) != domain.CodeConflict {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := b.tree(t, id, ""); len(got) != 2 {
			t.Errorf("tree %v", got)
		}
	})
}

// TestG2CommitToTheCodeOfARoleHolder: whoever commits chooses what stacks do.
func TestG2CommitToTheCodeOfARoleHolder(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.repo(t, "dev")
		b.Stack(t, "built", "dev", func(s *domain.Stack) {
			s.Provider, s.Repository, s.RepositoryURL = domain.ProviderBuiltIn, string(id), ""
		})
		binding := b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "built"}, "space-admin", "platform")
		n := 0
		act := func(who string) func() error {
			return func() error {
				n++
				_, err := b.Commit(b.As(t, who), commit(id, file("main.tf", strings.Repeat("x", n))))
				return err
			}
		}
		b.ActAs(t, domain.LentRole{Stack: "built", Role: "space-admin", Space: "platform", Binding: binding}, act("will"))
		b.NoActAs(t, act("root-admin"))
	})
}

func TestWhoMayWhatWithRepositories(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.repo(t, "dev")
		b.Denied(t, domain.CodeForbidden, func() error { _, err := b.Commit(b.As(t, "ops"), commit(id, file("a", ""))); return err })
		b.Denied(t, domain.CodeNotFound, func() error { _, err := b.Commit(b.As(t, "rita"), commit(id, file("a", ""))); return err })
		b.Denied(t, domain.CodeNotFound, func() error { _, err := b.Commit(b.As(t, "will"), commit("none", file("a", ""))); return err })
		b.Allowed(t, func() error { _, err := b.Commit(b.As(t, "will"), commit(id, file("a", ""))); return err })
		b.Denied(t, domain.CodeForbidden, func() error { _, err := b.Create(b.As(t, "will"), repos.Input{Space: "dev", Name: "x"}); return err })
		b.Denied(t, domain.CodeForbidden, func() error { return b.Delete(b.As(t, "will"), id) })
		_, err := b.Get(b.As(t, "rita"), id)
		wantCode(t, err, domain.CodeNotFound)
		b.Stack(t, "built", "dev", func(s *domain.Stack) {
			s.Provider, s.Repository, s.RepositoryURL = domain.ProviderBuiltIn, string(id), ""
		})
		v, err := b.Get(b.As(t, "will"), id)
		if err != nil || len(v.Stacks) != 1 || v.Stacks[0] != "built" {
			t.Errorf("stacks %v, error %v", v.Stacks, err)
		}
		b.Denied(t, domain.CodeConflict, func() error { return b.Delete(b.As(t, "ann"), id) }) // it is in use
		second, err := b.Create(b.As(t, "ann"), repos.Input{Space: "dev", Name: "Infra", Checks: "ALL"})
		if err != nil || second.ID != "infra-2" {
			t.Fatalf("%+v, %v", second, err)
		}
		_, err = b.Create(b.As(t, "ann"), repos.Input{Space: "dev", Name: "x", Checks: "NONE"})
		wantCode(t, err, domain.CodeInvalid)
		b.Allowed(t, func() error { return b.Delete(b.As(t, "ann"), second.ID) })
	})
}

// TestE4NoRepositoryTakesAName: a stack that names a repository which is not
// there never gets its code from whoever makes one. Its roles would be in reach
// of all who may make repositories.
func TestE4NoRepositoryTakesAName(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "built", "dev", func(s *domain.Stack) {
			s.Provider, s.Repository, s.RepositoryURL = domain.ProviderBuiltIn, "infra", ""
		})
		b.Stack(t, "hosted", "dev", func(s *domain.Stack) { s.Repository = "other" })
		for name, want := range map[string]domain.RepoID{"Infra": "infra-2", "Other": "other"} {
			v, err := b.Create(b.As(t, "root-admin"), repos.Input{Space: "dev", Name: name})
			if err != nil || v.ID != want {
				t.Errorf("%s is %s, want %s: %v", name, v.ID, want, err)
			}
		}
	})
}
