package authz

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func (f *fixture) explains(sub Subject, a Action, t Target, want Explanation) {
	f.t.Helper()
	got := f.snapshot().Explain(sub, a, t, noon)
	got.s, got.src = nil, source{}
	want.Action, want.Fallback = a, a.Fallback()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Decision{}, source{})); diff != "" {
		f.t.Errorf("%s %s in %v (-want +got):\n%s", sub.Actor.ID, a, t, diff)
	}
}

func decided(o Outcome, r Reason, t Tier) Decision { return Decision{Outcome: o, Reason: r, Tier: t} }

func TestExplainAllowed(t *testing.T) {
	f := newFixture(t)
	f.add(Binding{Actor: group("devops"), Role: RoleSpaceWriter, Space: "apps", NotAfter: evening})
	f.bindStack(user("eve"), RoleSpaceReader, "k2")
	f.flag("k")

	will := Evidence{Kind: EvidenceBinding, Relation: RelationHere, Binding: "b2", Role: RoleSpaceWriter, RoleSlug: RoleSpaceWriter, Space: "dev"}
	f.explains(as(user("will")), ActionRunTrigger, in("dev"), Explanation{
		Decision: decided(Allowed, ReasonByTier, TierWriter), Held: TierWriter, Step: 7, By: will, Baseline: will,
	})
	will.Relation = RelationClimbs
	f.explains(as(user("will")), ActionSpaceRead, in("apps"), Explanation{
		Decision: decided(Allowed, ReasonDerivedRead, TierNone), Step: 7, By: will, Baseline: will,
	})
	team := Evidence{Kind: EvidenceBinding, Relation: RelationAbove, Binding: "b5", Role: RoleSpaceWriter, RoleSlug: RoleSpaceWriter,
		Space: "apps", Group: "devops", GroupName: "devops", NotAfter: evening}
	f.explains(Subject{Actor: user("x"), Groups: []string{"devops"}}, ActionRunTrigger, in("prod"), Explanation{
		Decision: decided(Allowed, ReasonByTier, TierWriter), Held: TierWriter, Step: 7, By: team, Baseline: team,
	})
	eve := Evidence{Kind: EvidenceBinding, Relation: RelationEntity, Binding: "b6", Role: RoleSpaceReader, RoleSlug: RoleSpaceReader,
		Space: "dev", Entity: EntityRef{EntityStack, "k2"}}
	f.explains(as(user("eve")), ActionSpaceRead, onStack("dev", "k2"), Explanation{
		Decision: decided(Allowed, ReasonByName, TierNone), Held: TierReader, Step: 7, By: eve, Baseline: eve,
	})
	flag := Evidence{Kind: EvidenceFlag, Relation: RelationAbove, Role: RoleSpaceAdmin, RoleSlug: RoleSpaceAdmin, Space: "apps"}
	f.explains(as(stack("k")), ActionStackCreate, in("dev"), Explanation{
		Decision: decided(Allowed, ReasonByTier, TierAdmin), Held: TierAdmin, Step: 7, By: flag, Baseline: flag,
	})
	flag.Kind, flag.Space = EvidenceAlwaysAdmin, "root"
	f.explains(Subject{Actor: user("owner"), AlwaysAdmin: true}, ActionStackCreate, in("dev"), Explanation{
		Decision: decided(Allowed, ReasonByTier, TierAdmin), Held: TierAdmin, Step: 7, By: flag, Baseline: flag,
	})
	flag.Kind, flag.Space, flag.Relation = EvidenceSession, "dev", RelationHere
	session := Subject{SessionOnly: true, Session: []Grant{{RoleSpaceAdmin, "dev"}}}
	f.explains(session, ActionStackCreate, in("dev"), Explanation{
		Decision: decided(Allowed, ReasonByTier, TierAdmin), Held: TierAdmin, Step: 7, By: flag, Baseline: flag,
	})
}

func TestExplainDenied(t *testing.T) {
	f := newFixture(t)
	trigger := f.role(ActionRunTrigger)
	f.bind(key("ci"), trigger, "dev")
	f.bind(key("ci"), RoleSpaceReader, "vault")
	f.bind(key("ci"), RoleSpaceReader, "prod")
	f.bind(key("ci"), RoleSpaceReader, "net")
	lapsed := f.add(Binding{Actor: user("old"), Role: RoleSpaceWriter, Space: "apps", NotAfter: morning})
	binding := func(id, role, space string, rel Relation) Evidence {
		e := Evidence{Kind: EvidenceBinding, Relation: rel, Binding: id, Role: role, RoleSlug: role, Space: space}
		if role == trigger {
			e.RoleSlug = "slug-" + trigger
		}
		return e
	}
	writer, admin := RoleHint{RoleSpaceWriter, RoleSpaceWriter, false}, RoleHint{RoleSpaceAdmin, RoleSpaceAdmin, false}
	ops := RoleHint{"custom-4", "slug-custom-4", false}

	// The one in the space first, then what is next in the tree.
	f.explains(as(key("ci")), ActionRunConfirm, in("dev"), Explanation{
		Decision: decided(Forbidden, ReasonNoBaseline, TierNone), Step: 6, Roles: []RoleHint{writer, admin},
		Nearest: []Evidence{
			binding("b5", trigger, "dev", RelationHere), binding("b7", RoleSpaceReader, "prod", RelationElsewhere),
			binding("b6", RoleSpaceReader, "vault", RelationElsewhere),
		},
	})
	f.explains(as(user("rita")), ActionRunTrigger, in("prod"), Explanation{
		Decision: decided(Forbidden, ReasonNotGranted, TierNone), Held: TierReader, Step: 7,
		Baseline: binding("b3", RoleSpaceReader, "prod", RelationHere), Nearest: []Evidence{binding("b3", RoleSpaceReader, "prod", RelationHere)},
		Roles: []RoleHint{{trigger, "slug-" + trigger, true}, {ops.ID, ops.Slug, true}, writer, admin},
	})
	f.explains(as(user("rita")), ActionStackDelete, in("apps"), Explanation{
		Decision: decided(Hidden, ReasonNotGranted, TierNone), Step: 6,
		Nearest: []Evidence{binding("b3", RoleSpaceReader, "prod", RelationBelow)}, Roles: []RoleHint{admin},
	})
	old := binding(lapsed, RoleSpaceWriter, "apps", RelationAbove)
	old.NotAfter, old.Expired = morning, true
	f.explains(as(user("old")), ActionRunConfirm, in("dev"), Explanation{
		Decision: decided(Hidden, ReasonExpired, TierNone), Step: 6, Lapsed: old, Nearest: []Evidence{old}, Roles: []RoleHint{writer, admin},
	})
	old.Relation = RelationClimbs
	f.explains(as(user("old")), ActionSpaceRead, in("root"), Explanation{
		Decision: decided(Hidden, ReasonExpired, TierNone), Step: 6, Lapsed: old, Nearest: []Evidence{old},
		Roles: []RoleHint{
			{RoleSpaceReader, RoleSpaceReader, true}, {ops.ID, ops.Slug, true},
			{RoleWorkerPoolController, RoleWorkerPoolController, true}, {writer.ID, writer.Slug, true}, {admin.ID, admin.Slug, true},
		},
	})
	f.explains(as(user("nobody")), ActionStackDelete, in("nope"), Explanation{Decision: decided(Hidden, ReasonUnknownSpace, TierNone), Step: 4})
	f.explains(Subject{Actor: user("rita"), ReadOnly: true}, ActionRunComment, in("prod"), Explanation{
		Decision: decided(Forbidden, ReasonReadOnlyToken, TierNone), Held: TierReader, Step: 1,
		Baseline: binding("b3", RoleSpaceReader, "prod", RelationHere), Nearest: []Evidence{binding("b3", RoleSpaceReader, "prod", RelationHere)},
	})
	f.Actors = []Actor{{Ref: user("rita"), NotAfter: morning}}
	f.explains(as(user("rita")), ActionSpaceRead, in("prod"), Explanation{
		Decision: decided(Hidden, ReasonExpired, TierNone), Step: 1, ActorExpired: true,
		Nearest: []Evidence{binding("b3", RoleSpaceReader, "prod", RelationHere)},
		Lapsed:  binding("b3", RoleSpaceReader, "prod", RelationHere),
	})
}

// What expired may be the right, or the baseline that it needs (R5).
func TestExplainExpiredBaseline(t *testing.T) {
	f := bareFixture(t)
	writes := f.role(ActionSpaceWrite)
	f.bind(user("u"), writes, "apps")
	f.add(Binding{Actor: user("u"), Role: RoleSpaceReader, Space: "root", NotAfter: morning})
	f.bind(user("v"), writes, "apps")
	f.add(Binding{Actor: user("v"), Role: RoleSpaceReader, Space: "dev", NotAfter: morning})
	s := f.snapshot()
	for who, want := range map[string]string{"u": "b1", "v": "b3"} {
		x := s.Explain(as(user(who)), ActionRunTrigger, in("apps"), noon)
		if x.Reason != ReasonExpired || x.Lapsed.Binding != want || !x.Lapsed.Expired {
			t.Errorf("%s: %v, lapsed %+v", who, x.Decision, x.Lapsed)
		}
	}
}

func TestExplainAccount(t *testing.T) {
	f := newFixture(t)
	admins := f.role(ActionSpaceAdmin)
	f.add(Binding{Actor: user("old"), Role: RoleSpaceAdmin, Space: "root", NotAfter: morning})
	f.bind(user("blind"), admins, "root")
	f.Actors = []Actor{{Ref: key("dead"), NotAfter: morning}}
	s := f.snapshot()
	if x := s.ExplainAccount(as(user("root-admin")), noon); !x.Allowed() || x.Step != 5 || x.By.Binding != "b0" || x.Baseline != x.By || x.Held != TierAdmin {
		t.Errorf("%+v", x)
	}
	hints := []RoleHint{{RoleSpaceAdmin, RoleSpaceAdmin, true}} // custom-4 alone is no baseline
	for name, want := range map[string]Explanation{
		"ann":   {Decision: decided(Forbidden, ReasonNotGranted, TierNone), Step: 5, Roles: hints},
		"blind": {Decision: decided(Forbidden, ReasonNoBaseline, TierNone), Step: 5, Roles: hints, Held: TierAdmin},
		"old":   {Decision: decided(Hidden, ReasonExpired, TierNone), Step: 5, Roles: hints},
	} {
		x := s.ExplainAccount(as(user(name)), noon)
		if x.Outcome != want.Outcome || x.Reason != want.Reason || x.Step != want.Step || x.Held != want.Held || len(x.Nearest) != 1 ||
			!cmp.Equal(x.Roles, want.Roles) || (x.Lapsed.Binding == "b5") != (name == "old") {
			t.Errorf("%s: %+v", name, x)
		}
	}
	if x := s.ExplainAccount(as(key("dead")), noon); x.Step != 1 || !x.ActorExpired || x.Roles != nil {
		t.Errorf("%+v", x)
	}
}

func TestEvidenceNames(t *testing.T) {
	for k, want := range map[EvidenceKind]string{EvidenceNone: "none", EvidenceAlwaysAdmin: "always-admin", 9: "unknown"} {
		if k.String() != want {
			t.Errorf("%d: %s", k, k)
		}
	}
	for r, want := range map[Relation]string{RelationElsewhere: "elsewhere", RelationEntity: "entity", 9: "unknown"} {
		if r.String() != want {
			t.Errorf("%d: %s", r, r)
		}
	}
}
