package authz

import "testing"

func (f *fixture) account(sub Subject, want Outcome) Decision {
	f.t.Helper()
	d := f.snapshot().DecideAccount(sub, noon)
	if d.Outcome != want {
		f.t.Errorf("account, %q: %v (%v), want %v", sub.Actor.ID, d.Outcome, d.Reason, want)
	}
	return d
}

func (f *fixture) accountView(sub Subject, want Outcome) Decision {
	f.t.Helper()
	d := f.snapshot().DecideAccountView(sub, noon)
	if d.Outcome != want {
		f.t.Errorf("account view, %q: %v (%v), want %v", sub.Actor.ID, d.Outcome, d.Reason, want)
	}
	return d
}

func TestA70ToA77AccountWide(t *testing.T) {
	f := newFixture(t)
	d := f.account(as(user("root-admin")), Allowed)
	if d.Binding() != "b0" || d.Tier != TierAdmin || d.BindingSpace() != "root" {
		t.Errorf("decision %+v", d)
	}
	f.account(as(user("ann")), Forbidden)
	f.account(as(user("will")), Forbidden) // sees root by derived read
	f.account(as(user("rita")), Hidden)
	f.account(Subject{Actor: user("owner"), AlwaysAdmin: true}, Allowed)
}

func TestA78AccountViews(t *testing.T) {
	f := newFixture(t)
	f.bind(user("sandboxer"), RoleSpaceAdmin, "sandbox")
	f.accountView(as(user("root-admin")), Allowed)
	d := f.accountView(as(user("ann")), Allowed)
	if d.Binding() != "b1" || d.BindingSpace() != "apps" {
		t.Errorf("decision %+v", d)
	}
	f.accountView(as(user("sandboxer")), Allowed)
	f.account(as(user("sandboxer")), Forbidden) // views it, though root is hidden
	f.accountView(as(user("will")), Forbidden)
	f.accountView(as(user("rita")), Hidden)
	session := Subject{Actor: user("s"), SessionOnly: true, Session: []Grant{{RoleSpaceAdmin, "prod"}}}
	f.accountView(session, Allowed)
}

// Both space:read and space:admin must be effective in one space; they may
// come from different bindings.
func TestA78ReadAndAdminFromDifferentBindings(t *testing.T) {
	f := newFixture(t)
	admin := f.role(ActionSpaceAdmin)
	f.bind(user("meets"), admin, "apps")
	f.bind(user("meets"), RoleSpaceReader, "prod")
	f.bind(user("under"), admin, "dev")
	f.bind(user("under"), RoleSpaceReader, "apps")
	f.bind(user("apart"), admin, "dev")
	f.bind(user("apart"), RoleSpaceReader, "prod")
	f.bind(user("blind"), admin, "root")
	f.accountView(as(user("meets")), Allowed)
	f.accountView(as(user("under")), Allowed)
	f.accountView(as(user("apart")), Hidden)
	f.accountView(as(user("blind")), Forbidden)
	if d := f.account(as(user("blind")), Forbidden); d.Reason != ReasonNoBaseline {
		t.Errorf("reason %v", d.Reason)
	}
	// Step 5 asks for space:read in eff(root), and eff counts derived read.
	f.bind(user("climber"), admin, "root")
	f.bind(user("climber"), RoleSpaceReader, "dev")
	f.account(as(user("climber")), Allowed)
}

func TestR25AccountIsClosedToReadOnly(t *testing.T) {
	f := newFixture(t)
	f.bind(stack("r0"), RoleSpaceAdmin, "root")
	f.account(as(stack("r0")), Allowed)
	plan := Subject{Actor: stack("r0"), ReadOnly: true}
	if d := f.account(plan, Forbidden); d.Reason != ReasonReadOnlyToken {
		t.Errorf("reason %v", d.Reason)
	}
	f.accountView(plan, Allowed)
}

func TestR24ExpiredAccount(t *testing.T) {
	f := newFixture(t)
	f.add(Binding{Actor: user("u"), Role: RoleSpaceAdmin, Space: "root", NotAfter: morning})
	if d := f.account(as(user("u")), Hidden); d.Reason != ReasonExpired {
		t.Errorf("reason %v", d.Reason)
	}
	if d := f.accountView(as(user("u")), Hidden); d.Reason != ReasonExpired {
		t.Errorf("reason %v", d.Reason)
	}
	f.add(Binding{Actor: user("w"), Role: RoleSpaceWriter, Space: "root", NotAfter: morning})
	if d := f.account(as(user("w")), Hidden); d.Reason != ReasonNotGranted {
		t.Errorf("reason %v", d.Reason)
	}
}
