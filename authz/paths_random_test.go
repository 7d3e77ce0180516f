package authz_test

import (
	"flag"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
)

var mazes = flag.Int("mazes", 1500, "worlds in which escalation paths are compared with the naive analysis")

var everyone = []authz.ActorKind{authz.ActorUser, authz.ActorAPIKey, authz.ActorGroup, authz.ActorStack}

func mazeGoal(src worlds.Source, w authz.World) authz.Goal {
	g := authz.Goal{Target: authz.Target{Space: w.Spaces[src.IntN(len(w.Spaces))].ID}}
	switch src.IntN(8) {
	case 0:
		return authz.Goal{Account: true}
	case 1, 2, 3:
		g.Role = w.Roles[src.IntN(len(w.Roles))].ID
	default:
		g.Action = worlds.Action(src)
	}
	if src.IntN(6) == 0 {
		g.Target.Entity = authz.EntityRef{Kind: authz.EntityStack, ID: w.Stacks[src.IntN(len(w.Stacks))].ID}
	}
	return g
}

// TestPathsAgainstNaive compares both analyses: none may miss a path, invent
// one, or find one that is not shortest.
func TestPathsAgainstNaive(t *testing.T) {
	lengths := map[int]int{}
	for seed := range uint64(*mazes) {
		src := worlds.Seeded(seed)
		w, e := worlds.Maze(src)
		a := analyse(t, w, e)
		memo := map[question]map[string]bool{}
		for _, mode := range []authz.ActAsMode{authz.ActAsWarn, authz.ActAsEnforce} {
			m := newMaze(w, e, mode)
			m.memo = memo
			for range 3 {
				m.goal = mazeGoal(src, w)
				got, err := a.Paths(m.goal, authz.PathOptions{Kinds: everyone, MaxHops: authz.MaxMaxHops, ActAs: mode})
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if why := m.differs(got); why != "" {
					t.Fatalf("seed %d, %s, goal %+v: %s", seed, mode, m.goal, why)
				}
				for _, p := range got.List {
					lengths[len(p.Hops)]++
				}
			}
		}
	}
	t.Logf("paths by length: %v", lengths)
	if lengths[4] == 0 || lengths[5] == 0 {
		t.Error("no long paths")
	}
}

// differs says how an answer is not that of the naive analysis; empty for not.
func (m *maze) differs(got authz.Paths) string {
	found := map[authz.ActorRef]int{}
	for _, p := range got.List {
		found[p.From] = len(p.Hops)
		if why := m.refutes(p); why != "" {
			return "invented path: " + why + "\n" + tell(p)
		}
	}
	for _, who := range m.actors() {
		if want := m.hops(who); found[who] != want {
			return fmt.Sprintf("%s %s: got %d hops, want %d", who.Kind, who.ID, found[who], want)
		}
	}
	return ""
}

func newMaze(w authz.World, e authz.Estate, mode authz.ActAsMode) *maze {
	return &maze{World: w, Estate: e, mode: mode, memo: map[question]map[string]bool{}, ways: map[authz.PathNode][]authz.PathNode{}}
}

func (m *maze) actors() (list []authz.ActorRef) {
	for _, a := range m.Actors {
		list = append(list, a.Ref)
	}
	for _, g := range m.Groups {
		list = append(list, authz.ActorRef{Kind: authz.ActorGroup, ID: g.ID})
	}
	for _, st := range m.World.Stacks {
		list = append(list, stackRef(st.ID))
	}
	return list
}

// refutes says what is wrong with a path; empty for nothing.
func (m *maze) refutes(p authz.Path) string {
	at := authz.PathNode{Actor: p.From}
	for i, h := range p.Hops {
		last := i == len(p.Hops)-1
		switch {
		case h.From != at:
			return "it jumps to " + h.From.String()
		case last != (h.Kind == authz.HopHolds):
			return "it ends in the middle"
		case h.Kind == authz.HopHolds && !m.self(at.Actor, m.holds):
			return at.String() + " does not hold the goal"
		case h.Kind == authz.HopInfluence && h.Phase == authz.PhasePlan:
			if !m.plans(at.Actor, h.To.Actor.ID) {
				return at.String() + " makes no plans of " + h.To.String()
			}
		case !last && !slices.Contains(m.edges(at), h.To):
			return at.String() + " does not lead to " + h.To.String()
		}
		if why := m.unproven(h); why != "" {
			return why
		}
		at = h.To
	}
	return ""
}

// unproven says what the evidence of a hop leaves open: it must be live
// bindings which alone allow what the hop says.
func (m *maze) unproven(h authz.Hop) string {
	if h.Kind != authz.HopHolds && h.Kind != authz.HopInfluence {
		return ""
	}
	only := *m
	only.Bindings, only.memo = nil, map[question]map[string]bool{}
	who := append([]authz.ActorRef{h.From.Actor}, m.groups(h.From.Actor)...)
	for _, e := range h.Evidence {
		if e.Kind == authz.EvidenceFlag && h.From.Actor.Kind == authz.ActorStack {
			continue
		}
		of := h.From.Actor
		if e.Group != "" {
			of = authz.ActorRef{Kind: authz.ActorGroup, ID: e.Group}
		}
		i := slices.IndexFunc(m.Bindings, func(b authz.Binding) bool {
			in := b.Space
			if b.Space == "" {
				in = m.home(b.Entity)
			}
			return b.ID == e.Binding && b.Actor == of && b.Role == e.Role && in == e.Space && b.Entity == e.Entity && b.NotAfter.Equal(e.NotAfter)
		})
		if i < 0 || !slices.Contains(who, of) {
			return "evidence is no binding: " + e.Binding
		}
		only.Bindings = append(only.Bindings, m.Bindings[i])
	}
	if h.Kind == authz.HopHolds {
		if !only.holds(who) {
			return h.From.String() + " holds the goal by more than the evidence"
		}
		return ""
	}
	may := only.allowed(who, h.Target, false)
	if !may[h.Action.String()] || h.Ways[0].Also != 0 && !may[h.Ways[0].Also.String()] {
		return h.From.String() + " needs more than the evidence for " + h.Action.String()
	}
	o := h.To.Object
	if o.ID == "" {
		o = authz.EntityRef{Kind: authz.EntityStack, ID: h.To.Actor.ID}
	}
	// Whether ENFORCE would refuse it, by all ways.
	enforced := newMaze(m.World, m.Estate, authz.ActAsEnforce)
	enforced.memo = m.memo
	open := slices.ContainsFunc(h.Ways, func(i authz.Influence) bool {
		way := i.Action.String()
		if i.Also != 0 {
			way += "+" + i.Also.String()
		}
		return enforced.changes(h.From.Actor, o, way)
	})
	if o.Kind != authz.EntityWorkerPool && open == h.Refused || o.Kind == authz.EntityWorkerPool && h.Refused {
		return "it is told wrongly whether ENFORCE refuses"
	}
	return ""
}

// TestPathsFromOneActor compares every path of one actor with what a walk
// through all edges finds.
func TestPathsFromOneActor(t *testing.T) {
	most := 0
	for seed := range uint64(*mazes) / 3 {
		src := worlds.Seeded(seed)
		w, e := worlds.Maze(src)
		a := analyse(t, w, e)
		m := newMaze(w, e, authz.ActAsMode(src.IntN(3)))
		m.goal = mazeGoal(src, w)
		for _, who := range m.actors() {
			o := authz.PathOptions{From: who, MaxHops: 5, Limit: 500, ActAs: m.mode}
			got, err := a.Paths(m.goal, o)
			if err != nil || got.More {
				t.Fatalf("seed %d: %v, more %v", seed, err, got.More)
			}
			want := m.walks(nil, authz.PathNode{Actor: who}, o.MaxHops)
			var found []string
			length := 0
			for _, p := range got.List {
				if why := m.refutes(p); why != "" || len(p.Hops) < length {
					t.Fatalf("seed %d: %s\n%s after %d hops", seed, why, tell(p), length)
				}
				length = len(p.Hops)
				line := ""
				for _, h := range p.Hops {
					line += h.From.String() + " "
				}
				found = append(found, line)
			}
			slices.Sort(want)
			slices.Sort(found)
			if diff := cmp.Diff(want, found); diff != "" {
				t.Fatalf("seed %d, %s, goal %+v, from %s:\n%s", seed, m.mode, m.goal, who.ID, diff)
			}
			most = max(most, len(found))
		}
	}
	if most < 20 {
		t.Errorf("at most %d paths", most)
	}
}

// walks are the ways from a node to the goal that visit nothing twice.
func (m *maze) walks(been []authz.PathNode, at authz.PathNode, hops int) (list []string) {
	if hops == 0 || slices.Contains(been, at) {
		return nil
	}
	been = append(slices.Clone(been), at)
	line := ""
	for _, node := range been {
		line += node.String() + " "
	}
	next := m.edges(at)
	for _, to := range next {
		list = append(list, m.walks(been, to, hops-1)...)
	}
	if at.Object.ID != "" {
		return list
	}
	if m.self(at.Actor, m.holds) {
		list = append(list, line)
	}
	for _, st := range m.Estate.Stacks {
		to := authz.PathNode{Actor: stackRef(st.ID)}
		if hops > 1 && !slices.Contains(next, to) && !slices.Contains(been, to) && m.plans(at.Actor, st.ID) {
			list = append(list, line+to.String()+" ")
		}
	}
	return list
}

// TestSinceFindsEveryNewPath makes random changes: each goal is compared as the
// answers before and after say, and no stack's role that somebody newly reaches
// is left out.
func TestSinceFindsEveryNewPath(t *testing.T) {
	gained, lost := 0, 0
	for seed := range uint64(*mazes) {
		src := worlds.Seeded(seed)
		w, e := worlds.Maze(src)
		w2, e2 := worlds.MazeChange(src, w, e)
		before, after := analyse(t, w, e), analyse(t, w2, e2)
		o := authz.PathOptions{ActAs: authz.ActAsMode(src.IntN(3)), Kinds: everyone}
		if src.IntN(2) == 0 {
			before, after, w2, e2 = after, before, w, e
		}
		diff, err := after.Since(before, nil, o)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		told := map[authz.ActorRef]bool{}
		for _, c := range diff.Changes {
			was, now := reachers(t, before, c.Goal, o), reachers(t, after, c.Goal, o)
			if diff := cmp.Diff(newPaths(was, now), lines(c.Gained)); diff != "" {
				t.Fatalf("seed %d, %s, goal %+v gained:\n%s", seed, o.ActAs, c.Goal, diff)
			}
			for _, p := range c.Gained {
				told[p.From] = true
			}
			for who := range was {
				if _, ok := now[who]; ok == slices.Contains(c.Lost, who) {
					t.Fatalf("seed %d, goal %+v: %s lost: %v", seed, c.Goal, who.ID, c.Lost)
				}
			}
			gained, lost = gained+len(c.Gained), lost+len(c.Lost)
		}
		for _, g := range lentGoals(w2, e2) {
			was, now := reachers(t, before, g, o), reachers(t, after, g, o)
			for who, p := range now {
				if _, ok := was[who]; !ok && p.Escalates() && !told[who] {
					t.Fatalf("seed %d, %s, goal %+v: nothing tells of %s", seed, o.ActAs, g, tell(p))
				}
			}
		}
	}
	if t.Logf("%d gained, %d lost", gained, lost); gained < 100 || lost < 100 {
		t.Error("too few changes matter")
	}
}

func newPaths(was, now map[authz.ActorRef]authz.Path) []string {
	var list []authz.Path
	for who, p := range now {
		if _, ok := was[who]; !ok && p.Escalates() {
			list = append(list, p)
		}
	}
	return lines(list)
}

func lines(paths []authz.Path) []string {
	list := []string{}
	for _, p := range paths {
		list = append(list, tell(p))
	}
	slices.Sort(list)
	return list
}

func reachers(t *testing.T, a *authz.Analysis, g authz.Goal, o authz.PathOptions) map[authz.ActorRef]authz.Path {
	list := map[authz.ActorRef]authz.Path{}
	got, _ := a.Paths(g, o) // a role or a space that was not there is reached by nobody
	for _, p := range got.List {
		list[p.From] = p
	}
	return list
}

// lentGoals are the live roles of stacks.
func lentGoals(w authz.World, e authz.Estate) (list []authz.Goal) {
	m := newMaze(w, e, authz.ActAsOff)
	for _, st := range w.Stacks {
		for _, b := range m.bindings([]authz.ActorRef{stackRef(st.ID)}) {
			g := authz.Goal{Role: b.Role, Target: authz.Target{Space: b.Space, Entity: b.Entity}}
			if b.Space == "" {
				g.Target.Space = m.home(b.Entity)
			}
			if g.Target.Space != "" && !slices.Contains(list, g) {
				list = append(list, g)
			}
		}
	}
	return list
}
