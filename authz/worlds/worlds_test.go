package worlds

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
)

// The worlds that speed is stated on are what the statement says.
func TestLargeWorlds(t *testing.T) {
	for name, tt := range map[string]struct {
		world                    func() authz.World
		actors, groups, bindings int
	}{"L": {L, 50_000, 5_000, 210_000}, "XL": {XL, 120_000, 10_000, 500_000}} {
		w := tt.world()
		if got := len(w.Bindings); got != tt.bindings {
			t.Errorf("%s: %d bindings", name, got)
		}
		if len(w.Spaces) != 100_000 || len(w.Roles) != 20 || len(w.Actors) != tt.actors || len(w.Groups) != tt.groups {
			t.Errorf("%s: %d spaces, %d roles, %d actors, %d groups", name, len(w.Spaces), len(w.Roles), len(w.Actors), len(w.Groups))
		}
		depth, deepest := map[string]int{}, 0
		children, inherit := map[string]int{}, 0
		for _, sp := range w.Spaces[1:] {
			depth[sp.ID] = depth[sp.Parent] + 1
			deepest = max(deepest, depth[sp.ID])
			children[sp.Parent]++
			if sp.Inherit {
				inherit++
			}
		}
		if fan := float64(len(w.Spaces)) / float64(len(children)); deepest > 8 || deepest < 6 || fan < 6 || fan > 10 {
			t.Errorf("%s: depth %d, %.1f children", name, deepest, fan)
		}
		if inherit < 69_000 || inherit > 71_000 {
			t.Errorf("%s: %d inherit", name, inherit)
		}
		bound := map[string]int{}
		for _, b := range w.Bindings {
			bound[b.Role]++
		}
		if least := bound[w.Roles[19].ID]; least < 1000 {
			t.Errorf("%s: the last role is bound %d times", name, least)
		}
	}
}

func TestSameSeedSameWorld(t *testing.T) {
	size := Size{Seed: 7, Spaces: 50, FanOut: 3, Depth: 4, Inherit: 70, Roles: 6, Groups: 5, Actors: 14, OwnBindings: 2, GroupsEach: 2, PerGroup: 2}
	w := New(size)
	if diff := cmp.Diff(w, New(size)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Questions(w, 1, 20), Questions(w, 1, 20)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Small(Seeded(5)), Small(Seeded(5))); diff != "" {
		t.Error(diff)
	}
	size.Seed = 8
	if cmp.Equal(w, New(size)) || cmp.Equal(Questions(w, 1, 20), Questions(w, 2, 20)) {
		t.Error("another seed makes the same")
	}
}

// About half of the questions are about a place where the actor holds
// something, and a good part is allowed.
func TestQuestionsAreOfBothKinds(t *testing.T) {
	w := New(Size{Seed: 7, Spaces: 500, FanOut: 8, Depth: 8, Inherit: 70, Roles: 20, Groups: 20, Actors: 200, OwnBindings: 4, GroupsEach: 3, PerGroup: 2})
	s, err := authz.Compile(w)
	if err != nil {
		t.Fatal(err)
	}
	got := map[authz.Outcome]int{}
	for _, q := range Questions(w, 1, 2000) {
		got[s.Decide(q.Subject, q.Action, q.Target, Now).Outcome]++
	}
	for outcome, n := range got {
		if n < 100 {
			t.Errorf("%s: %d of 2000", outcome, n)
		}
	}
	if len(got) != 3 {
		t.Errorf("outcomes %v", got)
	}
}

func TestSmallWorldsCompile(t *testing.T) {
	seen := map[authz.Reason]int{}
	for seed := range uint64(500) {
		src := Seeded(seed)
		w := Small(src)
		s, err := authz.Compile(w)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for range 20 {
			q := SmallQuestion(src, w)
			seen[s.Decide(q.Subject, q.Action, q.Target, Now).Reason]++
		}
	}
	for r := authz.ReasonNotGranted; r <= authz.ReasonDerivedRead; r++ {
		if seen[r] == 0 {
			t.Errorf("no question ended with %q", r)
		}
	}
}

// Changes come to worlds that compile most of the time, and every kind of
// change comes up in those.
func TestSmallChanges(t *testing.T) {
	kinds, refused := map[string]int{}, 0
	for seed := range uint64(1000) {
		src := Seeded(seed)
		w := Small(src)
		for range 3 {
			changes := SmallChanges(src, w)
			after := After(w, changes...)
			if _, err := authz.Compile(after); err != nil {
				refused++
				continue
			}
			for _, c := range changes {
				kinds[fmt.Sprintf("%T", c)]++
			}
			w = after
		}
	}
	if refused < 100 || refused > 900 {
		t.Errorf("%d of 3000 refused", refused)
	}
	if len(kinds) != 14 {
		t.Errorf("kinds of changes %v", kinds)
	}
}

// A change that makes a world empty does not end the changes.
func TestSmallChangesOfNothing(t *testing.T) {
	var w authz.World
	w = After(w, SmallChanges(Seeded(1), w)...)
	if len(w.Spaces) == 0 || len(w.Roles) == 0 && len(w.Bindings) > 0 {
		t.Errorf("%+v", w)
	}
	w.Roles = nil
	for seed := range uint64(20) {
		if q := SmallQuestion(Seeded(seed), w); q.Subject.Session != nil {
			t.Errorf("%+v", q)
		}
	}
}
