package domain

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestA114Reaches uses the tree of the access model's examples.
func TestA114Reaches(t *testing.T) {
	root := Space{ID: "root"}
	platform := Space{ID: "platform", Parent: "root", Inherit: true}
	vault := Space{ID: "vault", Parent: "platform"}
	deep := Path{{ID: "vault-x", Parent: "vault", Inherit: true}, vault, platform, root}
	for _, c := range []struct {
		from Path
		want []SpaceID
	}{
		{deep, []SpaceID{"vault-x", "vault"}},
		{deep[1:], []SpaceID{"vault"}},
		{deep[2:], []SpaceID{"platform", "root"}},
		{deep[3:], []SpaceID{"root"}},
		{nil, nil},
	} {
		if diff := cmp.Diff(c.want, c.from.Reach()); diff != "" {
			t.Errorf("%v:\n%s", c.from, diff)
		}
	}
	for to, want := range map[SpaceID]bool{"vault-x": true, "vault": true, "platform": false, "root": false, "apps": false} {
		if got := deep.Reaches(to); got != want {
			t.Errorf("vault-x reaches %s: %v", to, got)
		}
	}
	if !deep.Holds("root") || !deep.Holds("vault-x") || deep.Holds("apps") {
		t.Error("Holds is wrong")
	}
}

// TestCut names everything in the details and stays readable as a text.
func TestCut(t *testing.T) {
	use := func(stack StackID, kind, id, name string) Use {
		return Use{Stack: stack, StackSpace: "dev", EntityKind: kind, Entity: id, EntityName: name, EntitySpace: "apps"}
	}
	pool := use("a", "worker_pool", "01J", "Build")
	two := []Use{use("a", "context", "net", "net"), pool, use("b", "context", "net", "net")}
	for _, c := range []struct {
		lost   []Use
		hidden int
		want   string
	}{
		{two, 0, "stack a of space dev would lose context net of space apps and worker pool Build (01J) of space apps; stack b of space dev would lose context net of space apps"},
		{two[2:], 3, "stack b of space dev would lose context net of space apps; and out of your sight: 3"},
		{nil, 2, "stacks would lose what they use; out of your sight: 2"},
	} {
		e := Cut(c.lost, c.hidden)
		if e.Message != c.want || e.Code != CodeConflict || e.Details["hiddenLosses"] != c.hidden {
			t.Errorf("%+v", e)
		}
	}
	var many []Use
	for i := range 1000 {
		many = append(many, use(StackID(fmt.Sprint("s", i)), "context", "net", "net"))
	}
	e := Cut(many, 0)
	if len(e.Message) > 4000 || !strings.HasSuffix(e.Message, "; and 980 more") {
		t.Errorf("%d bytes: %s", len(e.Message), e.Message)
	}
	losses, _ := e.Details["losses"].([]map[string]any)
	if len(losses) != 1000 || losses[999]["stack"] != StackID("s999") || losses[0]["entityKind"] != "context" {
		t.Errorf("%d losses in the details", len(losses))
	}
}
