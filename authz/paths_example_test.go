package authz_test

import (
	"fmt"
	"time"

	"github.com/airlock-project/airlock/authz"
)

// Will may run tasks where the stack deploy lives, and deploy is Space admin of
// root.
func exampleOfPaths() (*authz.Snapshot, authz.Estate) {
	world := authz.World{
		Spaces: []authz.Space{{ID: authz.RootSpace}, {ID: "ops", Parent: authz.RootSpace}, {ID: "apps", Parent: authz.RootSpace, Inherit: true}},
		Stacks: []authz.Stack{{ID: "deploy", Space: "ops"}, {ID: "site", Space: "apps"}},
		Bindings: []authz.Binding{
			{ID: "b1", Actor: authz.ActorRef{Kind: authz.ActorStack, ID: "deploy"}, Role: authz.RoleSpaceAdmin, Space: authz.RootSpace},
			{ID: "b2", Actor: authz.ActorRef{Kind: authz.ActorStack, ID: "site"}, Role: authz.RoleSpaceWriter, Space: "ops"},
			{ID: "b3", Actor: authz.ActorRef{Kind: authz.ActorUser, ID: "will"}, Role: authz.RoleSpaceWriter, Space: "apps"},
		},
	}
	for _, r := range authz.SystemRoles() {
		world.Roles = append(world.Roles, authz.Role{ID: r.Slug, Slug: r.Slug, Actions: r.Actions})
	}
	estate := authz.Estate{Stacks: []authz.StackUse{{ID: "deploy", Space: "ops"}, {ID: "site", Space: "apps"}}}
	snapshot, err := authz.Compile(world)
	if err != nil {
		panic(err)
	}
	return snapshot, estate
}

func ExampleAnalysis_WhoCanBecome() {
	snapshot, estate := exampleOfPaths()
	analysis, err := snapshot.Analysis(estate, time.Now())
	if err != nil {
		panic(err)
	}
	paths, err := analysis.WhoCanBecome(authz.RootSpace, authz.RoleSpaceAdmin, authz.PathOptions{})
	if err != nil {
		panic(err)
	}
	for _, p := range paths.List {
		fmt.Println(p)
		for _, h := range p.Hops {
			fmt.Println("  ", h.From, "by binding", h.Evidence[0].Binding)
		}
	}
	// Output:
	// user will -> E1 task:create -> stack site -> E1 task:create -> stack deploy -> holds it in space root
	//    user will by binding b3
	//    stack site by binding b2
	//    stack deploy by binding b1
}

// Before a binding is made, one can see whom it would let through.
func ExampleAnalysis_Since() {
	snapshot, estate := exampleOfPaths()
	now := time.Now()
	before, err := snapshot.Analysis(estate, now)
	if err != nil {
		panic(err)
	}
	next, err := snapshot.Apply(authz.PutBinding{
		ID: "b4", Actor: authz.ActorRef{Kind: authz.ActorUser, ID: "rita"}, Role: authz.RoleSpaceWriter, Space: "apps",
	})
	if err != nil {
		panic(err)
	}
	after, err := next.Analysis(estate, now)
	if err != nil {
		panic(err)
	}
	diff, err := after.Since(before, nil, authz.PathOptions{})
	if err != nil {
		panic(err)
	}
	for _, c := range diff.Changes {
		for _, p := range c.Gained {
			fmt.Println(c.Goal.Role, "in", c.Goal.Target.Space+":", p)
		}
	}
	// Output:
	// space-admin in root: user rita -> E1 task:create -> stack site -> E1 task:create -> stack deploy -> holds it in space root
	// space-writer in ops: user rita -> E1 task:create -> stack site -> holds it in space ops
}
