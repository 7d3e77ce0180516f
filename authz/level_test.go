package authz

import "testing"

func TestA36A37Tree(t *testing.T) {
	f := newFixture(t)
	f.tree(as(user("rita")),
		SpaceLevel{"root", "", LevelPath}, SpaceLevel{"apps", "root", LevelPath}, SpaceLevel{"prod", "apps", LevelRead})
	f.tree(as(user("will")),
		SpaceLevel{"root", "", LevelRead}, SpaceLevel{"apps", "root", LevelRead}, SpaceLevel{"dev", "apps", LevelWrite})
	f.tree(as(user("ann")),
		SpaceLevel{"root", "", LevelRead}, SpaceLevel{"apps", "root", LevelAdmin},
		SpaceLevel{"dev", "apps", LevelAdmin}, SpaceLevel{"prod", "apps", LevelAdmin})
	f.lists(as(user("rita")), "prod")
	f.expect(row4{as(user("rita")), ActionSpaceRead, in("apps"), Hidden}) // a path shows no contents
	if got := f.snapshot().Tree(as(user("root-admin")), noon); len(got) != len(f.Spaces) {
		t.Errorf("root admin sees %v", got)
	}
}

func TestA36OverlappingSubtrees(t *testing.T) {
	f := newFixture(t)
	f.bind(user("u"), RoleSpaceReader, "vault-x")
	f.bind(user("u"), RoleSpaceWriter, "platform")
	f.bind(user("u"), f.role(ActionRunTrigger), "sandbox")
	f.tree(as(user("u")),
		SpaceLevel{"root", "", LevelRead}, SpaceLevel{"platform", "root", LevelWrite},
		SpaceLevel{"net", "platform", LevelWrite}, SpaceLevel{"vault", "platform", LevelWrite},
		SpaceLevel{"vault-x", "vault", LevelWrite})
}

func TestR27Levels(t *testing.T) {
	f := newFixture(t)
	s := f.snapshot()
	tests := []struct {
		who, space string
		want       Level
	}{
		{"ann", "prod", LevelAdmin},
		{"will", "dev", LevelWrite},
		{"will", "apps", LevelRead},
		{"rita", "prod", LevelRead},
		{"rita", "apps", LevelPath},
		{"rita", "dev", LevelNone},
		{"rita", "sandbox", LevelNone},
	}
	for _, tt := range tests {
		if got := s.Level(as(user(tt.who)), tt.space, noon); got != tt.want {
			t.Errorf("%s at %s: %v, want %v", tt.who, tt.space, got, tt.want)
		}
	}
}

func TestSpacesAll(t *testing.T) {
	f := newFixture(t)
	f.bind(user("reader"), RoleSpaceReader, "root")
	for _, space := range []string{"legacy", "platform", "apps", "sandbox"} {
		f.bind(user("everywhere"), RoleSpaceReader, space)
	}
	f.bind(user("split"), RoleSpaceReader, "root")
	f.bind(user("split"), RoleSpaceWriter, "apps")
	s := f.snapshot()
	if set := s.Spaces(as(user("reader")), ActionSpaceRead, noon); !set.All || len(set.IDs()) != len(f.Spaces) {
		t.Errorf("reader: %v", set.IDs())
	}
	if set := s.Spaces(as(user("reader")), ActionRunTrigger, noon); set.All || !set.Empty() {
		t.Errorf("reader triggers in %v", set.IDs())
	}
	// Today all spaces, by derived read at root; a new one would not be in it.
	if set := s.Spaces(as(user("everywhere")), ActionSpaceRead, noon); set.All || len(set.IDs()) != len(f.Spaces) {
		t.Errorf("everywhere: %v, %v", set.All, set.IDs())
	}
	set := s.Spaces(as(user("split")), ActionRunTrigger, noon)
	if set.All || !equal(set.IDs(), []string{"apps", "dev", "prod"}) {
		t.Errorf("split: %v", set.IDs())
	}
	if !set.Contains("dev") || set.Contains("root") || set.Contains("sandbox") || set.Contains("nope") {
		t.Error("split: membership")
	}
	if (SpaceSet{}).Contains("dev") || (SpaceSet{}).IDs() != nil {
		t.Error("the zero set has members")
	}
	var all SpaceSet = s.Spaces(as(user("root-admin")), ActionStackDelete, noon)
	if !all.All || !all.Contains("vault-x") || all.Contains("nope") {
		t.Error("root admin: membership")
	}
}

func TestSpacesNeedReadAndAction(t *testing.T) {
	f := newFixture(t)
	f.bind(user("u"), f.role(ActionRunTrigger), "apps")
	f.bind(user("u"), RoleSpaceReader, "dev")
	s := f.snapshot()
	got := s.Spaces(as(user("u")), ActionRunTrigger, noon).IDs()
	if !equal(got, []string{"apps", "dev"}) { // apps by derived read, prod not at all
		t.Errorf("triggers in %v", got)
	}
}
