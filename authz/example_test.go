package authz_test

import (
	"fmt"
	"time"

	"github.com/airlock-project/airlock/authz"
)

var (
	now  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	will = authz.ActorRef{Kind: authz.ActorUser, ID: "will"}
)

// smallWorld has a space for an application with one for its development, a
// writer there, and operators who read everything.
func smallWorld() authz.World {
	w := authz.World{
		Spaces: []authz.Space{{ID: authz.RootSpace}, {ID: "apps", Parent: "root", Inherit: true}, {ID: "dev", Parent: "apps", Inherit: true}},
		Groups: []authz.Group{{ID: "ops", Name: "Operators"}},
		Actors: []authz.Actor{{Ref: authz.ActorRef{Kind: authz.ActorAPIKey, ID: "ci"}, Groups: []string{"Operators"}}},
		Bindings: []authz.Binding{
			{ID: "b1", Actor: will, Role: authz.RoleSpaceWriter, Space: "dev"},
			{ID: "b2", Actor: authz.ActorRef{Kind: authz.ActorGroup, ID: "ops"}, Role: authz.RoleSpaceReader, Space: "root"},
		},
	}
	for _, r := range authz.SystemRoles() {
		w.Roles = append(w.Roles, authz.Role{ID: r.Slug, Slug: r.Slug, Actions: r.Actions})
	}
	return w
}

func Example() {
	s, err := authz.Compile(smallWorld())
	if err != nil {
		panic(err)
	}
	subject := authz.Subject{Actor: will}
	for _, space := range []string{"dev", "apps"} {
		d := s.Decide(subject, authz.ActionRunTrigger, authz.Target{Space: space}, now)
		fmt.Printf("%s: %s, %s %q\n", space, d.Outcome, d.Reason, d.Binding())
	}
	fmt.Println(s.Spaces(subject, authz.ActionSpaceRead, now).IDs())
	// Output:
	// dev: allowed, granted by tier "b1"
	// apps: forbidden, not granted ""
	// [root apps dev]
}

// A change makes the next snapshot; the first one stays as it is.
func ExampleSnapshot_Apply() {
	before, _ := authz.Compile(smallWorld())
	after, err := before.Apply(
		authz.PutSpace{ID: "qa", Parent: "apps", Inherit: true},
		authz.PutBinding{ID: "b3", Actor: will, Role: authz.RoleSpaceReader, Space: "qa"},
	)
	if err != nil {
		panic(err)
	}
	for _, s := range []*authz.Snapshot{before, after} {
		fmt.Println(s.Decide(authz.Subject{Actor: will}, authz.ActionSpaceRead, authz.Target{Space: "qa"}, now).Outcome)
	}
	// Output:
	// hidden
	// allowed
}

// Who asks much resolves the subject and the places once.
func ExampleHolder() {
	s, _ := authz.Compile(smallWorld())
	h := s.Holder(authz.Subject{Actor: will})
	asks := []authz.Ask{
		{Action: authz.ActionRunTrigger, Place: s.Place(authz.Target{Space: "dev"})},
		{Action: authz.ActionStackDelete, Place: s.Place(authz.Target{Space: "dev"})},
	}
	for _, d := range h.DecideAll(asks, now, nil) {
		fmt.Println(d.Outcome)
	}
	// Output:
	// allowed
	// forbidden
}

func ExampleSnapshot_Explain() {
	s, _ := authz.Compile(smallWorld())
	ci := authz.Subject{Actor: authz.ActorRef{Kind: authz.ActorAPIKey, ID: "ci"}}
	x := s.Explain(ci, authz.ActionRunTrigger, authz.Target{Space: "dev"}, now)
	fmt.Printf("%s at step %d: %s; needs %s\n", x.Outcome, x.Step, x.Reason, x.Fallback)
	for _, e := range x.Nearest {
		fmt.Printf("has %s in %s (%s) through %s, binding %s\n", e.RoleSlug, e.Space, e.Relation, e.GroupName, e.Binding)
	}
	for _, r := range x.Roles {
		fmt.Println("would do:", r.Slug)
	}
	// Output:
	// forbidden at step 7: not granted; needs writer
	// has space-reader in root (above) through Operators, binding b2
	// would do: space-writer
	// would do: space-admin
}
