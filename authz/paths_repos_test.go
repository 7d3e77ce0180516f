package authz_test

import (
	"testing"

	"github.com/airlock-project/airlock/authz"
)

// repoTown is the town where SX of A1 has the repository VA of A as its source,
// S0 none, and eve commits in A.
func repoTown(t *testing.T) *town {
	w := newTown(t)
	w.World.Stacks[0].Space, w.Estate.Stacks[0].Space = "A1", "A1"
	w.Estate.Stacks[1].Repo = ""
	w.can("eve", authz.ActionSpaceliftVCSCommitFiles)
	return w
}

const eveCommits = "user eve -> E4 spacelift-vcs:commit-files -> repo VA -> used by -> stack SX -> holds it in space B"

// TestE4CommitsToTheSourceOfAStack: who commits decides what the stack runs,
// by spacelift-vcs:commit-files in the repository's space and by nothing else
// that can be done to a repository: no stack is left without its code, and a
// name is no code.
func TestE4CommitsToTheSourceOfAStack(t *testing.T) {
	w := repoTown(t)
	w.expect(adminOfB, authz.PathOptions{},
		"user eve > influences E4 spacelift-vcs:commit-files (WARN) b1 > repo VA > used by > stack SX > holds b0 > goal")
	w.expect(adminOfB, authz.PathOptions{ActAs: authz.ActAsEnforce})
	w.Roles = append(w.Roles, authz.Role{ID: "lends", Actions: authz.SetOf(authz.ActionStackActAs)})
	w.bind(userRef("eve"), "lends", "B")
	w.expect(adminOfB, authz.PathOptions{ActAs: authz.ActAsEnforce},
		"user eve > influences E4 spacelift-vcs:commit-files as act-as b1 b2 > repo VA > used by > stack SX > holds b0 > goal")
	w = repoTown(t)
	w.Bindings = w.Bindings[:1]
	w.can("dan", authz.ActionSpaceliftVCSCreate, authz.ActionSpaceliftVCSUpdate, authz.ActionSpaceliftVCSDelete)
	w.expect(adminOfB, authz.PathOptions{})
	w.bind(userRef("eve"), authz.RoleSpaceWriter, "A1") // where the stack is, the repository is not
	w.expect(adminOfB, authz.PathOptions{From: userRef("eve"), MaxHops: 3},
		"user eve > influences E1 task:create (WARN) b2 > stack SX > holds b0 > goal")
}

// TestE4RepositoriesOutOfReach: a run cannot use one, so there is no path; but
// committing asks for the roles of every stack that names it, since it may come
// into reach again.
func TestE4RepositoriesOutOfReach(t *testing.T) {
	w := repoTown(t)
	w.World.Stacks[0].Space, w.Estate.Stacks[0].Space = "A2", "A2" // does not inherit
	w.expect(adminOfB, authz.PathOptions{})
	far := w.analysis()
	w.Spaces[4].Inherit = true
	w.sees(far, w.analysis(), "space-admin in B: "+eveCommits)
	w.sees(w.analysis(), far, "space-admin in B: lost by eve")

	// S0 holds something that eve holds, SX something that she does not.
	w = repoTown(t)
	w.World.Stacks[0].Space, w.Estate.Stacks[0].Space = "A2", "A2"
	w.Estate.Stacks[1].Repo = "VA"
	w.bind(stackRef("S0"), "of-eve", "A")
	of := authz.Goal{Target: authz.Target{Space: "A"}, Role: "of-eve"}
	enforced := authz.PathOptions{ActAs: authz.ActAsEnforce, From: userRef("eve")}
	w.expect(of, enforced, "user eve > holds b1 > goal")
	w.Estate.Stacks[0].Repo = ""
	w.expect(of, enforced, "user eve > holds b1 > goal",
		"user eve > influences E4 spacelift-vcs:commit-files as act-as b1 > repo VA > used by > stack S0 > holds b2 > goal")
}

// TestE4SinceOfSources: what another source opens, and what another stack with
// the same source closes, is told.
func TestE4SinceOfSources(t *testing.T) {
	w := repoTown(t)
	after := w.analysis()
	w.Estate.Stacks[0].Repo = ""
	w.sees(w.analysis(), after, "space-admin in B: "+eveCommits)

	// Of S0 and T0, which change places, eve may act as T0 only.
	w = repoTown(t)
	w.Roles = append(w.Roles, authz.Role{ID: "lends", Actions: authz.SetOf(authz.ActionStackActAs)})
	w.bind(userRef("eve"), "lends", "B")
	w.bind(stackRef("S0"), "lends", "A")
	w.World.Stacks = append(w.World.Stacks, authz.Stack{ID: "T0", Space: "A"})
	w.Estate.Stacks = append(w.Estate.Stacks, authz.StackUse{ID: "T0", Space: "A"})
	w.bind(stackRef("T0"), "lends", "B")
	w.Estate.Stacks[1].Repo = "VA"
	before := w.analysis()
	w.Estate.Stacks[1].Repo, w.Estate.Stacks[2].Repo = "", "VA"
	diff, err := w.analysis().Since(before, nil, authz.PathOptions{ActAs: authz.ActAsEnforce})
	if err != nil || len(diff.Changes) == 0 || diff.Changes[0].Goal != adminOfB || diff.Changes[0].Gained[0].String() != eveCommits {
		t.Errorf("%v: %+v", err, diff)
	}
}

// TestR24RepositoriesAreNotBound: bindings name other things.
func TestR24RepositoriesAreNotBound(t *testing.T) {
	w := newTown(t)
	repo := authz.EntityRef{Kind: authz.EntityRepo, ID: "VA"}
	s, err := authz.Compile(w.World)
	if err != nil {
		t.Fatal(err)
	}
	b := authz.Binding{ID: "x", Actor: userRef("eve"), Role: authz.RoleSpaceWriter, Entity: repo}
	if _, err := s.Apply(authz.PutBinding(b)); err == nil {
		t.Error("bound by a change")
	}
	w.Bindings = append(w.Bindings, b)
	if _, err := authz.Compile(w.World); err == nil {
		t.Error("bound")
	}
	sub := authz.Subject{Actor: userRef("eve")}
	if s.Entities(sub, authz.EntityRepo, authz.ActionSpaceRead, b.NotAfter) != nil {
		t.Error("listed")
	}
}
