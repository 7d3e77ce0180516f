package authz

import (
	"testing"
	"time"
)

func TestR23UnknownSpaceIsHidden(t *testing.T) {
	f := newFixture(t)
	s := f.snapshot()
	admin := as(user("root-admin"))
	if d := s.Decide(admin, ActionSpaceRead, in("nope"), noon); d.Outcome != Hidden || d.Reason != ReasonUnknownSpace {
		t.Errorf("decision %+v", d)
	}
	if got := s.Effective(admin, in("nope"), noon); !got.Empty() {
		t.Errorf("effective %v", got.List())
	}
	if l := s.Level(admin, "nope", noon); l != LevelNone {
		t.Errorf("level %v", l)
	}
}

func TestR24EntityBinding(t *testing.T) {
	f := newFixture(t)
	f.bindStack(user("u"), RoleSpaceWriter, "k2")
	f.bindStack(user("u"), RoleSpaceAdmin, "k")
	u := as(user("u"))
	f.expect(
		row4{u, ActionSpaceRead, onStack("dev", "k2"), Allowed},
		row4{u, ActionRunTrigger, onStack("dev", "k2"), Allowed},
		row4{u, ActionStackDelete, onStack("dev", "k2"), Forbidden},
		row4{u, ActionStackDelete, onStack("apps", "k"), Allowed},
		row4{u, ActionRunTrigger, onStack("dev", "other"), Hidden},
		row4{u, ActionRunTrigger, Target{"dev", EntityRef{EntityContext, "k2"}}, Hidden},
		row4{u, ActionSpaceRead, in("dev"), Hidden},
		row4{u, ActionSpaceRead, in("root"), Hidden},
	)
	f.tree(u, SpaceLevel{"root", "", LevelPath}, SpaceLevel{"apps", "root", LevelPath}, SpaceLevel{"dev", "apps", LevelPath})
	f.lists(u)
	s := f.snapshot()
	if got := s.Entities(u, EntityStack, ActionRunTrigger, noon); !equal(got, []string{"k", "k2"}) {
		t.Errorf("entities %v", got)
	}
	if got := s.Entities(u, EntityStack, ActionStackDelete, noon); !equal(got, []string{"k"}) {
		t.Errorf("entities %v", got)
	}
	if got := s.Entities(u, EntityPolicy, ActionSpaceRead, noon); got != nil {
		t.Errorf("policies %v", got)
	}
	d := s.Decide(u, ActionRunTrigger, onStack("dev", "k2"), noon)
	if d.Binding() == "" || d.Role() != RoleSpaceWriter || d.BindingSpace() != "" {
		t.Errorf("decision %+v", d)
	}
}

func TestR24EntityBindingJoinsTheSpaces(t *testing.T) {
	f := newFixture(t)
	f.bindStack(user("u"), RoleSpaceReader, "k2")
	f.bind(user("u"), f.role(ActionRunTrigger, ActionSpaceWrite), "apps")
	f.bindStack(user("v"), f.role(ActionRunTrigger), "k2")
	f.expect(
		row4{as(user("u")), ActionRunConfirm, onStack("dev", "k2"), Allowed}, // tier of the space, baseline of the entity
		row4{as(user("u")), ActionRunConfirm, onStack("apps", "k"), Forbidden},
		row4{as(user("v")), ActionRunTrigger, onStack("dev", "k2"), Allowed},
		row4{as(user("v")), ActionSpaceRead, onStack("dev", "k2"), Forbidden},
	)
	f.tree(as(user("v"))) // needs space:read in its role to show
	if got := f.snapshot().Entities(as(user("v")), EntityStack, ActionRunTrigger, noon); got != nil {
		t.Errorf("entities %v", got)
	}
}

func TestR24EntityHomes(t *testing.T) {
	f := newFixture(t)
	ctx, pool := EntityRef{EntityContext, "c"}, EntityRef{EntityWorkerPool, "p"}
	f.Entities = []EntityHome{{ctx, "vault"}}
	f.add(Binding{Actor: user("u"), Role: RoleSpaceReader, Entity: ctx})
	f.add(Binding{Actor: user("u"), Role: RoleSpaceReader, Entity: pool})
	f.tree(as(user("u")), SpaceLevel{"root", "", LevelPath}, SpaceLevel{"platform", "root", LevelPath},
		SpaceLevel{"vault", "platform", LevelPath})
	s := f.snapshot()
	for space, want := range map[string]Level{"vault": LevelPath, "root": LevelPath, "vault-x": LevelNone} {
		if l := s.Level(as(user("u")), space, noon); l != want {
			t.Errorf("%s: %v, want %v", space, l, want)
		}
	}
	if got := s.Entities(as(user("u")), EntityWorkerPool, ActionSpaceRead, noon); !equal(got, []string{"p"}) {
		t.Errorf("pools %v", got)
	}
}

func TestR24TimeBoundBindings(t *testing.T) {
	f := newFixture(t)
	until := func(who string, at time.Time) Subject {
		f.add(Binding{Actor: user(who), Role: RoleSpaceWriter, Space: "dev", NotAfter: at})
		return as(user(who))
	}
	f.expect(
		row4{until("later", evening), ActionRunTrigger, in("dev"), Allowed},
		row4{until("now", noon), ActionRunTrigger, in("dev"), Allowed}, // the last instant counts
		row4{until("past", noon.Add(-1)), ActionRunTrigger, in("dev"), Hidden},
		row4{until("far", time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)), ActionRunTrigger, in("dev"), Allowed},
		row4{until("ancient", time.Date(1066, 1, 1, 0, 0, 0, 0, time.UTC)), ActionRunTrigger, in("dev"), Hidden},
	)
	s := f.snapshot()
	past := as(user("past"))
	if d := s.Decide(past, ActionRunTrigger, in("dev"), noon); d.Reason != ReasonExpired {
		t.Errorf("reason %v", d.Reason)
	}
	if d := s.Decide(past, ActionStackDelete, in("dev"), noon); d.Reason != ReasonNotGranted {
		t.Errorf("reason %v", d.Reason)
	}
	if d := s.Decide(past, ActionSpaceRead, in("apps"), noon); d.Outcome != Hidden || d.Reason != ReasonExpired {
		t.Errorf("derived: %+v", d)
	}
	if d := s.DecideRead(past, ActionRunRead, in("dev"), noon); d.Outcome != Hidden || d.Reason != ReasonExpired {
		t.Errorf("read: %+v", d)
	}
	if d := s.Decide(as(user("later")), ActionRunTrigger, in("dev"), time.Time{}); d.Allowed() {
		t.Errorf("a forgotten clock: %+v", d)
	}
	f.tree(past)
	f.lists(past)
}

func TestR24ExpiredEntityBinding(t *testing.T) {
	f := newFixture(t)
	k2 := EntityRef{EntityStack, "k2"}
	f.add(Binding{Actor: user("u"), Role: RoleSpaceReader, Entity: k2, NotAfter: morning})
	f.expect(row4{as(user("u")), ActionSpaceRead, onStack("dev", "k2"), Hidden})
	f.tree(as(user("u")))
	s := f.snapshot()
	if got := s.Entities(as(user("u")), EntityStack, ActionSpaceRead, noon); got != nil {
		t.Errorf("entities %v", got)
	}
	if got := s.RoleSlugs(as(user("u")), noon); got != nil {
		t.Errorf("slugs %v", got)
	}
}

func TestA264RoleSlugs(t *testing.T) {
	f := newFixture(t)
	f.Roles = append(f.Roles, Role{ID: "unnamed", Actions: SetOf(ActionSpaceRead)})
	f.bind(group("g"), RoleSpaceReader, "dev")
	f.bind(group("g"), RoleSpaceAdmin, "sandbox")
	f.bind(user("will"), RoleSpaceWriter, "prod")
	f.bind(user("will"), "unnamed", "prod")
	f.bindStack(user("will"), RoleWorkerPoolController, "k")
	f.add(Binding{Actor: user("will"), Role: "custom-4", Space: "dev", NotAfter: morning})
	s := f.snapshot()
	tests := []struct {
		sub  Subject
		want []string
	}{
		{as(user("nobody")), nil},
		{as(stack("k")), nil},
		{Subject{Actor: user("owner"), AlwaysAdmin: true}, nil},
		{as(user("ops")), []string{"slug-custom-4"}},
		{Subject{Actor: user("will"), Groups: []string{"g", "g"}},
			[]string{RoleSpaceAdmin, RoleSpaceReader, RoleSpaceWriter, RoleWorkerPoolController}},
		{Subject{Actor: user("will"), SessionOnly: true, Session: []Grant{{RoleSpaceReader, "dev"}}}, []string{RoleSpaceReader}},
	}
	for _, tt := range tests {
		if got := s.RoleSlugs(tt.sub, noon); !equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.sub.Actor.ID, got, tt.want)
		}
	}
}

func TestReasonAndOutcomeNames(t *testing.T) {
	for o, want := range map[Outcome]string{Hidden: "hidden", Forbidden: "forbidden", Allowed: "allowed", 9: "hidden"} {
		if o.String() != want {
			t.Errorf("%d: %s", o, o)
		}
	}
	seen := map[string]bool{}
	for r := ReasonNotGranted; r <= ReasonDerivedRead+1; r++ {
		if seen[r.String()] {
			t.Errorf("%d: %s again", r, r)
		}
		seen[r.String()] = true
	}
	if (Decision{}).Allowed() {
		t.Error("the zero decision allows")
	}
	for k, want := range map[ActorKind]string{ActorUser: "user", ActorAPIKey: "api_key", ActorGroup: "group", ActorStack: "stack", 9: "actor_kind(9)"} {
		if k.String() != want {
			t.Errorf("%d: %s", k, k)
		}
	}
	for k, want := range map[EntityKind]string{EntityNone: "none", EntityWorkerPool: "worker_pool", 9: "entity_kind(9)"} {
		if k.String() != want {
			t.Errorf("%d: %s", k, k)
		}
	}
	for l, want := range map[Level]string{LevelNone: "none", LevelPath: "path", LevelAdmin: "admin", 9: "unknown"} {
		if l.String() != want {
			t.Errorf("%d: %s", l, l)
		}
	}
}
