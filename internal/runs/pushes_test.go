package runs_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/repos"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/store"
)

// committed makes a built-in repository in dev and a stack of it, and commits.
func (b bench) committed(t *testing.T, id domain.StackID, change func(*domain.Stack), files ...string) (commit func(files ...string) domain.Revision) {
	t.Helper()
	s := repos.New(store.Bind[repos.Tx](b.Store), access.NewGate(), b.IDs)
	repo, err := s.Create(b.As(t, "root-admin"), repos.Input{Space: "dev", Name: string(id) + " code"})
	if err != nil {
		t.Fatal(err)
	}
	b.Stack(t, id, "dev", func(st *domain.Stack) {
		st.Provider, st.Repository, st.RepositoryURL = domain.ProviderBuiltIn, string(repo.ID), ""
		if change != nil {
			change(st)
		}
	})
	n := 0
	commit = func(files ...string) domain.Revision {
		t.Helper()
		n++
		in := repos.CommitInput{Repo: repo.ID, AuthorName: "Ann", Message: "Write", Files: nil}
		for _, f := range files {
			in.Files = append(in.Files, domain.RepoChange{Path: f, Content: []string{"", "eA==", "eQ==", "eg=="}[n]})
		}
		r, err := s.Commit(b.As(t, "will"), in)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if len(files) > 0 {
		commit(files...)
	}
	return commit
}

func (b bench) followed(t *testing.T, want int) {
	t.Helper()
	if n, err := b.FollowPushes(t.Context()); err != nil || n != want {
		t.Fatalf("followed %d pushes, error %v; want %d", n, err, want)
	}
}

func (b bench) tracked(t *testing.T, id domain.StackID) []domain.Run {
	t.Helper()
	list, err := b.List(b.As(t, "root-admin"), id, domain.RunTracked, "")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(list, func(r domain.Run) bool { return r.Type != domain.RunTracked })
}

func TestCommitStartsARun(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		commit := b.committed(t, "built", nil)
		first := commit("main.tf")
		b.followed(t, 1)
		b.followed(t, 0)
		list := b.tracked(t, "built")
		if len(list) != 1 || list[0].TriggeredBy != b.KeyID("will").AuditName() || list[0].State != domain.RunReady {
			t.Fatalf("runs %+v", list)
		}
		second := commit("main.tf", "x/run.sh") // one that waits takes this along
		b.followed(t, 1)
		if got := b.tracked(t, "built"); len(got) != 1 {
			t.Errorf("%d runs wait", len(got))
		}
		a := b.lease(t)
		if a.FailReason != "" || a.Run.Commit != second.Commit() || a.Run.Commit.Hash == first.SHA || a.Run.Title != "Write" {
			t.Errorf("fails %q, run %+v", a.FailReason, a.Run)
		}
		if d := cmp.Diff(map[string]string{"main.tf": "y", "x/run.sh": "y"}, b.unpacked(t, a.Lease)); d != "" {
			t.Error(d)
		}
		third := commit("main.tf") // while that one is busy
		b.followed(t, 1)
		if got := b.tracked(t, "built"); len(got) != 2 || got[0].State != domain.RunQueued {
			t.Errorf("runs %+v", got)
		}
		b.advance(t, a.Lease, domain.RunInitializing, domain.RunPlanning, domain.RunFinished)
		if a := b.lease(t); a.Run.Commit.Hash != third.SHA {
			t.Errorf("commit %+v, want %s", a.Run.Commit, third.SHA)
		}
	})
}

// unpacked is what the worker of a lease starts from.
func (b bench) unpacked(t *testing.T, l runs.Lease) map[string]string {
	t.Helper()
	body, err := b.Workspace(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	zip, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for in := tar.NewReader(zip); ; {
		h, err := in.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		out[h.Name] = string(content)
	}
}

func TestPushesConcernProjects(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for name, c := range map[string]struct {
			root  string
			globs []string
			files []string
			want  bool
		}{
			"no root":       {"", nil, []string{"x"}, true},
			"below":         {"live", nil, []string{"a", "live/x/y"}, true},
			"beside":        {"live", nil, []string{"live2/x", "lib/y"}, false},
			"glob":          {"live", []string{"lib/**"}, []string{"lib/deep/y"}, true},
			"glob of names": {"live", []string{"**/*.tfvars"}, []string{"a/b.tfvars"}, true},
			"no glob":       {"live", []string{"lib/*"}, []string{"lib/deep/y"}, false},
			"a rooted glob": {"live", []string{"/lib/**"}, []string{"lib/y"}, true},
			"a broken glob": {"live", []string{"[", "lib/**"}, []string{"lib/y"}, true},
		} {
			id := domain.StackID(domain.Slug(name))
			commit := b.committed(t, id, func(s *domain.Stack) { s.ProjectRoot, s.ProjectGlobs = c.root, c.globs })
			commit(c.files...)
			b.followed(t, 1)
			if got := len(b.tracked(t, id)) == 1; got != c.want {
				t.Errorf("%s: started a run: %v", name, got)
			}
		}
	})
}

// push leaves word of a push, as a webhook does.
func (b bench) push(t *testing.T, p domain.Push) {
	t.Helper()
	b.Fill(t, func(ctx ctx, tx *store.Tx, permit access.Permit) error {
		p.ID, p.At, p.By, p.Title = b.IDs.ULID(), tx.Now(), "push::test", "Pushed"
		return tx.InsertPush(ctx, permit.For(access.KindRepo), p)
	})
	b.followed(t, 1)
}

func TestPushesToBranches(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		// k is in apps, k2 in dev, r0 in root; all have the same repository.
		key := domain.SourceKey("https://git.example.com/infra")
		b.Stack(t, "other", "dev", func(s *domain.Stack) { s.RepositoryURL = "https://git.example.com/team/infra.git" })
		b.Stack(t, "alias", "dev", func(s *domain.Stack) { s.RepositoryURL = "git@GIT.example.com:infra.git" })
		b.Stack(t, "shut", "prod", nil)
		b.Stack(t, "off", "dev", func(s *domain.Stack) { s.Disabled = true })
		b.push(t, domain.Push{Space: "apps", Source: "nothing/else\n" + key, Branch: "main", Commit: "1234567890", All: true})
		for id, want := range map[domain.StackID]int{"k": 1, "k2": 1, "alias": 1, "r0": 0, "other": 0, "shut": 0, "off": 0} {
			list := b.tracked(t, id)
			if len(list) != want {
				t.Errorf("%s: %d runs, want %d", id, len(list), want)
			}
			if want == 1 && (list[0].Commit.Hash != "" || list[0].TriggeredBy != "push::test" || list[0].Title != "Pushed") {
				t.Errorf("%s: %+v", id, list[0])
			}
		}
		b.push(t, domain.Push{Space: "dev", Source: key, Branch: "feature", Commit: "1234567890", All: true})
		proposed, err := b.List(b.As(t, "root-admin"), "k2", domain.RunProposed, "")
		if err != nil || len(proposed) != 1 || proposed[0].Branch != "feature" || proposed[0].Commit.Hash != "1234567890" {
			t.Errorf("proposed %+v, error %v", proposed, err)
		}
		if list, _ := b.List(b.As(t, "root-admin"), "k", domain.RunProposed, ""); len(list) != 0 {
			t.Errorf("k, which cannot use what is in dev, has %d proposed runs", len(list))
		}
	})
}

// TestNoPushHoldsUpTheOthers has a stack that is locked and disabled, another that
// is locked and being deleted, and a push that cannot be followed at all.
func TestNoPushHoldsUpTheOthers(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		source := func(id domain.StackID) string { return domain.SourceKey("https://git.example.com/" + string(id)) }
		for _, id := range []domain.StackID{"off", "going", "broken", "well"} {
			b.Stack(t, id, "dev", func(s *domain.Stack) { s.RepositoryURL = "https://git.example.com/" + string(id) })
		}
		admin := b.As(t, "root-admin")
		if _, err := b.Destroy(admin, "going"); err != nil {
			t.Fatal(err)
		}
		for _, id := range []domain.StackID{"off", "going"} {
			if _, err := b.Lock(admin, id, ""); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Disable(admin, "off"); err != nil {
			t.Fatal(err)
		}
		for _, id := range []domain.StackID{"off", "going", "broken", "well"} {
			p := domain.Push{ID: b.IDs.ULID(), By: "push::test", Space: "dev", Source: source(id), Branch: "main", Commit: "1234567890", All: true}
			if id == "broken" {
				p.By = "no text that can be stored: \x00"
			}
			b.Fill(t, func(ctx ctx, tx *store.Tx, permit access.Permit) error {
				p.At = tx.Now()
				return tx.InsertPush(ctx, permit.For(access.KindRepo), p)
			})
		}
		n, err := b.FollowPushes(t.Context())
		if n != 3 || err == nil {
			t.Errorf("followed %d pushes of 4, error %v", n, err)
		}
		for id, want := range map[domain.StackID]int{"off": 0, "going": 0, "broken": 0, "well": 1} {
			if got := b.tracked(t, id); len(got) != want {
				t.Errorf("%s: %d runs, want %d", id, len(got), want)
			}
		}
	})
}

// TestAPushFollowsTheChain is zero -> mid -> alow, where the push means zero and
// alow only: alow begins once, after zero, though nothing has changed for mid.
func TestAPushFollowsTheChain(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, id := range []domain.StackID{"zero", "alow", "mid"} {
			b.Stack(t, id, "dev", func(s *domain.Stack) {
				s.Autodeploy, s.RepositoryURL = true, "https://git.example.com/chain"
				if id == "mid" {
					s.RepositoryURL = "https://git.example.com/mid"
				}
			})
		}
		b.waits(t, "mid", "zero", "x=>X")
		b.waits(t, "alow", "mid", "y=>Y")
		push := domain.Push{Space: "dev", Source: domain.SourceKey("https://git.example.com/chain"), Branch: "main", All: true}
		b.push(t, push)
		b.finish(t, "zero", text("x", "same"))
		b.finish(t, "mid", text("y", "same"))
		b.finish(t, "alow")
		b.noLease(t)

		b.push(t, push)
		b.push(t, push) // delivered again
		b.finish(t, "zero", text("x", "same"))
		if got := b.chained(t, "mid").State; got != domain.RunSkipped {
			t.Errorf("the run of mid is %s", got)
		}
		b.finish(t, "alow")
		b.noLease(t)
		if list := b.tracked(t, "alow"); len(list) != 2 || list[0].Title != "Pushed" {
			t.Errorf("alow has %d runs: %+v", len(list), list)
		}

		b.push(t, push)
		b.fail(t) // zero
		if got := b.chained(t, "alow").State; got != domain.RunSkipped {
			t.Errorf("below a failure the run is %s", got)
		}
		b.noLease(t)
	})
}

func TestBuiltInRepositoriesThatCannotBeUsed(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for id, change := range map[domain.StackID]func(*domain.Stack){
			"empty":  nil,
			"away":   func(s *domain.Stack) { s.Space = "sandbox" },
			"nobody": func(s *domain.Stack) { s.Repository = "none" },
		} {
			b.committed(t, id, change)
			b.trigger(t, id)
			a := b.lease(t)
			if a.FailReason == "" {
				t.Errorf("%s would run", id)
			}
			b.advance(t, a.Lease, domain.RunFailed)
		}
		b.committed(t, "some", nil, "main.tf")
		b.followed(t, 1)
		b.advance(t, b.lease(t).Lease, domain.RunFailed)
		if _, err := b.ProposeWith(b.As(t, "root-admin"), runs.ProposeInput{Stack: "some", Commit: "ffffffffff"}); err != nil {
			t.Fatal(err)
		}
		if a := b.lease(t); a.FailReason == "" {
			t.Error("a commit that does not exist would run")
		}
	})
}
