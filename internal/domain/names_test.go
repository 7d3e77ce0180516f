package domain

import (
	"errors"
	"strings"
	"testing"
)

func TestSlug(t *testing.T) {
	for name, want := range map[string]string{
		"Stack X number 1":        "stack-x-number-1",
		"  --web--  ":             "web",
		"ＦＵＬＬ":                    "full",
		"日本":                      "",
		"a/b_c.d":                 "a-b-c-d",
		strings.Repeat("ab-", 40): strings.TrimRight(strings.Repeat("ab-", 40)[:maxSlug], "-"),
	} {
		if got := Slug(name); got != want {
			t.Errorf("Slug(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestFreeSlug(t *testing.T) {
	taken := func(used ...string) func(string) (bool, error) {
		return func(s string) (bool, error) {
			for _, u := range used {
				if u == s {
					return true, nil
				}
			}
			return false, nil
		}
	}
	for _, c := range []struct {
		name string
		used []string
		want string
	}{
		{"Web", nil, "web"}, {"Web", []string{"web"}, "web-2"}, {"Web", []string{"web", "web-2"}, "web-3"}, {"日本", nil, "x"},
	} {
		if got, err := FreeSlug(c.name, "x", taken(c.used...)); got != c.want || err != nil {
			t.Errorf("%s with %v: %q, %v", c.name, c.used, got, err)
		}
	}
	broken := errors.New("down")
	if _, err := FreeSlug("a", "x", func(string) (bool, error) { return false, broken }); !errors.Is(err, broken) {
		t.Errorf("a failed look-up: %v", err)
	}
}

// TestR13NameKey: what one person takes for the same name is the same name.
func TestR13NameKey(t *testing.T) {
	for _, same := range [][2]string{{"Infra", "infra"}, {"straße", "STRASSE"}, {"ﬁle", "file"}, {" a ", "a"}, {"é", "é"}} {
		if NameKey(same[0]) != NameKey(same[1]) {
			t.Errorf("%q and %q are told apart", same[0], same[1])
		}
	}
	if NameKey("a") == NameKey("b") {
		t.Error("a and b are the same")
	}
}

func TestCheckSuccessor(t *testing.T) {
	current := StateVersion{Serial: 3, Lineage: "l", Checksum: "c"}
	for name, c := range map[string]struct {
		next StateHead
		sum  string
		same bool
		ok   bool
	}{
		"the next":        {StateHead{4, 4, "l"}, "d", false, true},
		"a later one":     {StateHead{4, 9, "l"}, "d", false, true},
		"the same again":  {StateHead{4, 3, "l"}, "c", true, true},
		"another at 3":    {StateHead{4, 3, "l"}, "d", false, false},
		"an older one":    {StateHead{4, 2, "l"}, "d", false, false},
		"another lineage": {StateHead{4, 4, "m"}, "d", false, false},
	} {
		same, err := current.CheckSuccessor(c.next, c.sum)
		if same != c.same || (err == nil) != c.ok {
			t.Errorf("%s: %v, %v", name, same, err)
		}
	}
}
