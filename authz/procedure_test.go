package authz

import "testing"

func TestA16DenyByDefault(t *testing.T) {
	f := newFixture(t)
	f.lists(as(user("nobody")))
	f.lists(as(key("ci")))
	f.tree(as(key("ci")))
	f.expect(row4{as(key("ci")), ActionSpaceRead, in("dev"), Hidden})
}

func TestA17UnionInOneSpace(t *testing.T) {
	f := newFixture(t)
	u := user("u")
	f.bind(u, f.role(ActionSpaceRead, ActionRunTrigger), "dev")
	f.bind(u, f.role(ActionSpaceRead, ActionRunConfirm), "dev")
	f.expect(
		row4{as(u), ActionRunConfirm, in("dev"), Allowed},
		row4{as(u), ActionRunTrigger, in("dev"), Allowed},
		row4{as(u), ActionRunDiscard, in("dev"), Forbidden},
	)
}

func TestA18SpacesStaySeparate(t *testing.T) {
	newFixture(t).expect(
		row4{as(user("will")), ActionRunTrigger, in("dev"), Allowed},
		row4{as(user("will")), ActionRunTrigger, in("prod"), Hidden},
	)
}

func TestA19DirectAndGroupCombine(t *testing.T) {
	f := newFixture(t)
	f.bind(user("u"), RoleSpaceAdmin, "dev")
	f.bind(group("g"), RoleSpaceReader, "dev")
	sub := Subject{Actor: user("u"), Groups: []string{"g"}}
	f.expect(row4{sub, ActionStackCreate, in("dev"), Allowed})
}

func TestA20SeveralGroups(t *testing.T) {
	f := newFixture(t)
	f.bind(group("A"), RoleSpaceReader, "dev")
	f.bind(group("B"), RoleSpaceWriter, "dev")
	f.expect(
		row4{Subject{Actor: user("u"), Groups: []string{"A", "B"}}, ActionRunTrigger, in("dev"), Allowed},
		row4{Subject{Actor: user("u"), Groups: []string{"A"}}, ActionRunTrigger, in("dev"), Forbidden},
		row4{Subject{Actor: key("ci"), Groups: []string{"B"}}, ActionRunTrigger, in("dev"), Allowed},
		row4{Subject{Actor: user("u"), Groups: []string{"b"}}, ActionRunTrigger, in("dev"), Hidden},
	)
}

// The Deployment Operator of R5.
func deployer(f *fixture) Subject {
	f.bind(key("deploy"), f.role(ActionRunTrigger, ActionRunRead), "dev")
	return as(key("deploy"))
}

func TestA21NoVisibilityWithoutRead(t *testing.T) {
	f := newFixture(t)
	sub := deployer(f)
	f.lists(sub)
	f.tree(sub)
	s := f.snapshot()
	if l := s.Level(sub, "dev", noon); l != LevelNone {
		t.Errorf("level %v", l)
	}
	if set := s.Spaces(sub, ActionRunRead, noon); !set.Empty() {
		t.Errorf("lists runs in %v", set.IDs())
	}
}

func TestA22ByNameOnKnownID(t *testing.T) {
	f := newFixture(t)
	sub := deployer(f)
	f.expect(
		row4{sub, ActionRunTrigger, onStack("dev", "k2"), Allowed},
		row4{sub, ActionRunTrigger, in("prod"), Hidden},
		row4{sub, ActionRunConfirm, onStack("dev", "k2"), Forbidden}, // R26: holds another by name
	)
}

func TestR5BaselineForTiers(t *testing.T) {
	f := newFixture(t)
	f.bind(user("blind"), f.role(ActionSpaceAdmin, ActionSpaceWrite), "root")
	blind := as(user("blind"))
	f.expect(
		row4{blind, ActionRunTrigger, in("dev"), Forbidden},
		row4{blind, ActionStackDelete, in("root"), Forbidden},
		row4{blind, ActionSpaceAdmin, in("root"), Allowed}, // named, on a known id
		row4{blind, ActionSpaceRead, in("root"), Forbidden},
	)
	s := f.snapshot()
	if d := s.Decide(blind, ActionRunTrigger, in("dev"), noon); d.Reason != ReasonNoBaseline {
		t.Errorf("reason %v", d.Reason)
	}
	if l := s.Level(blind, "root", noon); l != LevelNone {
		t.Errorf("level %v", l)
	}
}

func TestR5FinerReads(t *testing.T) {
	f := newFixture(t)
	sub := deployer(f)
	s := f.snapshot()
	tests := []struct {
		sub   Subject
		finer Action
		space string
		want  Outcome
	}{
		{sub, ActionRunRead, "dev", Allowed},
		{sub, ActionStackRead, "dev", Hidden}, // run:read shows runs only
		{sub, 0, "dev", Hidden},
		{sub, ActionRunRead, "prod", Hidden},
		{sub, ActionRunRead, "nope", Hidden},
		{as(user("rita")), ActionRunRead, "prod", Allowed},
		{as(user("rita")), 0, "prod", Allowed},
		{as(user("will")), ActionContextRead, "apps", Allowed}, // derived
	}
	for _, tt := range tests {
		if d := s.DecideRead(tt.sub, tt.finer, in(tt.space), noon); d.Outcome != tt.want {
			t.Errorf("%s reads %s in %s: %v (%v), want %v", tt.sub.Actor.ID, tt.finer, tt.space, d.Outcome, d.Reason, tt.want)
		}
	}
}

func TestA23FallbackTier(t *testing.T) {
	f := newFixture(t)
	f.bind(user("u"), f.role(ActionSpaceRead, ActionSpaceWrite), "dev")
	f.expect(row4{as(user("u")), ActionRunConfirm, in("dev"), Allowed})
	d := f.snapshot().Decide(as(user("u")), ActionRunConfirm, in("dev"), noon)
	if d.Reason != ReasonByTier || d.Tier != TierWriter || d.Binding() != "b5" || d.BindingSpace() != "dev" {
		t.Errorf("decision %+v", d)
	}
}

func TestA24ReadCarriesReaderFallbacks(t *testing.T) {
	f := newFixture(t)
	for _, a := range []Action{ActionRunCancel, ActionRunComment, ActionRunRetry, ActionRunStop, ActionStackSetStar} {
		f.expect(row4{as(user("ops")), a, in("dev"), Allowed})
	}
}

func TestA25SpaceActionsMakeTiers(t *testing.T) {
	f := newFixture(t)
	f.bind(user("u"), f.role(ActionSpaceRead, ActionSpaceAdmin), "dev")
	f.expect(row4{as(user("u")), ActionContextDelete, in("dev"), Allowed})
}

func TestA26TiersAreNested(t *testing.T) {
	newFixture(t).expect(
		row4{as(user("ann")), ActionRunComment, in("apps"), Allowed},
		row4{as(user("ann")), ActionRunTrigger, in("apps"), Allowed},
		row4{as(user("will")), ActionRunComment, in("dev"), Allowed},
	)
}

func TestA27RolesCascade(t *testing.T) {
	newFixture(t).expect(
		row4{as(user("ann")), ActionStackCreate, in("prod"), Allowed}, // inherit is off
		row4{as(user("ann")), ActionStackCreate, in("dev"), Allowed},
		row4{as(user("root-admin")), ActionStackCreate, in("vault-x"), Allowed},
		row4{as(user("ann")), ActionStackCreate, in("platform"), Hidden},
	)
}

func TestA28A29ReadClimbs(t *testing.T) {
	f := newFixture(t)
	f.expect(
		row4{as(user("will")), ActionSpaceRead, in("apps"), Allowed},
		row4{as(user("will")), ActionSpaceRead, in("root"), Allowed},
	)
	d := f.snapshot().Decide(as(user("will")), ActionSpaceRead, in("root"), noon)
	if d.Reason != ReasonDerivedRead || d.Binding() != "" {
		t.Errorf("decision %+v", d)
	}
}

func TestA30ClimbStopsAtInheritOff(t *testing.T) {
	f := newFixture(t)
	f.bind(user("v"), RoleSpaceReader, "vault-x")
	f.expect(
		row4{as(user("rita")), ActionSpaceRead, in("apps"), Hidden},
		row4{as(user("v")), ActionSpaceRead, in("vault"), Allowed},
		row4{as(user("v")), ActionSpaceRead, in("platform"), Hidden},
		row4{as(user("v")), ActionSpaceRead, in("root"), Hidden},
	)
}

func TestA31OnlyReadClimbs(t *testing.T) {
	newFixture(t).expect(
		row4{as(user("will")), ActionRunTrigger, in("apps"), Forbidden},
		row4{as(user("will")), ActionRunComment, in("apps"), Forbidden}, // R14: no Reader fallback either
	)
}

func TestA32NoClimbDownToSiblings(t *testing.T) {
	newFixture(t).expect(
		row4{as(user("will")), ActionSpaceRead, in("platform"), Hidden},
		row4{as(user("will")), ActionSpaceRead, in("legacy"), Hidden},
		row4{as(user("will")), ActionSpaceRead, in("prod"), Hidden},
	)
}

func TestA33RolesWithoutReadDoNotClimb(t *testing.T) {
	f := newFixture(t)
	f.bind(user("u"), f.role(ActionRunTrigger), "dev")
	f.expect(row4{as(user("u")), ActionSpaceRead, in("apps"), Hidden})
}

func TestA34CascadedRolesAddNoClimb(t *testing.T) {
	f := newFixture(t)
	f.expect(
		row4{as(user("ann")), ActionSpaceRead, in("root"), Allowed},
		row4{as(user("ann")), ActionSpaceRead, in("legacy"), Hidden},
	)
}

func TestA35RootAdminIsAdminEverywhere(t *testing.T) {
	f := newFixture(t)
	s := f.snapshot()
	for _, sp := range f.Spaces {
		if l := s.Level(as(user("root-admin")), sp.ID, noon); l != LevelAdmin {
			t.Errorf("%s: %v", sp.ID, l)
		}
	}
}

func TestR14DerivedReadIsTheBaseline(t *testing.T) {
	f := newFixture(t)
	f.bind(user("u"), f.role(ActionSpaceWrite), "apps")
	f.bind(user("u"), RoleSpaceReader, "dev")
	f.expect(
		row4{as(user("u")), ActionRunTrigger, in("apps"), Allowed},
		row4{as(user("u")), ActionRunTrigger, in("dev"), Allowed},
		row4{as(user("u")), ActionRunTrigger, in("prod"), Forbidden},
	)
}

func TestA38A39ChangesActAtOnce(t *testing.T) {
	f := newFixture(t)
	f.expect(row4{as(user("ops")), ActionRunTrigger, in("dev"), Allowed})
	f.Roles[len(f.Roles)-1].Actions = SetOf(ActionSpaceRead)
	f.expect(row4{as(user("ops")), ActionRunTrigger, in("dev"), Forbidden})
	f.unbind(user("will"))
	f.expect(row4{as(user("will")), ActionRunTrigger, in("dev"), Hidden})
}

func TestA40A41R10SessionGrants(t *testing.T) {
	f := newFixture(t)
	f.Spaces = append(f.Spaces, Space{"qa", "apps", true})
	session := Subject{Actor: user("will"), SessionOnly: true, Session: []Grant{
		{RoleSpaceWriter, "apps"}, {"slug-custom-4", "platform"}, {"gone", "prod"}, {RoleSpaceAdmin, "gone"},
	}}
	f.expect(
		row4{session, ActionRunTrigger, in("qa"), Allowed}, // cascade reaches the new space
		row4{session, ActionRunTrigger, in("net"), Allowed},
		row4{session, ActionSpaceRead, in("root"), Allowed}, // climbs
		row4{session, ActionSpaceRead, in("legacy"), Hidden},
		row4{as(user("rita")), ActionSpaceRead, in("qa"), Hidden},
		row4{as(user("ann")), ActionStackCreate, in("qa"), Allowed},
	)
	d := f.snapshot().Decide(session, ActionRunTrigger, in("dev"), noon)
	if d.Binding() != "" || d.Role() != RoleSpaceWriter || d.BindingSpace() != "apps" {
		t.Errorf("decision %+v", d)
	}
}

func TestA155StrategiesAreExclusive(t *testing.T) {
	f := newFixture(t)
	f.bind(group("g"), RoleSpaceAdmin, "root")
	grants := []Grant{{RoleSpaceReader, "prod"}}
	f.expect(
		row4{Subject{Actor: user("will"), SessionOnly: true, Groups: []string{"g"}}, ActionRunTrigger, in("dev"), Hidden},
		row4{Subject{Actor: user("will"), SessionOnly: true, Session: grants}, ActionSpaceRead, in("prod"), Allowed},
		row4{Subject{Actor: user("will"), Session: grants}, ActionSpaceRead, in("prod"), Hidden},
	)
}

func TestA93AlwaysAdmin(t *testing.T) {
	f := newFixture(t)
	owner := Subject{Actor: user("owner"), AlwaysAdmin: true, SessionOnly: true}
	f.expect(
		row4{owner, ActionStackDelete, in("vault-x"), Allowed},
		row4{owner, ActionSpaceAdmin, in("root"), Allowed},
	)
	d := f.snapshot().Decide(owner, ActionStackDelete, in("dev"), noon)
	if d.Binding() != "" || d.Role() != RoleSpaceAdmin || d.BindingSpace() != "root" {
		t.Errorf("decision %+v", d)
	}
}
