package authz

import "testing"

func systemRole(t *testing.T, slug string) SystemRole {
	t.Helper()
	for _, r := range SystemRoles() {
		if r.Slug == slug {
			return r
		}
	}
	t.Fatalf("no role %q", slug)
	return SystemRole{}
}

func TestA42SystemRolesAreTheCallers(t *testing.T) {
	roles := SystemRoles()
	if len(roles) != 4 {
		t.Fatalf("%d roles", len(roles))
	}
	roles[0].Actions = ActionSet{}
	if systemRole(t, RoleSpaceReader).Actions.Empty() {
		t.Error("a caller changed a system role")
	}
}

func TestA43SpaceReader(t *testing.T) {
	newFixture(t).expect(
		row4{as(user("rita")), ActionRunComment, in("prod"), Allowed},
		row4{as(user("rita")), ActionRunTrigger, in("prod"), Forbidden},
		row4{as(user("rita")), ActionContextUpdate, in("prod"), Forbidden},
	)
}

func TestA44SpaceWriter(t *testing.T) {
	newFixture(t).expect(
		row4{as(user("will")), ActionTaskCreate, in("dev"), Allowed},
		row4{as(user("will")), ActionStackAddConfig, in("dev"), Allowed},
		row4{as(user("will")), ActionStackStateRead, in("dev"), Allowed},
		row4{as(user("will")), ActionStackStateDownload, in("dev"), Allowed},
		row4{as(user("will")), ActionStackCreate, in("dev"), Forbidden},
		row4{as(user("will")), ActionRunTriggerWithCustomRuntimeConfig, in("dev"), Forbidden}, // A65
	)
}

func TestA45SpaceAdmin(t *testing.T) {
	r := systemRole(t, RoleSpaceAdmin)
	if r.Name != "Space admin" || r.Actions != SetOf(ActionSpaceRead, ActionSpaceWrite, ActionSpaceAdmin) {
		t.Errorf("%+v", r)
	}
	newFixture(t).expect(
		row4{as(user("ann")), ActionPolicyCreate, in("dev"), Allowed},
		row4{as(user("will")), ActionPolicyCreate, in("dev"), Forbidden}, // A59
	)
}

func TestA46ReaderAndWriterSets(t *testing.T) {
	if got := systemRole(t, RoleSpaceReader).Actions; got != SetOf(ActionSpaceRead) {
		t.Error(got.List())
	}
	if got := systemRole(t, RoleSpaceWriter).Actions; got != SetOf(ActionSpaceRead, ActionSpaceWrite) {
		t.Error(got.List())
	}
}

func TestA47WorkerPoolController(t *testing.T) {
	f := newFixture(t)
	f.bind(key("controller"), RoleWorkerPoolController, "platform")
	c := as(key("controller"))
	f.expect(
		row4{c, ActionWorkerPoolCreate, in("platform"), Allowed},
		row4{c, ActionWorkerPoolUpdate, in("net"), Allowed},
		row4{c, ActionWorkerPoolDelete, in("platform"), Allowed},
		row4{c, ActionWorkerPoolCycle, in("platform"), Forbidden},
		row4{c, ActionWorkerPoolReset, in("platform"), Forbidden},
	)
}

func TestA48LegacyLevels(t *testing.T) {
	for tier, want := range map[Tier]string{
		TierReader: RoleSpaceReader, TierWriter: RoleSpaceWriter, TierAdmin: RoleSpaceAdmin, TierNone: "",
	} {
		if got := SystemRoleFor(tier); got != want {
			t.Errorf("%v: %q", tier, got)
		}
		if want != "" && tierOf(systemRole(t, want).Actions) != tier {
			t.Errorf("%s is not of tier %v", want, tier)
		}
	}
}

func TestA60RolesDoNotGrow(t *testing.T) {
	newFixture(t).expect(
		row4{as(user("ann")), ActionTemplateCreate, in("dev"), Allowed},
		row4{as(user("ops")), ActionTemplateCreate, in("dev"), Forbidden},
	)
}

func TestR4StackManageImpliesExactlyFive(t *testing.T) {
	f := newFixture(t)
	f.bind(user("m"), f.role(ActionStackManage), "dev")
	want := SetOf(ActionStackManage, ActionStackCreate, ActionStackUpdate, ActionStackReslug,
		ActionStackAddConfig, ActionStackDeleteConfig)
	if got := f.snapshot().Effective(as(user("m")), in("dev"), noon); got != want {
		t.Errorf("effective %v", got.List())
	}
	f.expect(
		row4{as(user("m")), ActionStackReslug, in("dev"), Allowed},
		row4{as(user("m")), ActionStackDelete, in("dev"), Forbidden},
		row4{as(user("m")), ActionStackManagedStateImport, in("dev"), Forbidden},
		row4{as(user("m")), ActionStackLock, in("dev"), Forbidden},
		row4{as(user("m")), ActionStackUnlockForce, in("dev"), Forbidden},
	)
	if Implied(SetOf(ActionStackCreate)) != SetOf(ActionStackCreate) {
		t.Error("stack:create implies something")
	}
}

func TestA88RootAdminIsABinding(t *testing.T) {
	f := newFixture(t)
	f.account(as(user("root-admin")), Allowed)
	f.unbind(user("root-admin"))
	f.account(as(user("root-admin")), Hidden)
}

func TestA92AdminBelowDoesNotClimb(t *testing.T) {
	f := newFixture(t)
	f.bind(user("will"), RoleSpaceAdmin, "prod")
	f.expect(
		row4{as(user("will")), ActionStackUpdate, in("apps"), Forbidden},
		row4{as(user("will")), ActionStackUpdate, in("prod"), Allowed},
	)
}
