package insight_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/insight"
	"github.com/airlock-project/airlock/internal/repos"
	"github.com/airlock-project/airlock/internal/spaces"
	"github.com/airlock-project/airlock/internal/stacks"
	"github.com/airlock-project/airlock/internal/store"
)

// repoBench is the bench with the use cases that decide about sources.
type repoBench struct {
	bench
	repos  *repos.Service
	stacks *stacks.Service
	spaces *spaces.Service
	said   int
}

func eachRepo(t *testing.T, test func(t *testing.T, b *repoBench)) {
	t.Helper()
	each(t, func(t *testing.T, b bench) {
		test(t, &repoBench{
			bench: b, repos: repos.New(store.Bind[repos.Tx](b.Store), b.Gate, b.IDs),
			stacks: stacks.New(store.Bind[stacks.Tx](b.Store), b.Gate, b.IDs, nil),
			spaces: spaces.New(store.Bind[spaces.Tx](b.Store), b.Gate, b.IDs),
		})
	})
}

func (b *repoBench) repo(t *testing.T, name string, space domain.SpaceID) domain.RepoID {
	t.Helper()
	v, err := b.repos.Create(b.As(t, "root-admin"), repos.Input{Space: space, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return v.ID
}

// source gives a stack another repository; an empty one is none of ours.
func (b *repoBench) source(t *testing.T, id domain.StackID, repo domain.RepoID) {
	t.Helper()
	ctx := b.As(t, "root-admin")
	v, err := b.stacks.Get(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	v.Provider, v.Repository, v.RepositoryURL = domain.ProviderBuiltIn, string(repo), ""
	if repo == "" {
		v.Provider, v.Repository = domain.ProviderGitHub, "elsewhere"
	}
	if _, err := b.stacks.Update(ctx, id, v.StackSettings); err != nil {
		t.Fatal(err)
	}
}

func (b *repoBench) inherit(t *testing.T, id domain.SpaceID, inherit bool) {
	t.Helper()
	ctx := b.As(t, "root-admin")
	v, err := b.spaces.Get(ctx, id)
	if err == nil {
		_, err = b.spaces.Update(ctx, id, spaces.Input{Name: v.Name, Parent: v.Parent, Inherit: inherit})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestE4PathsFollowSources: whoever changes what a stack's source is, or what it
// can reach, opens and closes paths, which are told by the names of the day.
func TestE4PathsFollowSources(t *testing.T) {
	eachRepo(t, func(t *testing.T, b *repoBench) {
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k2"}, "space-admin", "sandbox")
		b.Role(t, "committer", authz.ActionSpaceRead, authz.ActionSpaceliftVCSCommitFiles)
		b.Bind(t, "rita", "committer", "apps")
		id := b.repo(t, "Code", "apps")
		in := insight.PathsInput{To: on("space/sandbox"), Role: "space-admin", From: b.Actor("rita")}
		want := func(what, want string) {
			t.Helper()
			for range 2 { // made anew, and kept
				if got := b.sentences(t, "root-admin", in); got != want {
					t.Errorf("%s: %s\nwant %s", what, got, want)
				}
			}
		}
		path := func(name string) string {
			return "rita, by E4 spacelift-vcs:commit-files acts through repository " + name + " of apps, which stack k2 uses, which holds it in sandbox"
		}
		want("at first", "")
		b.source(t, "k2", id)
		want("as its source", path("Code"))
		b.inherit(t, "dev", false)
		want("out of reach", "")
		b.inherit(t, "dev", true)
		want("in reach again", path("Code"))
		if _, err := b.repos.Update(b.As(t, "root-admin"), id, repos.Input{Name: "Network"}); err != nil {
			t.Fatal(err)
		}
		want("by its new name", path("Network"))
		b.source(t, "k2", "")
		want("with another source", "")
		b.source(t, "k2", id)
		in.Mode = domain.ActAsEnforce
		want("in mode ENFORCE", "")
		x, err := b.ask(t, "root-admin", "rita", authz.ActionSpaceliftVCSCommitFiles, "repo/"+string(id))
		if err != nil || x.Outcome != authz.Allowed || !strings.Contains(x.Sentence(), "on repository Network of apps") {
			t.Errorf("%v: %s", err, x.Sentence())
		}
		if x, err = b.ask(t, "nobody", "", authz.ActionSpaceliftVCSCommitFiles, "repo/"+string(id)); err != nil || !x.Missing {
			t.Errorf("%v: %s", err, x.Sentence())
		}
	})
}

// TestE4PathsAgreeWithTheGate compares the paths with what is really decided
// about a commit, in random worlds: there is a way from somebody through a
// repository to a stack that holds something exactly if he may commit and the
// stack can use the repository, and exactly what he may not commit in ENFORCE
// is told to be refused there.
func TestE4PathsAgreeWithTheGate(t *testing.T) {
	eachRepo(t, func(t *testing.T, b *repoBench) {
		w := gateWorld{repoBench: b, bound: map[string]bool{}, rand: rand.New(rand.NewPCG(4, 4))}
		w.fill(t)
		w.besideOutOfReach(t)
		for range 11 {
			w.change(t)
			for _, who := range []string{"root-admin", "ann", "will", "rita", "ops", "ci", "carol", "stack/s1", "stack/s0"} {
				for _, repo := range w.list {
					w.compare(t, who, repo)
				}
			}
		}
		t.Logf("%d ways, %d of them refused, %d that a role or stack:act-as opens, %d stacks out of reach", w.ways, w.refused, w.open, w.far)
		if w.ways < 20 || w.refused < 10 || w.open < 5 || w.far < 5 {
			t.Error("too little happens")
		}
	})
}

// gateWorld is a random world of repositories and of stacks whose code they are.
type gateWorld struct {
	*repoBench
	rand    *rand.Rand
	list    []domain.RepoID
	stacked []domain.StackID
	holds   []held
	bound   map[string]bool

	ways, refused, open, far int
}

// held is a role that a stack holds, until it ends.
type held struct {
	stack domain.StackID
	role  string
	at    domain.SpaceID
	until time.Time
}

var gateSpaces = []domain.SpaceID{"root", "platform", "net", "vault", "vault-x", "apps", "dev", "prod", "sandbox"}

func pick[T any](w *gateWorld, list ...T) T { return list[w.rand.IntN(len(list))] }

func (w *gateWorld) fill(t *testing.T) {
	w.Role(t, "committer", authz.ActionSpaceRead, authz.ActionSpaceliftVCSCommitFiles)
	w.Role(t, "blind", authz.ActionSpaceliftVCSCommitFiles)
	w.Role(t, "lender", authz.ActionStackActAs)
	for i, space := range []domain.SpaceID{"root", "apps", "platform"} {
		w.list = append(w.list, w.repo(t, fmt.Sprintf("Repo %d", i), space))
	}
	homes := []domain.SpaceID{"root", "platform", "net", "vault", "apps", "dev", "dev", "prod"}
	for i, space := range homes {
		id := domain.StackID(fmt.Sprintf("s%d", i))
		w.Stack(t, id, space, func(s *domain.Stack) { s.Administrative = i == 4 })
		w.stacked = append(w.stacked, id)
	}
	w.holds = append(w.holds, held{stack: "s4", role: "space-admin", at: homes[4]})
}

func (w *gateWorld) stack(t *testing.T, id domain.StackID) (st domain.Stack) {
	t.Helper()
	w.View(t, func(tx *store.Tx) (err error) { st, err = tx.Stack(t.Context(), id); return err })
	return st
}

// besideOutOfReach compares where somebody holds what the stack holds that can
// use the repository, and not what one holds that only names it.
func (w *gateWorld) besideOutOfReach(t *testing.T) {
	t.Helper()
	w.bindOnce(t, w.Actor("rita"), held{role: "committer", at: "platform"})
	w.bindOnce(t, w.ref("stack/s2"), held{role: "committer", at: "platform"})
	w.bindOnce(t, w.ref("stack/s3"), held{role: "lender", at: "sandbox"})
	w.source(t, "s2", w.list[2]) // in net, and s3 in vault, which does not inherit
	w.compare(t, "rita", w.list[2])
	w.source(t, "s3", w.list[2])
	w.compare(t, "rita", w.list[2])
	if w.ways != 3 || w.refused != 1 || w.open != 2 || w.far != 1 {
		t.Errorf("%d ways, %d refused, %d open, %d out of reach", w.ways, w.refused, w.open, w.far)
	}
}

// change makes the world another one: roles of people and stacks, sources, the
// tree, the time.
func (w *gateWorld) change(t *testing.T) {
	t.Helper()
	end := func() time.Time {
		if w.rand.IntN(4) > 0 {
			return time.Time{}
		}
		return w.Clock.Now().Add(time.Duration(1+w.rand.IntN(3)) * time.Hour)
	}
	for range 2 {
		who := pick(w, w.Actor("ann"), w.Actor("will"), w.Actor("rita"), w.Actor("ops"), w.Actor("ci"), w.Actor("DevOps"), w.ref("stack/s1"), w.ref("stack/s0"))
		h := held{role: pick(w, "committer", "committer", "blind", "lender", "space-reader", "space-writer"), at: pick(w, gateSpaces...), until: end()}
		w.bindOnce(t, who, h)
	}
	h := held{pick(w, w.stacked...), pick(w, "space-reader", "space-writer", "committer"), pick(w, gateSpaces...), end()}
	if h.stack != "s4" { // an administrative stack's bindings do not count (A143)
		w.bindOnce(t, authz.ActorRef{Kind: authz.ActorStack, ID: string(h.stack)}, h)
	}
	for range 4 {
		w.source(t, pick(w, w.stacked...), pick(w, append(slices.Concat(w.list, w.list), "", "none")...))
	}
	space := pick(w, domain.SpaceID("platform"), "net", "dev", "prod", "apps")
	w.inherit(t, space, w.rand.IntN(3) > 0)
	w.Clock.Advance(50 * time.Minute)
}

// bindOnce binds what was not bound before.
func (w *gateWorld) bindOnce(t *testing.T, who authz.ActorRef, h held) {
	t.Helper()
	key := fmt.Sprint(who, h.role, h.at)
	if w.bound[key] {
		return
	}
	w.bound[key] = true
	w.AddBinding(t, h.role, domain.Binding{Actor: who, Space: h.at, NotAfter: h.until})
	if who.Kind == authz.ActorStack {
		h.stack = domain.StackID(who.ID)
		w.holds = append(w.holds, h)
	}
}

// compare compares what somebody may commit to a repository with the paths.
func (w *gateWorld) compare(t *testing.T, who string, repo domain.RepoID) {
	t.Helper()
	may := map[domain.ActAsMode]bool{}
	for _, mode := range []domain.ActAsMode{domain.ActAsWarn, domain.ActAsEnforce} {
		w.SetActAs(t, mode)
		w.said++
		_, err := w.repos.Commit(w.as(t, who), repos.CommitInput{Repo: repo, AuthorName: who, Message: "Say", Files: []domain.RepoChange{
			{Path: "main.tf", Content: base64.StdEncoding.EncodeToString(fmt.Append(nil, w.said))}}})
		if code := domain.ErrorCode(err); err != nil && code != domain.CodeForbidden && code != domain.CodeNotFound {
			t.Fatal(err)
		}
		may[mode] = err == nil
	}
	for _, h := range w.holds {
		if !h.until.IsZero() && w.Clock.Now().After(h.until) {
			continue
		}
		st := w.stack(t, h.stack)
		if st.BuiltIn() != repo || who == "stack/"+string(h.stack) {
			continue
		}
		reaches := w.reaches(t, st.Space, repo)
		if !reaches {
			w.far++
		}
		for mode, ok := range may {
			hop := w.hop(t, who, repo, h, mode)
			if (hop != nil) != (ok && reaches) {
				t.Fatalf("%s commits to %s in %s: %v, which %s uses: %v; a path: %v", who, repo, mode, ok, h.stack, reaches, hop != nil)
			}
			if hop == nil {
				continue
			}
			if hop.Refused == may[domain.ActAsEnforce] || hop.Mode != map[domain.ActAsMode]authz.ActAsMode{
				domain.ActAsWarn: authz.ActAsWarn, domain.ActAsEnforce: authz.ActAsEnforce}[mode] {
				t.Fatalf("%s commits to %s in ENFORCE: %v, told as %+v", who, repo, may[domain.ActAsEnforce], hop.Hop)
			}
			w.ways++
			if hop.Refused {
				w.refused++
			} else {
				w.open++
			}
		}
	}
}

func (w *gateWorld) as(t *testing.T, who string) context.Context {
	if id, ok := strings.CutPrefix(who, "stack/"); ok {
		return w.AsStack(t, domain.Run{ID: domain.RunID("run-of-" + id), StackID: domain.StackID(id), State: domain.RunApplying})
	}
	return w.As(t, who)
}

func (w *gateWorld) reaches(t *testing.T, from domain.SpaceID, repo domain.RepoID) (yes bool) {
	t.Helper()
	w.View(t, func(tx *store.Tx) error {
		r, err := tx.Repo(t.Context(), repo)
		if err != nil {
			return err
		}
		path, err := tx.Path(t.Context(), from)
		yes = path.Reaches(r.Space)
		return err
	})
	return yes
}

// hop finds a way of somebody, himself or with a group, through a repository to
// a stack; nil if there is none.
func (w *gateWorld) hop(t *testing.T, who string, repo domain.RepoID, h held, mode domain.ActAsMode) *insight.Hop {
	t.Helper()
	p, err := w.Paths(w.As(t, "root-admin"), insight.PathsInput{
		From: w.ref(who), To: access.Ref{Kind: access.KindSpace, ID: string(h.at)}, Role: h.role, Mode: mode, MaxHops: 5, First: 5000,
	})
	if err != nil || p.More {
		t.Fatalf("%v, more %v", err, p.More)
	}
	for _, path := range p.List {
		at := slices.IndexFunc(path.Hops, func(hop insight.Hop) bool { return hop.Kind != authz.HopMember })
		if hop := path.Hops[at]; hop.Hop.To.Object == (authz.EntityRef{Kind: authz.EntityRepo, ID: string(repo)}) &&
			path.Hops[at+1].Hop.To.Actor.ID == string(h.stack) {
			return &hop
		}
	}
	return nil
}
