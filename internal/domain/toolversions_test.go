package domain

import "testing"

func TestNewestVersion(t *testing.T) {
	have := []string{"1.9.3", "1.12.6-dev", "2.0.0-rc1", "1.10.0", "1.10.0", "odd"}
	for constraints, want := range map[string]string{
		"~> 1.9": "1.12.6-dev", "1.12.6": "1.12.6-dev", "< 1.10": "1.9.3", ">= 1.10, < 1.12": "1.10.0", "= 3.0": "", "1.10": "1.10.0",
	} {
		if got, err := NewestVersion("c", have, constraints); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", constraints, got, err, want)
		}
	}
	for _, bad := range []string{"", "newest", "1.x", "~> 1\n2"} {
		if _, err := NewestVersion("c", have, bad); ErrorCode(err) != CodeInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if got := JoinVersions(have); got != "2.0.0-rc1,1.12.6-dev,1.10.0,1.9.3" {
		t.Errorf("told %s", got)
	}
}
