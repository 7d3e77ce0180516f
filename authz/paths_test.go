package authz_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
)

// town is the fixture of the security cases: spaces A (A1 inherits, A2 does
// not) and B (B1), the stack SX of A, which holds Space admin in B, and S0 of
// A, which holds nothing. CA of A is a context of both, and PA of A their
// worker pool.
type town struct {
	t *testing.T
	authz.World
	authz.Estate
}

func newTown(t *testing.T) *town {
	w := &town{t: t}
	w.Spaces = []authz.Space{
		{ID: "root"},
		{ID: "A", Parent: "root", Inherit: true}, {ID: "B", Parent: "root", Inherit: true},
		{ID: "A1", Parent: "A", Inherit: true}, {ID: "A2", Parent: "A"}, {ID: "B1", Parent: "B", Inherit: true},
	}
	for _, r := range authz.SystemRoles() {
		w.Roles = append(w.Roles, authz.Role{ID: r.Slug, Slug: r.Slug, Actions: r.Actions})
	}
	uses := []authz.EntityRef{contextRef("CA"), poolRef("PA")}
	repo := authz.EntityRef{Kind: authz.EntityRepo, ID: "VA"}
	for _, id := range []string{"SX", "S0"} {
		w.World.Stacks = append(w.World.Stacks, authz.Stack{ID: id, Space: "A"})
		w.Estate.Stacks = append(w.Estate.Stacks, authz.StackUse{ID: id, Space: "A", Uses: uses, Repo: repo.ID})
	}
	for _, ref := range append(uses, repo) {
		w.Objects = append(w.Objects, authz.EntityHome{Entity: ref, Space: "A"})
	}
	w.bind(stackRef("SX"), authz.RoleSpaceAdmin, "B")
	return w
}

func userRef(id string) authz.ActorRef     { return authz.ActorRef{Kind: authz.ActorUser, ID: id} }
func groupRef(id string) authz.ActorRef    { return authz.ActorRef{Kind: authz.ActorGroup, ID: id} }
func contextRef(id string) authz.EntityRef { return authz.EntityRef{Kind: authz.EntityContext, ID: id} }
func poolRef(id string) authz.EntityRef {
	return authz.EntityRef{Kind: authz.EntityWorkerPool, ID: id}
}

func (w *town) bind(who authz.ActorRef, role, space string) *authz.Binding {
	w.Bindings = append(w.Bindings, authz.Binding{ID: fmt.Sprintf("b%d", len(w.Bindings)), Actor: who, Role: role, Space: space})
	return &w.Bindings[len(w.Bindings)-1]
}

// can binds a role of its own, with space:read, to a user in A.
func (w *town) can(who string, actions ...authz.Action) {
	w.Roles = append(w.Roles, authz.Role{ID: "of-" + who, Actions: authz.SetOf(actions...).With(authz.ActionSpaceRead)})
	w.bind(userRef(who), "of-"+who, "A")
}

func (w *town) analysis() *authz.Analysis {
	w.t.Helper()
	return analyse(w.t, w.World, w.Estate)
}

var adminOfB = authz.Goal{Target: authz.Target{Space: "B"}, Role: authz.RoleSpaceAdmin}

// expect compares the paths to a goal, each in one line.
func (w *town) expect(g authz.Goal, o authz.PathOptions, want ...string) {
	w.t.Helper()
	got, err := w.analysis().Paths(g, o)
	if err != nil {
		w.t.Fatal(err)
	}
	lines := []string{}
	for _, p := range got.List {
		lines = append(lines, tell(p))
	}
	if diff := cmp.Diff(want, lines); diff != "" && len(want)+len(lines) > 0 {
		w.t.Errorf("paths differ:\n%s", diff)
	}
}

// sees compares what a change is told to open and close.
func (w *town) sees(before, after *authz.Analysis, want ...string) {
	w.t.Helper()
	diff, err := after.Since(before, nil, authz.PathOptions{})
	if err != nil || diff.More {
		w.t.Fatal(err, diff.More)
	}
	var got []string
	for _, c := range diff.Changes {
		in := c.Goal.Role + c.Goal.Action.String() + " in " + c.Goal.Target.Space + ": "
		in = strings.Replace(in, "unknown", "", 1)
		for _, p := range c.Gained {
			got = append(got, in+p.String())
		}
		for _, a := range c.Lost {
			got = append(got, in+"lost by "+a.ID)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("the change is told otherwise:\n%s", diff)
	}
}

func analyse(t testing.TB, w authz.World, e authz.Estate) *authz.Analysis {
	t.Helper()
	s, err := authz.Compile(w)
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Analysis(e, worlds.Now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// tell is a path in one line: who, how, by which bindings, to whom.
func tell(p authz.Path) string {
	var s strings.Builder
	for _, h := range p.Hops {
		s.WriteString(h.From.String() + " > " + h.Kind.String())
		if h.Rule != "" {
			s.WriteString(" " + h.Rule)
		}
		if h.Action != 0 {
			s.WriteString(" " + h.Action.String())
		}
		if h.Phase != authz.PhaseAll {
			s.WriteString(" in " + h.Phase.String())
		}
		for _, g := range h.Guards {
			s.WriteString(" as " + g.String())
		}
		if h.Refused {
			s.WriteString(" (" + h.Mode.String() + ")")
		}
		for _, e := range h.Evidence {
			s.WriteString(" " + e.Binding)
		}
		s.WriteString(" > ")
	}
	return s.String() + "goal"
}

func TestPathOptions(t *testing.T) {
	w := newTown(t)
	w.Groups = []authz.Group{{ID: "g", Name: "g"}}
	w.Actors = []authz.Actor{{Ref: userRef("zoe"), Groups: []string{"g"}}}
	w.bind(groupRef("g"), authz.RoleSpaceWriter, "A")
	w.bind(userRef("ann"), authz.RoleSpaceAdmin, "A")
	w.bind(authz.ActorRef{Kind: authz.ActorAPIKey, ID: "ci"}, authz.RoleSpaceWriter, "A")
	ask := func(o authz.PathOptions) (who []string, got authz.Paths) {
		got, err := w.analysis().Paths(adminOfB, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range got.List {
			who = append(who, p.From.Kind.String()+" "+p.From.ID)
		}
		return who, got
	}
	all := []string{"user ann", "api_key ci", "group g", "user zoe"}
	for name, tt := range map[string]struct {
		o      authz.PathOptions
		want   []string
		actors int
		more   bool
	}{
		"all":    {authz.PathOptions{}, all, 4, false},
		"exact":  {authz.PathOptions{Limit: 4}, all, 4, false},
		"limit":  {authz.PathOptions{Limit: 2}, all[:2], 4, true},
		"hops":   {authz.PathOptions{MaxHops: 2}, all[:3], 3, false},
		"holds":  {authz.PathOptions{MaxHops: 1}, nil, 0, false},
		"kinds":  {authz.PathOptions{Kinds: []authz.ActorKind{authz.ActorAPIKey, authz.ActorStack}}, []string{"stack SX", "api_key ci"}, 2, false},
		"from":   {authz.PathOptions{From: userRef("zoe")}, []string{"user zoe", "user zoe"}, 1, false},
		"one of": {authz.PathOptions{From: userRef("ann"), Limit: 1}, []string{"user ann"}, 1, true},
		"nobody": {authz.PathOptions{From: userRef("rita")}, nil, 0, false},
		"idle":   {authz.PathOptions{From: stackRef("S0")}, nil, 0, false},
	} {
		who, got := ask(tt.o)
		if diff := cmp.Diff(tt.want, who); diff != "" || got.Actors != tt.actors || got.More != tt.more {
			t.Errorf("%s: %d actors, more %v, %s", name, got.Actors, got.More, diff)
		}
	}
	_, got := ask(authz.PathOptions{From: userRef("ann")})
	ways := []string{}
	for _, p := range got.List {
		ways = append(ways, p.String())
	}
	want := []string{
		"user ann -> E1 task:create -> stack SX -> holds it in space B",
		"user ann -> E8 context:update -> context CA -> used by -> stack SX -> holds it in space B",
		"user ann -> E12 worker-pool:reset -> worker_pool PA -> used by -> stack SX -> holds it in space B",
		"user ann -> E4 spacelift-vcs:commit-files -> repo VA -> used by -> stack SX -> holds it in space B",
	}
	if diff := cmp.Diff(want, ways); diff != "" {
		t.Error(diff)
	}
	if _, got := ask(authz.PathOptions{From: userRef("zoe")}); got.List[0].String() !=
		"user zoe -> member of -> group g -> E1 task:create -> stack SX -> holds it in space B" {
		t.Error(got.List[0])
	}
}

func TestPathsOfWhoHoldsNothing(t *testing.T) {
	w := newTown(t)
	w.bind(userRef("will"), authz.RoleSpaceReader, "A")
	w.expect(adminOfB, authz.PathOptions{From: userRef("will")})
}

func TestPathsRefuse(t *testing.T) {
	a := newTown(t).analysis()
	in := authz.Target{Space: "B"}
	for name, tt := range map[string]struct {
		g    authz.Goal
		o    authz.PathOptions
		want string
	}{
		"nothing":       {g: authz.Goal{Target: in}, want: "exactly one"},
		"two":           {g: authz.Goal{Target: in, Action: authz.ActionSpaceRead, Role: authz.RoleSpaceAdmin}, want: "exactly one"},
		"no action":     {g: authz.Goal{Target: in, Action: 255}, want: "exactly one"},
		"account where": {g: authz.Goal{Target: in, Account: true}, want: "exactly one"},
		"role":          {g: authz.Goal{Target: in, Role: "gone"}, want: `unknown role "gone"`},
		"space":         {g: authz.Goal{Target: authz.Target{Space: "gone"}, Role: authz.RoleSpaceAdmin}, want: `unknown space "gone"`},
		"hops":          {g: adminOfB, o: authz.PathOptions{MaxHops: 33}, want: "out of bounds"},
		"fewer hops":    {g: adminOfB, o: authz.PathOptions{MaxHops: -1}, want: "out of bounds"},
		"limit":         {g: adminOfB, o: authz.PathOptions{Limit: -1}, want: "out of bounds"},
		"mode":          {g: adminOfB, o: authz.PathOptions{ActAs: 3}, want: "out of bounds"},
	} {
		if _, err := a.Paths(tt.g, tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := a.Since(a, []authz.Goal{tt.g}, tt.o); err == nil && tt.o.Limit == 0 {
			t.Errorf("%s: compared", name)
		}
	}
	if _, err := a.WhoCanBecome("B", "gone", authz.PathOptions{}); err == nil {
		t.Error("no error")
	}
}

func TestAnalysisRefusesAnEstate(t *testing.T) {
	w := newTown(t)
	s, err := authz.Compile(w.World)
	if err != nil {
		t.Fatal(err)
	}
	inA := func(ref authz.EntityRef) authz.EntityHome { return authz.EntityHome{Entity: ref, Space: "A"} }
	for want, e := range map[string]authz.Estate{
		`stack "k" is in unknown space "gone"`: {Stacks: []authz.StackUse{{ID: "k", Space: "gone"}}},
		`stack "k" occurs twice`:               {Stacks: []authz.StackUse{{ID: "k", Space: "A"}, {ID: "k", Space: "B"}}},
		`context "c" occurs twice`:             {Objects: []authz.EntityHome{inA(contextRef("c")), inA(contextRef("c"))}},
		`none "c" is not an object`:            {Objects: []authz.EntityHome{inA(authz.EntityRef{ID: "c"})}},
		`entity_kind(9) "c" is not an object`:  {Objects: []authz.EntityHome{inA(authz.EntityRef{Kind: 9, ID: "c"})}},
		`context "" is not an object`:          {Objects: []authz.EntityHome{inA(contextRef(""))}},
		`stack "k" uses unknown context "c"`:   {Stacks: []authz.StackUse{{ID: "k", Space: "A", Uses: []authz.EntityRef{contextRef("c")}}}},
		`stack "k" uses unknown stack "k"`:     {Stacks: []authz.StackUse{{ID: "k", Space: "A", Uses: []authz.EntityRef{{Kind: authz.EntityStack, ID: "k"}}}}},
		`stack "k" uses unknown repo "v"`:      {Stacks: []authz.StackUse{{ID: "k", Space: "A", Repo: "v"}}},
		`stack "l" uses unknown repo "v"`: {
			Stacks:  []authz.StackUse{{ID: "l", Space: "A", Uses: []authz.EntityRef{{Kind: authz.EntityRepo, ID: "v"}}}},
			Objects: []authz.EntityHome{inA(authz.EntityRef{Kind: authz.EntityRepo, ID: "v"})}},
		`context "c" is in unknown space "beyond"`: {Objects: []authz.EntityHome{{Entity: contextRef("c"), Space: "beyond"}}},
	} {
		if _, err := s.Analysis(e, worlds.Now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s, got %v", want, err)
		}
	}
}

// A change of very many says that it does not tell all.
func TestSinceBounds(t *testing.T) {
	w := newTown(t)
	w.Roles = append(w.Roles, authz.Role{ID: "many", Actions: authz.SetOf(authz.ActionSpaceRead)})
	for i := range authz.MaxDiffActors + 1 {
		w.bind(userRef(fmt.Sprint(i)), "many", "A")
	}
	before := w.analysis()
	w.Roles[len(w.Roles)-1].Actions = authz.SetOf(authz.ActionSpaceRead, authz.ActionTaskCreate)
	diff, err := w.analysis().Since(before, nil, authz.PathOptions{})
	if err != nil || !diff.More || len(diff.Changes) != 1 || len(diff.Changes[0].Gained) != authz.MaxDiffActors+1 {
		t.Errorf("%v, more %v, %d changes", err, diff.More, len(diff.Changes))
	}
	w = newTown(t)
	before = w.analysis()
	for i := range authz.MaxDiffGoals + 1 {
		id := fmt.Sprintf("role-%02d", i)
		w.Roles = append(w.Roles, authz.Role{ID: id, Actions: authz.SetOf(authz.ActionSpaceRead, authz.Action(i+4))})
		w.bind(stackRef("SX"), id, "B")
	}
	if diff, err = w.analysis().Since(before, nil, authz.PathOptions{}); err != nil || !diff.More {
		t.Errorf("%v, more %v", err, diff.More)
	}
}

// Somebody with very many ways gets the short ones, in time.
func TestPathsFromAMazeEnd(t *testing.T) {
	w := newTown(t)
	for i := range 60 {
		id := fmt.Sprintf("T%02d", i)
		w.World.Stacks = append(w.World.Stacks, authz.Stack{ID: id, Space: "A"})
		w.Estate.Stacks = append(w.Estate.Stacks, authz.StackUse{ID: id, Space: "A"})
		w.bind(stackRef(id), authz.RoleSpaceWriter, "A")
	}
	w.bind(userRef("eve"), authz.RoleSpaceWriter, "A")
	got, err := w.analysis().Paths(adminOfB, authz.PathOptions{From: userRef("eve"), MaxHops: 20, Limit: 1_000_000})
	if err != nil || !got.More || len(got.List) < 1000 || len(got.List[0].Hops) != 2 {
		t.Errorf("%v, more %v, %d paths", err, got.More, len(got.List))
	}
}

func TestPathStrings(t *testing.T) {
	for got, want := range map[string]string{
		authz.PhaseAll.String(): "all", authz.PhasePlan.String(): "plan", authz.PhaseNone.String(): "none", authz.Phase(9).String(): "unknown",
		authz.ActAsWarn.String(): "WARN", authz.ActAsEnforce.String(): "ENFORCE", authz.ActAsOff.String(): "OFF", authz.ActAsMode(9).String(): "UNKNOWN",
		authz.GuardActAs.String(): "act-as", authz.GuardAdminOfAll.String(): "admin of all stacks", authz.Guard(9).String() + " guard": "unknown guard",
		authz.HopHolds.String(): "holds", authz.HopUse.String(): "used by", authz.HopKind(9).String() + " hop": "unknown hop",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
