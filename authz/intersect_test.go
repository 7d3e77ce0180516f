package authz

import (
	"slices"
	"testing"
)

// TestIntersect compares with asking both sets about every space.
func TestIntersect(t *testing.T) {
	f := newFixture(t)
	s := f.snapshot()
	var sets []SpaceSet
	for _, who := range []string{"root-admin", "ann", "will", "rita", "ops", "nobody"} {
		for _, a := range []Action{ActionSpaceRead, ActionRunTrigger, ActionStackCreate} {
			sets = append(sets, s.Spaces(as(user(who)), a, noon))
		}
	}
	for i, a := range sets {
		for j, b := range sets {
			both := a.Intersect(b)
			var want []string
			for _, sp := range f.Spaces {
				if a.Contains(sp.ID) && b.Contains(sp.ID) {
					want = append(want, sp.ID)
				}
			}
			got := both.IDs()
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) || both.All != (a.All && b.All) || both.Len() != len(want) {
				t.Errorf("sets %d and %d have %v in common (all: %v), want %v", i, j, got, both.All, want)
			}
		}
	}
	other := f.snapshot()
	if both := sets[0].Intersect(other.Spaces(as(user("ann")), ActionSpaceRead, noon)); both.All || !both.Empty() {
		t.Errorf("sets of two snapshots have %v in common", both.IDs())
	}
	if both := (SpaceSet{}).Intersect(sets[0]); !both.Empty() {
		t.Errorf("nothing has %v in common with all", both.IDs())
	}
}
