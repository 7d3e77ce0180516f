package authz_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
)

// Every row of the table that lends all powers of a stack is a path by itself,
// and half of a row is none.
func TestG2EveryInfluenceIsAPath(t *testing.T) {
	for _, i := range authz.Influences() {
		w := newTown(t)
		w.can("eve", i.Action, i.Also)
		w.Roles = append(w.Roles, authz.Role{ID: "half", Actions: authz.SetOf(i.Also)})
		w.bind(userRef("dan"), "half", "A")
		if i.AdminOfAll {
			w.bind(userRef("eve"), authz.RoleSpaceAdmin, "A")
		}
		got, err := w.analysis().Paths(adminOfB, authz.PathOptions{From: userRef("eve")})
		if err != nil {
			t.Fatal(err)
		}
		open := slices.ContainsFunc(got.List, func(p authz.Path) bool {
			return slices.Contains(p.Hops[0].Ways, i)
		})
		if want := i.Phase == authz.PhaseAll; open != want {
			t.Errorf("%s %s on %s: a path: %v, want %v", i.Rule, i.Action, i.Object, open, want)
		}
		got, _ = w.analysis().Paths(adminOfB, authz.PathOptions{From: userRef("dan")})
		if _, alone := authz.InfluenceOf(i.Also, i.Object); got.Actors != 0 && !alone {
			t.Errorf("%s %s on %s: %s suffices", i.Rule, i.Action, i.Object, i.Also)
		}
	}
}

// TestG2Table is the list of the specification.
func TestG2Table(t *testing.T) {
	want := map[string]string{
		"E1":  "task:create on stack",
		"E2":  "stack:add-config on stack, stack:delete-config on stack",
		"E3":  "run:trigger-with-custom-runtime-config on stack, run:propose-local-workspace in plan on stack, run:propose-with-overrides in plan on stack",
		"E4":  "spacelift-vcs:commit-files on repo",
		"E6":  "stack:update on stack, stack:manage on stack",
		"E7":  "stack:set-current-commit on stack, stack:sync-commit on stack, run:promote on stack, run:confirm on stack, run:targeted-replan on stack, run:retry-blocking and run:trigger on stack, run:retry and run:trigger on stack, run:trigger on stack",
		"E8":  "context:update on context, context:delete on context",
		"E11": "policy:attach in none on stack, policy:update in none on policy, policy:delete in none on policy",
		"E12": "worker-pool:reset on worker_pool",
		"E21": "stack:managed-state-import on stack, stack:managed-state-rollback on stack",
		"E29": "schedule:create on stack, schedule:update on stack",
	}
	got := map[string]string{}
	for _, i := range authz.Influences() {
		s := i.Action.String()
		if i.Also != 0 {
			s += " and " + i.Also.String()
		}
		if i.Phase != authz.PhaseAll {
			s += " in " + i.Phase.String()
		}
		if got[i.Rule] != "" {
			got[i.Rule] += ", "
		}
		got[i.Rule] += s + " on " + i.Object.String()
		if i.ActAs == i.AdminOfAll || i.Sentence == "" {
			t.Errorf("%+v", i)
		}
		if of, ok := authz.InfluenceOf(i.Action, i.Object); !ok || of != i {
			t.Errorf("%s %s occurs twice", i.Rule, i.Action)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if i, ok := authz.InfluenceOf(authz.ActionRunStop, authz.EntityStack); ok {
		t.Errorf("stopping a run is %+v", i)
	}
	table := authz.Influences()
	table[0].Rule = "changed"
	if authz.Influences()[0].Rule != "E1" {
		t.Error("the table is not the caller's")
	}
}

// Case 29: a writer of a stack's space uses the roles that the stack holds.
func TestE1Case29TaskOnAStackWithRoles(t *testing.T) {
	w := newTown(t)
	w.bind(userRef("writerA"), authz.RoleSpaceWriter, "A")
	w.bind(userRef("readerA"), authz.RoleSpaceReader, "A")
	w.bind(userRef("adminB"), authz.RoleSpaceAdmin, "B")
	w.expect(adminOfB, authz.PathOptions{},
		"user adminB > holds b3 > goal",
		"user writerA > influences E1 task:create (WARN) b1 > stack SX > holds b0 > goal")
	w.expect(adminOfB, authz.PathOptions{ActAs: authz.ActAsOff},
		"user adminB > holds b3 > goal",
		"user writerA > influences E1 task:create (OFF) b1 > stack SX > holds b0 > goal")
	w.expect(adminOfB, authz.PathOptions{ActAs: authz.ActAsEnforce}, "user adminB > holds b3 > goal")
}

// E3: the token of a plan only reads.
func TestE3PlansOnlyRead(t *testing.T) {
	w := newTown(t)
	w.can("eve", authz.ActionRunProposeLocalWorkspace)
	w.expect(adminOfB, authz.PathOptions{})
	w.expect(authz.Goal{Target: authz.Target{Space: "B1"}, Action: authz.ActionStackStateRead}, authz.PathOptions{},
		"user eve > influences E3 run:propose-local-workspace in plan (WARN) b1 > stack SX > holds in plan b0 > goal")
	w.expect(authz.Goal{Target: authz.Target{Space: "B1"}, Action: authz.ActionStackStateRead}, authz.PathOptions{From: userRef("eve")},
		"user eve > influences E3 run:propose-local-workspace in plan (WARN) b1 > stack SX > holds in plan b0 > goal")
	// From there a plan goes nowhere else.
	w.World.Stacks = append(w.World.Stacks, authz.Stack{ID: "SB", Space: "B"})
	w.Estate.Stacks = append(w.Estate.Stacks, authz.StackUse{ID: "SB", Space: "B"})
	w.bind(stackRef("SB"), authz.RoleSpaceReader, "A2")
	w.expect(authz.Goal{Target: authz.Target{Space: "A2"}, Action: authz.ActionStackStateRead}, authz.PathOptions{Kinds: []authz.ActorKind{authz.ActorUser}})
}

// Case 52, R6: on a stack that holds roles, a retry counts as a trigger.
func TestE7Case52Retry(t *testing.T) {
	w := newTown(t)
	w.bind(userRef("readerA"), authz.RoleSpaceReader, "A") // run:retry falls back to Reader
	w.expect(adminOfB, authz.PathOptions{})
	w.can("eve", authz.ActionRunTrigger)
	w.expect(adminOfB, authz.PathOptions{}, "user eve > influences E7 run:retry (WARN) b2 > stack SX > holds b0 > goal")
}

// E8: who edits a context needs no right on the stacks that use it.
func TestE8Context(t *testing.T) {
	w := newTown(t)
	w.can("eve", authz.ActionContextUpdate)
	w.expect(adminOfB, authz.PathOptions{},
		"user eve > influences E8 context:update (WARN) b1 > context CA > used by > stack SX > holds b0 > goal")
	w.expect(adminOfB, authz.PathOptions{MaxHops: 2})
	w.Estate.Stacks[0].Uses = nil // now it is one of S0 only
	w.expect(adminOfB, authz.PathOptions{})
}

// E9, E10: to attach a context and to change labels are stack:manage and
// stack:update.
func TestE9E10AttachAndLabels(t *testing.T) {
	for _, a := range []authz.Action{authz.ActionStackManage, authz.ActionStackUpdate} {
		w := newTown(t)
		w.can("eve", a)
		got, _ := w.analysis().Paths(adminOfB, authz.PathOptions{})
		if len(got.List) != 1 || got.List[0].Hops[0].Rule != "E6" && a == authz.ActionStackUpdate {
			t.Errorf("%s: %d paths", a, len(got.List))
		}
	}
}

// E11: who weakens a policy has not yet run anything.
func TestE11PolicyIsNoPath(t *testing.T) {
	w := newTown(t)
	policy := authz.EntityRef{Kind: authz.EntityPolicy, ID: "Q"}
	w.Objects = append(w.Objects, authz.EntityHome{Entity: policy, Space: "A"})
	w.Estate.Stacks[0].Uses = append(w.Estate.Stacks[0].Uses, policy)
	w.can("eve", authz.ActionPolicyUpdate, authz.ActionPolicyAttach, authz.ActionPolicyDelete)
	w.expect(adminOfB, authz.PathOptions{})
}

// E12, case 84: a reset takes Space admin wherever a stack uses the pool.
func TestE12Case84Pool(t *testing.T) {
	w := newTown(t)
	w.can("eve", authz.ActionWorkerPoolReset)
	w.bind(userRef("ctl"), authz.RoleWorkerPoolController, "A")
	w.expect(adminOfB, authz.PathOptions{}) // no admin
	w.Estate.Stacks[0].Space = "A1"         // a stack of A1 with a pool of A
	w.Estate.Stacks[1].Space = "A1"
	w.bind(userRef("eve"), authz.RoleSpaceAdmin, "A1")
	// As an admin of A1 she has shorter ways, but not if ENFORCE closes them.
	w.expect(adminOfB, authz.PathOptions{ActAs: authz.ActAsEnforce},
		"user eve > influences E12 worker-pool:reset as admin of all stacks b1 b3 > worker_pool PA > used by > stack SX > holds b0 > goal")
	w.Estate.Stacks[1].Space = "A2" // S0 holds nothing, and is somebody's
	w.expect(adminOfB, authz.PathOptions{ActAs: authz.ActAsEnforce})
}

// E17: only a Space admin sets the flag (R1), so stack:manage gains nothing; a
// flag that is set lends Space admin of the stack's space.
func TestE17R1Flag(t *testing.T) {
	adminOfA := authz.Goal{Target: authz.Target{Space: "A"}, Role: authz.RoleSpaceAdmin}
	w := newTown(t)
	w.can("eve", authz.ActionStackManage)
	w.expect(adminOfA, authz.PathOptions{})
	w.World.Stacks[1].Administrative = true
	w.expect(adminOfA, authz.PathOptions{}, "user eve > influences E2 stack:add-config (WARN) b1 > stack S0 > holds  > goal")
	w.World.Stacks[0].Administrative = true // and then its bindings do not count (A143)
	w.expect(adminOfB, authz.PathOptions{})
}

// E19: nobody grants what he does not hold (G1), so role-binding:manage gains
// nothing.
func TestE19G1BinderIsNoPath(t *testing.T) {
	w := newTown(t)
	w.can("eve", authz.ActionRoleBindingManage)
	for _, g := range []authz.Goal{
		adminOfB, {Account: true}, {Target: authz.Target{Space: "A"}, Role: authz.RoleSpaceWriter},
	} {
		w.expect(g, authz.PathOptions{})
	}
}

// E18: one stack acts on another one.
func TestE18StackToStack(t *testing.T) {
	w := newTown(t)
	w.World.Stacks = append(w.World.Stacks, authz.Stack{ID: "SB", Space: "B1"}, authz.Stack{ID: "SR", Space: "root"})
	w.Estate.Stacks = append(w.Estate.Stacks, authz.StackUse{ID: "SB", Space: "B1"}, authz.StackUse{ID: "SR", Space: "root"})
	w.bind(stackRef("SB"), authz.RoleSpaceWriter, "root")
	w.bind(stackRef("SR"), authz.RoleSpaceAdmin, "root")
	w.can("eve", authz.ActionStackAddConfig)
	w.expect(authz.Goal{Account: true}, authz.PathOptions{Kinds: []authz.ActorKind{authz.ActorUser, authz.ActorStack}},
		"stack SR > holds b2 > goal",
		"stack SB > influences E1 task:create (WARN) b1 > stack SR > holds b2 > goal",
		"stack SX > influences E1 task:create (WARN) b0 > stack SB > influences E1 task:create (WARN) b1 > stack SR > holds b2 > goal",
		"user eve > influences E2 stack:add-config (WARN) b3 > stack SX > influences E1 task:create (WARN) b0 > stack SB > "+
			"influences E1 task:create (WARN) b1 > stack SR > holds b2 > goal")
	w.expect(authz.Goal{Account: true}, authz.PathOptions{ActAs: authz.ActAsEnforce})
}

// E25: who edits a group at the identity provider holds what the group holds.
func TestE25Groups(t *testing.T) {
	w := newTown(t)
	w.Groups = []authz.Group{{ID: "g", Name: "team g"}, {ID: "idle", Name: "idle"}}
	w.Actors = []authz.Actor{
		{Ref: userRef("ann"), Groups: []string{"team g", "idle"}},
		{Ref: userRef("old"), Groups: []string{"team g"}, NotAfter: worlds.Now.Add(-time.Second)},
	}
	w.bind(groupRef("g"), authz.RoleSpaceWriter, "A")
	w.expect(adminOfB, authz.PathOptions{},
		"group g > influences E1 task:create (WARN) b1 > stack SX > holds b0 > goal",
		"user ann > member of E25 > group g > influences E1 task:create (WARN) b1 > stack SX > holds b0 > goal")
	// What she has only together with the group is her own.
	w = newTown(t)
	w.Groups = []authz.Group{{ID: "g", Name: "g"}}
	w.Actors = []authz.Actor{{Ref: userRef("ann"), Groups: []string{"g"}}}
	w.Roles = append(w.Roles, authz.Role{ID: "headless", Actions: authz.SetOf(authz.ActionSpaceWrite)})
	w.bind(groupRef("g"), "headless", "root")
	w.bind(userRef("ann"), authz.RoleSpaceReader, "A")
	w.expect(adminOfB, authz.PathOptions{},
		"user ann > influences E1 task:create (WARN) b1 b2 > stack SX > holds b0 > goal")
	w.expect(authz.Goal{Target: authz.Target{Space: "A"}, Action: authz.ActionRunConfirm}, authz.PathOptions{}, "user ann > holds b1 b2 > goal")
}

// In ENFORCE there is a path for who may act as the stack: by stack:act-as or
// by the role itself, wherever the stack holds one.
func TestG2ActAs(t *testing.T) {
	w := newTown(t)
	w.can("eve", authz.ActionTaskCreate)
	w.Roles = append(w.Roles, authz.Role{ID: "actor", Actions: authz.SetOf(authz.ActionStackActAs)})
	w.bind(userRef("eve"), "actor", "B")
	w.expect(adminOfB, authz.PathOptions{ActAs: authz.ActAsEnforce},
		"user eve > influences E1 task:create as act-as b1 b2 > stack SX > holds b0 > goal")
	w.bind(stackRef("SX"), authz.RoleSpaceWriter, "A2")
	w.expect(adminOfB, authz.PathOptions{ActAs: authz.ActAsEnforce})
	w.bind(userRef("eve"), authz.RoleSpaceWriter, "A2")
	w.expect(adminOfB, authz.PathOptions{ActAs: authz.ActAsEnforce},
		"user eve > influences E1 task:create as act-as b1 b2 > stack SX > holds b0 > goal")
}

// What expires ends the analysis, and nothing that has expired is a path.
func TestR24PathsExpire(t *testing.T) {
	w := newTown(t)
	if got := w.analysis().Until(); !got.IsZero() {
		t.Errorf("nothing expires, and it ends %v", got)
	}
	w.bind(userRef("gone"), authz.RoleSpaceWriter, "A").NotAfter = worlds.Now.Add(-1)
	w.bind(userRef("eve"), authz.RoleSpaceWriter, "A").NotAfter = worlds.Now.Add(2 * time.Hour)
	w.Actors = []authz.Actor{{Ref: userRef("idle"), NotAfter: worlds.Now.Add(time.Minute)}}
	w.expect(adminOfB, authz.PathOptions{}, "user eve > influences E1 task:create (WARN) b2 > stack SX > holds b0 > goal")
	if got := w.analysis().Until(); !got.Equal(worlds.Now.Add(2 * time.Hour)) {
		t.Errorf("it ends %v", got)
	}
	w.Actors = []authz.Actor{{Ref: userRef("eve"), NotAfter: worlds.Now.Add(time.Hour)}}
	if got := w.analysis().Until(); !got.Equal(worlds.Now.Add(time.Hour)) {
		t.Errorf("it ends %v", got)
	}
}

// A stack that the estate does not name holds what it holds.
func TestStackOutsideTheEstate(t *testing.T) {
	w := newTown(t)
	w.Estate.Stacks = nil
	w.bind(userRef("ann"), authz.RoleSpaceAdmin, "A")
	w.expect(adminOfB, authz.PathOptions{Kinds: []authz.ActorKind{authz.ActorUser, authz.ActorStack}}, "stack SX > holds b0 > goal")
	// A stack that is bound to something of which nobody knows where it is.
	w = newTown(t)
	w.bind(userRef("eve"), authz.RoleSpaceWriter, "A")
	before := w.analysis()
	w.bind(stackRef("SX"), authz.RoleSpaceReader, "").Entity = contextRef("beyond")
	w.sees(before, w.analysis())
	w.expect(adminOfB, authz.PathOptions{}, "user eve > influences E1 task:create (WARN) b1 > stack SX > holds b0 > goal")
}

// E14, case 56: a stack takes its roles along to who writes where it goes.
func TestE14Case56Move(t *testing.T) {
	w := newTown(t)
	w.bind(userRef("writerA1"), authz.RoleSpaceWriter, "A1")
	before := w.analysis()
	w.Estate.Stacks[0].Space = "A1"
	w.World.Stacks[0].Space = "A1"
	w.sees(before, w.analysis(), "space-admin in B: user writerA1 -> E1 task:create -> stack SX -> holds it in space B")
	w.sees(w.analysis(), before, "space-admin in B: lost by writerA1")
}

// E16: where spaces go, those above gain.
func TestE16MovedSpace(t *testing.T) {
	w := newTown(t)
	w.bind(userRef("will"), authz.RoleSpaceWriter, "B")
	w.bind(stackRef("S0"), authz.RoleSpaceAdmin, "A2")
	before := w.analysis()
	w.Spaces[1].Parent = "B" // A, with both stacks
	w.Spaces = append(w.Spaces, authz.Space{ID: "new", Parent: "A"})
	w.sees(before, w.analysis(),
		"space-admin in B: user will -> E1 task:create -> stack SX -> holds it in space B",
		"space-admin in A2: user will -> E1 task:create -> stack S0 -> holds it in space A2")
}

// A plan that somebody newly makes shows what its stack reads.
func TestSincePlans(t *testing.T) {
	w := newTown(t)
	before := w.analysis()
	w.can("eve", authz.ActionRunProposeWithOverrides)
	w.sees(before, w.analysis(), "space:read in B: user eve -> E3 run:propose-with-overrides -> stack SX -> holds it in space B")
}

// Who is in another group, or can do more with the group's help, gains.
func TestE25SinceGroups(t *testing.T) {
	w := newTown(t)
	w.Groups = []authz.Group{{ID: "g", Name: "g"}, {ID: "h", Name: "h"}}
	w.Actors = []authz.Actor{{Ref: userRef("ann"), Groups: []string{"g"}}}
	w.Roles = append(w.Roles, authz.Role{ID: "headless", Actions: authz.SetOf(authz.ActionRunConfirm)})
	w.bind(groupRef("g"), authz.RoleSpaceReader, "A")
	w.bind(groupRef("h"), authz.RoleSpaceWriter, "A")
	before := w.analysis()
	w.Actors[0].Groups = []string{"h"}
	w.sees(before, w.analysis(), "space-admin in B: user ann -> member of -> group h -> E1 task:create -> stack SX -> holds it in space B")

	w.Actors[0].Groups = []string{"g"}
	w.Bindings[2].Role, w.Bindings[2].Actor = "headless", groupRef("g")
	w.Roles[len(w.Roles)-1].Actions = authz.SetOf(authz.ActionRunComment)
	w.Bindings[1].Actor = userRef("ann")
	before = w.analysis()
	w.Roles[len(w.Roles)-1].Actions = authz.SetOf(authz.ActionRunTrigger)
	w.sees(before, w.analysis(), "space-admin in B: user ann -> E7 run:retry -> stack SX -> holds it in space B",
		"space-admin in B: group g -> E7 run:trigger -> stack SX -> holds it in space B")
}

// A8: a group that no mapping knows holds nothing.
func TestA8UnmappedGroupIsNoPath(t *testing.T) {
	w := newTown(t)
	w.bind(groupRef("g"), authz.RoleSpaceWriter, "A")
	w.expect(adminOfB, authz.PathOptions{})
}
