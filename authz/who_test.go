package authz_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
)

func ExampleSnapshot_Who() {
	s, _ := authz.Compile(smallWorld())
	for _, access := range s.Who(authz.ActionSpaceRead, authz.Target{Space: "apps"}, now) {
		fmt.Printf("%s %s: %s, %q, %q\n", access.Actor.Kind, access.Actor.ID, access.Reason, access.Binding(), access.Group())
	}
	// Output:
	// user will: derived read, "", ""
	// api_key ci: granted by name, "b2", "ops"
	// group ops: granted by name, "b2", "ops"
}

// Who on a world of many chunks is what Decide says of everybody.
func TestWhoIsWhatDecideSays(t *testing.T) {
	w := worlds.New(worlds.Size{Seed: 9, Spaces: 300, FanOut: 8, Depth: 8, Inherit: 70, Roles: 12, Groups: 60, Actors: 5000, OwnBindings: 2, GroupsEach: 2, PerGroup: 2})
	for i := range 50 {
		w.Stacks = append(w.Stacks, authz.Stack{ID: fmt.Sprint("k", i), Space: w.Spaces[i].ID, Administrative: i%2 == 0})
	}
	s := mustCompile(t, w)
	everybody := map[authz.ActorRef]bool{}
	for _, a := range w.Actors {
		everybody[a.Ref] = true
	}
	for _, g := range w.Groups {
		everybody[authz.ActorRef{Kind: authz.ActorGroup, ID: g.ID}] = true
	}
	for _, st := range w.Stacks {
		everybody[authz.ActorRef{Kind: authz.ActorStack, ID: st.ID}] = true
	}
	questions := worlds.Questions(w, 1, 30)
	questions[0].Action, questions[0].Target.Space = authz.ActionSpaceRead, "root"
	for _, q := range questions {
		got := map[authz.ActorRef]string{}
		var last authz.ActorRef
		for _, access := range s.Who(q.Action, q.Target, worlds.Now) {
			got[access.Actor] = access.String()
			if a := access.Actor; a.Kind < last.Kind || a.Kind == last.Kind && a.ID <= last.ID {
				t.Errorf("%v after %v", a, last)
			}
			last = access.Actor
		}
		want := map[authz.ActorRef]string{}
		for a := range everybody {
			if d := s.Decide(authz.Subject{Actor: a}, q.Action, q.Target, worlds.Now); d.Allowed() {
				want[a] = d.String()
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%+v: (-decide +who)\n%s", q, diff)
		}
	}
}
