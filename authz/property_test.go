package authz

import (
	"strings"
	"testing"
)

func mustCompile(t *testing.T, w World) *Snapshot {
	t.Helper()
	s, err := Compile(w)
	if err != nil {
		t.Fatalf("%v in %+v", err, w)
	}
	return s
}

// TestAgainstNaive compares every kind of question with the second evaluator:
// 4,000 worlds of 20 subjects.
func TestAgainstNaive(t *testing.T) {
	for seed := range uint64(4000) {
		d := newDice(seed)
		w := d.world()
		s, n := mustCompile(t, w), naive{w, noon}
		for range 20 {
			sub, tgt := d.subject(w), d.target(w)
			if !agree(t, s, n, sub, pick(d, interesting), tgt) {
				t.Fatalf("seed %d: %+v at %+v in %+v", seed, sub, tgt, w)
			}
		}
	}
}

func agree(t *testing.T, s *Snapshot, n naive, sub Subject, a Action, tgt Target) bool {
	t.Helper()
	ok := true
	same := func(what string, got, want any) {
		if got != want {
			t.Errorf("%s (%s): got %v, want %v", what, a, got, want)
			ok = false
		}
	}
	got := s.Decide(sub, a, tgt, noon)
	same("decide", got.Outcome, n.decide(sub, a.String(), tgt))
	same("reason allows", got.Reason >= ReasonByName, got.Allowed())
	same("account", s.DecideAccount(sub, noon).Allowed(), n.admins(sub, "root") && !sub.ReadOnly)
	same("account view", s.DecideAccountView(sub, noon).Allowed(), n.accountView(sub))
	if _, known := n.space(tgt.Space); known {
		same("level", s.Level(sub, tgt.Space, noon), n.level(sub, tgt.Space))
		bound, derived := n.eff(sub, tgt)
		seen := bound["space:read"] || derived || bound[a.String()] && (!sub.ReadOnly || a.Reads())
		same("read", s.DecideRead(sub, a, tgt, noon).Allowed(), seen)
	}
	tree := map[string]Level{}
	for _, row := range s.Tree(sub, noon) {
		tree[row.Space] = row.Level
	}
	listed := s.Spaces(sub, a, noon)
	for _, sp := range n.Spaces {
		same("tree at "+sp.ID, tree[sp.ID], n.level(sub, sp.ID))
		want := n.level(sub, sp.ID) >= LevelRead && n.decide(sub, a.String(), Target{Space: sp.ID}) == Allowed
		same("lists "+sp.ID, listed.Contains(sp.ID), want)
	}
	return ok
}

// A decision names a live binding of the subject that applies and grants.
func TestDecisionNamesWhatAllowed(t *testing.T) {
	for seed := range uint64(2000) {
		d := newDice(seed)
		w := d.world()
		s, n := mustCompile(t, w), naive{w, noon}
		for range 10 {
			sub, tgt, a := d.subject(w), d.target(w), pick(d, interesting)
			got := s.Decide(sub, a, tgt, noon)
			if !got.Allowed() && (got.Binding != "" || got.Role != "" || got.BindingSpace != "") {
				t.Fatalf("seed %d: denial names %+v", seed, got)
			}
			for _, b := range w.Bindings {
				if b.ID != got.Binding {
					continue
				}
				only := naive{w, noon}
				only.Bindings = []Binding{b}
				bound, _ := only.eff(sub, tgt)
				if b.Role != got.Role || b.Space != got.BindingSpace ||
					got.Reason == ReasonByName && !bound[a.String()] ||
					got.Reason == ReasonByTier && n.tier(bound) != got.Tier {
					t.Fatalf("seed %d: %+v does not rest on %+v", seed, got, b)
				}
			}
		}
	}
}

// A16: there are no denying bindings.
func TestA16AddingABindingNeverRemovesAccess(t *testing.T) {
	for seed := range uint64(3000) {
		d := newDice(seed)
		w := d.world()
		more := w
		more.Bindings = append(w.Bindings[:len(w.Bindings):len(w.Bindings)], d.binding(w))
		before, after := mustCompile(t, w), mustCompile(t, more)
		for range 10 {
			sub, tgt, a := d.subject(w), d.target(w), pick(d, interesting)
			if after.Decide(sub, a, tgt, noon).Outcome < before.Decide(sub, a, tgt, noon).Outcome {
				t.Fatalf("seed %d: %s by %+v at %v fell", seed, a, sub, tgt)
			}
			if !after.Effective(sub, tgt, noon).Contains(before.Effective(sub, tgt, noon)) {
				t.Fatalf("seed %d: eff of %+v at %v shrank", seed, sub, tgt)
			}
			if after.Level(sub, tgt.Space, noon) < before.Level(sub, tgt.Space, noon) {
				t.Fatalf("seed %d: level of %+v at %v fell", seed, sub, tgt)
			}
		}
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	for seed := range uint64(2000) {
		d := newDice(seed)
		w := d.world()
		shuffled := World{
			Spaces: shuffle(d, w.Spaces), Roles: shuffle(d, w.Roles),
			Bindings: shuffle(d, w.Bindings), Stacks: shuffle(d, w.Stacks),
			Groups: shuffle(d, w.Groups), Actors: shuffle(d, w.Actors),
		}
		a, b := mustCompile(t, w), mustCompile(t, shuffled)
		for range 10 {
			sub, tgt, action := d.subject(w), d.target(w), pick(d, interesting)
			if x, y := a.Decide(sub, action, tgt, noon), b.Decide(sub, action, tgt, noon); x != y {
				t.Fatalf("seed %d: %+v or %+v", seed, x, y)
			}
			if x, y := a.Tree(sub, noon), b.Tree(sub, noon); !equal(x, y) {
				t.Fatalf("seed %d: %v or %v", seed, x, y)
			}
			if x, y := a.Spaces(sub, action, noon).IDs(), b.Spaces(sub, action, noon).IDs(); !equal(x, y) {
				t.Fatalf("seed %d: %v or %v", seed, x, y)
			}
		}
	}
}

func shuffle[T any](d dice, list []T) []T {
	out := append([]T(nil), list...)
	d.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// Spaces is exactly what Decide and the baseline say, and Entities what they
// say of the stacks bound by themselves.
func TestSpacesIsWhatDecideSays(t *testing.T) {
	for seed := range uint64(2000) {
		d := newDice(seed)
		w := d.world()
		s := mustCompile(t, w)
		sub, a := d.subject(w), pick(d, interesting)
		listed := func(tgt Target) bool {
			return s.Decide(sub, a, tgt, noon).Allowed() && s.DecideRead(sub, 0, tgt, noon).Allowed()
		}
		set := s.Spaces(sub, a, noon)
		ids := strings.Join(set.IDs(), " ") + " "
		for _, sp := range w.Spaces {
			want := listed(in(sp.ID))
			if set.Contains(sp.ID) != want || strings.Contains(ids, sp.ID+" ") != want || set.All && !want {
				t.Fatalf("seed %d: %s in %v, want %v", seed, sp.ID, set.IDs(), want)
			}
		}
		byThemselves := " " + strings.Join(s.Entities(sub, EntityStack, a, noon), " ") + " "
		for _, st := range w.Stacks {
			shown := set.Contains(st.Space) || strings.Contains(byThemselves, " "+st.ID+" ")
			if shown != listed(onStack(st.Space, st.ID)) {
				t.Fatalf("seed %d: stack %s, shown %v: %v, %q", seed, st.ID, shown, set.IDs(), byThemselves)
			}
		}
	}
}
