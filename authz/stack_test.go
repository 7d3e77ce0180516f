package authz

import "testing"

func (f *fixture) flag(id string) {
	for i := range f.Stacks {
		if f.Stacks[i].ID == id {
			f.Stacks[i].Administrative = true
		}
	}
}

func (f *fixture) move(id, space string) {
	for i := range f.Stacks {
		if f.Stacks[i].ID == id {
			f.Stacks[i].Space = space
		}
	}
}

func TestA135StackRolesCascade(t *testing.T) {
	f := newFixture(t)
	f.bind(stack("k"), RoleSpaceWriter, "platform")
	f.expect(row4{as(stack("k")), ActionRunTrigger, in("vault-x"), Allowed})
}

func TestA138SeveralStackBindings(t *testing.T) {
	f := newFixture(t)
	f.bind(stack("k"), RoleSpaceAdmin, "dev")
	f.bind(stack("k"), RoleSpaceReader, "prod")
	f.expect(
		row4{as(stack("k")), ActionSpaceRead, in("prod"), Allowed},
		row4{as(stack("k")), ActionStackUpdate, in("prod"), Forbidden},
		row4{as(stack("k")), ActionStackUpdate, in("dev"), Allowed},
	)
}

func TestA139UnboundStack(t *testing.T) {
	newFixture(t).expect(row4{as(stack("k")), ActionContextCreate, in("apps"), Hidden})
}

func TestA140A147BindingsStayOnMove(t *testing.T) {
	f := newFixture(t)
	f.bind(stack("k"), RoleSpaceAdmin, "apps")
	f.move("k", "sandbox")
	f.expect(
		row4{as(stack("k")), ActionStackCreate, in("apps"), Allowed},
		row4{as(stack("k")), ActionStackCreate, in("sandbox"), Hidden},
	)
}

func TestA142FlagFollowsTheStack(t *testing.T) {
	f := newFixture(t)
	f.flag("k")
	f.expect(
		row4{as(stack("k")), ActionStackCreate, in("apps"), Allowed},
		row4{as(stack("k")), ActionStackCreate, in("dev"), Allowed},
		row4{as(stack("k")), ActionStackCreate, in("platform"), Hidden},
	)
	d := f.snapshot().Decide(as(stack("k")), ActionStackCreate, in("dev"), noon)
	if d.Binding() != "" || d.Role() != RoleSpaceAdmin || d.BindingSpace() != "apps" || d.Tier != TierAdmin {
		t.Errorf("decision %+v", d)
	}
	f.move("k", "sandbox")
	f.expect(
		row4{as(stack("k")), ActionStackCreate, in("apps"), Hidden},
		row4{as(stack("k")), ActionStackCreate, in("sandbox"), Allowed},
	)
}

func TestA143R1FlagWinsOverBindings(t *testing.T) {
	f := newFixture(t)
	f.flag("k")
	f.bind(stack("k"), RoleSpaceReader, "platform")
	f.bindStack(stack("k"), RoleSpaceReader, "r0")
	f.expect(
		row4{as(stack("k")), ActionSpaceRead, in("platform"), Hidden},
		row4{as(stack("k")), ActionSpaceRead, onStack("root", "r0"), Hidden},
	)
	if got := f.snapshot().RoleSlugs(as(stack("k")), noon); !equal(got, []string{RoleSpaceAdmin}) {
		t.Errorf("slugs %v", got)
	}
}

func TestR14NoDerivedReadForStacks(t *testing.T) {
	f := newFixture(t)
	f.bind(stack("k2"), RoleSpaceWriter, "dev")
	f.flag("k")
	f.expect(
		row4{as(stack("k2")), ActionSpaceRead, in("dev"), Allowed},
		row4{as(stack("k2")), ActionSpaceRead, in("apps"), Hidden},
		row4{as(stack("k")), ActionSpaceRead, in("root"), Hidden},
	)
	f.lists(as(stack("k2")), "dev")
	f.tree(as(stack("k2")),
		SpaceLevel{"root", "", LevelPath}, SpaceLevel{"apps", "root", LevelPath}, SpaceLevel{"dev", "apps", LevelWrite})
}

// A stack has no groups, no session and no owner: only its flag and bindings.
func TestA139StacksIgnoreWhatPeopleHave(t *testing.T) {
	f := newFixture(t)
	f.bind(group("g"), RoleSpaceAdmin, "root")
	sub := Subject{Actor: stack("k"), Groups: []string{"g"}, AlwaysAdmin: true,
		Session: []Grant{{RoleSpaceAdmin, "root"}}}
	f.expect(row4{sub, ActionSpaceRead, in("apps"), Hidden})
	sub.SessionOnly = true
	f.expect(row4{sub, ActionSpaceRead, in("apps"), Hidden})
	f.bind(stack("k"), RoleSpaceReader, "apps")
	f.expect(row4{sub, ActionSpaceRead, in("apps"), Allowed})
}

func TestR25G3PlanPhaseReadsOnly(t *testing.T) {
	f := newFixture(t)
	f.bind(stack("k"), RoleSpaceAdmin, "apps")
	f.bind(stack("k"), f.role(ActionRunTrigger), "platform")
	plan := Subject{Actor: stack("k"), ReadOnly: true}
	f.expect(
		row4{plan, ActionSpaceRead, in("apps"), Allowed},
		row4{plan, ActionStackStateRead, in("dev"), Allowed},
		row4{plan, ActionIntentStateRead, in("dev"), Allowed},
		row4{plan, ActionStackCreate, in("apps"), Forbidden},
		row4{plan, ActionRunTrigger, in("platform"), Hidden}, // it cannot see platform
		row4{plan, ActionRunTrigger, in("sandbox"), Hidden},
	)
	s := f.snapshot()
	for space, want := range map[string]Reason{
		"apps": ReasonReadOnlyToken, "platform": ReasonReadOnlyToken, "sandbox": ReasonNotGranted,
	} {
		if d := s.Decide(plan, ActionRunTrigger, in(space), noon); d.Reason != want {
			t.Errorf("%s: %v, want %v", space, d.Reason, want)
		}
	}
	if l := s.Level(plan, "apps", noon); l != LevelRead {
		t.Errorf("level %v", l)
	}
	if got := s.Effective(plan, in("apps"), noon); got != SetOf(ActionSpaceRead) {
		t.Errorf("effective %v", got.List())
	}
	if got := s.Spaces(plan, ActionRunTrigger, noon); !got.Empty() || got.All {
		t.Errorf("may trigger in %v", got.IDs())
	}
	if got := s.Spaces(plan, ActionSpaceRead, noon).IDs(); !equal(got, []string{"apps", "dev", "prod"}) {
		t.Errorf("lists %v", got)
	}
	if got := s.Entities(plan, EntityStack, ActionRunTrigger, noon); got != nil {
		t.Errorf("entities %v", got)
	}
}
