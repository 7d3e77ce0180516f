package authz

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func lines(t *testing.T, file string) []string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// documented is section 3.3 of the access model: name to fallback.
func documented(t *testing.T) map[string]string {
	t.Helper()
	m := make(map[string]string)
	for _, l := range lines(t, "testdata/documented_actions.txt") {
		name, fallback, _ := strings.Cut(l, " ")
		m[name] = fallback
	}
	return m
}

func TestA58CatalogueIsTheDocumentedOne(t *testing.T) {
	want := documented(t)
	totals := map[Tier]int{}
	for _, info := range Actions() {
		if info.Ours {
			if _, ok := want[info.Name]; ok {
				t.Errorf("%s is documented, not ours", info.Name)
			}
			continue
		}
		totals[info.Fallback]++
		if want[info.Name] != info.Fallback.String() {
			t.Errorf("%s falls back to %v, want %q", info.Name, info.Fallback, want[info.Name])
		}
	}
	if totals[TierReader] != 6 || totals[TierWriter] != 34 || totals[TierAdmin] != 61 || len(want) != 101 {
		t.Errorf("totals %v of %d", totals, len(want))
	}
}

// TestA58 generates the three cases of the rule for every action, with ours.
func TestA58EveryAction(t *testing.T) {
	lower := map[Tier]string{TierReader: "", TierWriter: RoleSpaceReader, TierAdmin: RoleSpaceWriter}
	for _, info := range Actions() {
		a := info.Action
		t.Run(info.Name, func(t *testing.T) {
			f := bareFixture(t)
			f.bind(user("named"), f.role(ActionSpaceRead, a), "dev")
			f.bind(user("tier"), SystemRoleFor(a.Fallback()), "dev")
			want := Hidden
			if low := lower[a.Fallback()]; low != "" {
				f.bind(user("lower"), low, "dev")
				want = Forbidden
			}
			f.expect(
				row4{as(user("named")), a, in("dev"), Allowed},
				row4{as(user("named")), a, in("prod"), Hidden},
				row4{as(user("tier")), a, in("dev"), Allowed},
				row4{as(user("lower")), a, in("dev"), want},
			)
		})
	}
}

func TestA56BothNames(t *testing.T) {
	seen := map[string]Action{}
	for _, info := range Actions() {
		a := info.Action
		if a.String() != info.Name || a.Enum() != info.Enum || a.Fallback() != info.Fallback || a.Reads() != info.Reads {
			t.Errorf("%v disagrees with its info %+v", a, info)
		}
		for _, name := range append([]string{info.Name, info.Enum}, info.Aliases...) {
			if other, taken := seen[name]; taken {
				t.Errorf("%s names both %v and %v", name, other, a)
			}
			seen[name] = a
			if got, ok := ParseAction(name); !ok || got != a {
				t.Errorf("ParseAction(%q) = %v, %v", name, got, ok)
			}
		}
		if !regexp.MustCompile(`^[A-Z].*\.$`).MatchString(info.Sentence) {
			t.Errorf("%s: %q is not a sentence", info.Name, info.Sentence)
		}
	}
	if ActionSpaceShareModule.String() != "space:share-module" || ActionSpaceShareModule.Enum() != "SPACE_SHARE_MODULE" {
		t.Error(ActionSpaceShareModule, ActionSpaceShareModule.Enum())
	}
}

func TestA57ContractActionsExist(t *testing.T) {
	names := lines(t, "testdata/contract_actions.txt")
	if len(names) != 106 {
		t.Errorf("%d names", len(names))
	}
	for _, name := range names {
		if _, ok := ParseAction(name); !ok {
			t.Errorf("%s is unknown", name)
		}
	}
}

func TestR3AliasesAndWhatIsNone(t *testing.T) {
	for name, want := range map[string]Action{
		"RUN_KILL":                           ActionRunStop,
		"RUN_KILL_BLOCKING":                  ActionRunStopBlocking,
		"DRIFT_DETECTION_INTEGRATION_CREATE": ActionDriftDetectionCreate,
		"DRIFT_DETECTION_INTEGRATION_UPDATE": ActionDriftDetectionUpdate,
		"DRIFT_DETECTION_INTEGRATION_DELETE": ActionDriftDetectionDelete,
		"workerpool:create":                  ActionWorkerPoolCreate,
		"StackManage":                        ActionStackManage,
		"DeleteBlueprintVersion":             ActionTemplateVersionDelete,
		"run:read":                           ActionRunRead,
	} {
		if got, ok := ParseAction(name); !ok || got != want {
			t.Errorf("ParseAction(%q) = %v, %v", name, got, ok)
		}
	}
	for _, name := range []string{"", "context:manage", "space:manage", "Space:Read", " space:read", "unknown", "UNKNOWN", "INVALID"} {
		if got, ok := ParseAction(name); ok || got != 0 {
			t.Errorf("ParseAction(%q) = %v, %v", name, got, ok)
		}
	}
}

func TestR20OurActions(t *testing.T) {
	want := map[Tier][]string{
		TierAdmin: {"policy:create", "policy:update", "policy:delete", "policy:attach", "webhook:create", "webhook:update",
			"webhook:delete", "role-binding:manage", "blueprint:create", "blueprint:update", "blueprint:delete",
			"blueprint:deploy", "schedule:create", "schedule:update", "schedule:delete", "drift-detection:create",
			"drift-detection:update", "drift-detection:delete", "stack:act-as", "template:create", "template:update",
			"template:delete", "template-version:delete", "template-deployment:update", "template-deployment:delete"},
		TierWriter: {"template-deployment:create"},
		TierReader: {"run:read", "stack:read", "context:read", "policy:read"},
	}
	n := 0
	for tier, names := range want {
		for _, name := range names {
			n++
			a, ok := ParseAction(name)
			if !ok || a.Fallback() != tier || !infos[a].Ours {
				t.Errorf("%s: %v, fallback %v", name, ok, a.Fallback())
			}
		}
	}
	if len(Actions()) != 101+n {
		t.Errorf("%d actions, want %d", len(Actions()), 101+n)
	}
}

func TestR25ReadingActions(t *testing.T) {
	want := SetOf(ActionSpaceRead, ActionRunRead, ActionStackRead, ActionContextRead, ActionPolicyRead,
		ActionStackStateRead, ActionStackStateDownload, ActionIntentStateRead)
	for _, info := range Actions() {
		if info.Reads != want.Has(info.Action) {
			t.Errorf("%s: reads %v", info.Name, info.Reads)
		}
	}
}

func TestActionsAreTheCallers(t *testing.T) {
	stop := Actions()[ActionRunStop-1]
	stop.Aliases[0] = "changed"
	if got := Actions()[ActionRunStop-1].Aliases[0]; got != "RUN_KILL" {
		t.Errorf("alias became %q", got)
	}
}

func TestActionOutsideCatalogue(t *testing.T) {
	for _, a := range []Action{0, actionCount, 255} {
		if a.Valid() || a.String() != "unknown" || a.Enum() != "UNKNOWN" || a.Fallback() != TierNone || a.Reads() {
			t.Errorf("action %d passes for one", uint8(a))
		}
		if SetOf(a) != (ActionSet{}) || SetOf(a).Has(a) {
			t.Errorf("action %d is in a set", uint8(a))
		}
		newFixture(t).expect(
			row4{as(user("root-admin")), a, in("root"), Forbidden},
			row4{as(user("nobody")), a, in("root"), Hidden},
		)
	}
}

func TestActionSet(t *testing.T) {
	s := SetOf(ActionSpaceRead, ActionRunTrigger, ActionTemplateDeploymentDelete)
	if s.Len() != 3 || s.Empty() || !(ActionSet{}).Empty() || (ActionSet{}).List() != nil {
		t.Error("size")
	}
	if got := s.List(); !equal(got, []Action{ActionSpaceRead, ActionRunTrigger, ActionTemplateDeploymentDelete}) {
		t.Error(got)
	}
	if s.Has(ActionRunConfirm) || !s.Has(ActionTemplateDeploymentDelete) {
		t.Error("membership")
	}
	more := s.With(ActionRunConfirm)
	if !more.Contains(s) || s.Contains(more) || more == s || s.Union(SetOf(ActionRunConfirm)) != more {
		t.Error("order")
	}
	if more.Intersect(s) != s {
		t.Error("intersection")
	}
}

func TestTierNames(t *testing.T) {
	for tier, want := range map[Tier]string{TierNone: "none", TierReader: "reader", TierWriter: "writer", TierAdmin: "admin", 9: "none"} {
		if tier.String() != want {
			t.Errorf("%d: %s", tier, tier)
		}
	}
}
