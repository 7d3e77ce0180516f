package authz

import "testing"

func TestA8UnmappedGroupHasNoEffect(t *testing.T) {
	f := newFixture(t)
	f.bind(group("team"), RoleSpaceWriter, "dev")
	f.Groups = nil
	f.Actors = []Actor{{Ref: user("u"), Groups: []string{"team"}}}
	f.expect(
		row4{as(user("u")), ActionRunTrigger, in("dev"), Hidden},
		row4{Subject{Actor: user("v"), Groups: []string{"team"}}, ActionRunTrigger, in("dev"), Hidden},
		row4{as(group("team")), ActionRunTrigger, in("dev"), Hidden},
	)
	f.Groups = []Group{{"team", "team"}}
	f.expect(
		row4{as(user("u")), ActionRunTrigger, in("dev"), Allowed},
		row4{Subject{Actor: user("v"), Groups: []string{"team"}}, ActionRunTrigger, in("dev"), Allowed},
		row4{as(group("team")), ActionRunTrigger, in("dev"), Allowed},
	)
}

func TestA157GroupNamesMatchExactly(t *testing.T) {
	f := newFixture(t)
	f.Groups = []Group{{"01G", "DevOps"}, {"DevOps ", "other"}}
	f.Bindings = append(f.Bindings, Binding{ID: "x", Actor: group("01G"), Role: RoleSpaceWriter, Space: "dev"})
	for name, want := range map[string]Outcome{"DevOps": Allowed, "devops": Hidden, "DevOps ": Hidden, "01G": Hidden, "": Hidden} {
		f.expect(row4{Subject{Actor: user("u"), Groups: []string{name}}, ActionRunTrigger, in("dev"), want})
		f.Actors = []Actor{{Ref: key("c"), Groups: []string{name}}}
		f.expect(row4{as(key("c")), ActionRunTrigger, in("dev"), want})
	}
}

// A180: what the world lists and what the subject brings add up.
func TestA180GroupsOfTheWorldAndOfTheSession(t *testing.T) {
	f := newFixture(t)
	f.bind(group("a"), RoleSpaceWriter, "dev")
	f.bind(group("b"), RoleSpaceWriter, "prod")
	f.Actors = []Actor{{Ref: key("ci"), Groups: []string{"a", "unknown"}}}
	ci := Subject{Actor: key("ci"), Groups: []string{"b", "a"}}
	f.expect(
		row4{ci, ActionRunTrigger, in("dev"), Allowed},
		row4{ci, ActionRunTrigger, in("prod"), Allowed},
		row4{as(key("ci")), ActionRunTrigger, in("prod"), Hidden},
		row4{as(user("ci")), ActionRunTrigger, in("dev"), Hidden},
	)
	ci.SessionOnly = true // A155
	f.expect(row4{ci, ActionRunTrigger, in("dev"), Hidden})
}

// A group as a subject is what it gives its members, and no more.
func TestA8GroupAsSubject(t *testing.T) {
	f := newFixture(t)
	f.bind(group("a"), RoleSpaceWriter, "dev")
	f.bind(group("b"), RoleSpaceWriter, "prod")
	sub := Subject{Actor: group("a"), Groups: []string{"b"}, AlwaysAdmin: true, Session: []Grant{{RoleSpaceWriter, "vault"}}}
	f.expect(
		row4{sub, ActionRunTrigger, in("dev"), Allowed},
		row4{sub, ActionSpaceRead, in("root"), Allowed},
		row4{sub, ActionRunTrigger, in("prod"), Hidden},
		row4{sub, ActionRunTrigger, in("vault"), Hidden},
	)
	sub.SessionOnly = true
	f.expect(
		row4{sub, ActionRunTrigger, in("dev"), Hidden},
		row4{sub, ActionRunTrigger, in("vault"), Hidden},
	)
}

func TestA184ExpiredActorHoldsNothing(t *testing.T) {
	f := newFixture(t)
	f.bind(group("g"), RoleSpaceAdmin, "root")
	f.bind(key("ci"), RoleSpaceWriter, "dev")
	for _, tt := range []struct {
		actor Actor
		want  Outcome
	}{
		{Actor{Ref: key("ci"), NotAfter: evening}, Allowed},
		{Actor{Ref: key("ci"), NotAfter: noon}, Allowed}, // the last instant counts
		{Actor{Ref: key("ci"), NotAfter: noon.Add(-1)}, Hidden},
	} {
		f.Actors = []Actor{tt.actor}
		f.expect(
			row4{as(key("ci")), ActionRunTrigger, in("dev"), tt.want},
			row4{Subject{Actor: key("ci"), Groups: []string{"g"}}, ActionRunTrigger, in("prod"), tt.want},
			row4{Subject{Actor: key("ci"), AlwaysAdmin: true}, ActionRunTrigger, in("prod"), tt.want},
			row4{Subject{Actor: key("ci"), SessionOnly: true, Session: []Grant{{RoleSpaceWriter, "prod"}}}, ActionRunTrigger, in("prod"), tt.want},
		)
	}
	s := f.snapshot()
	expired := Subject{Actor: key("ci"), Groups: []string{"g"}}
	if d := s.Decide(expired, ActionRunTrigger, in("dev"), noon); d.Reason != ReasonExpired {
		t.Errorf("reason %v", d.Reason)
	}
	if d := s.DecideAccount(expired, noon); d.Outcome != Hidden || d.Reason != ReasonExpired {
		t.Errorf("account: %+v", d)
	}
	if d := s.DecideAccountView(expired, noon); d.Outcome != Hidden || d.Reason != ReasonExpired {
		t.Errorf("views: %+v", d)
	}
	if got := s.RoleSlugs(expired, noon); got != nil {
		t.Errorf("slugs %v", got)
	}
	f.tree(expired)
	f.lists(expired)
}
