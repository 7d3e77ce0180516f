package runs

import (
	"strings"
	"testing"
)

// TestLogIsBounded: a run's log ends with a line that says so, once.
func TestLogIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		used int64
		want string
	}{
		"room":       {0, "0123456789"},
		"just fits":  {maxLog - 10, "0123456789"},
		"cut":        {maxLog - 4, "0123" + logCut},
		"full":       {maxLog, logCut},
		"cut before": {maxLog + 1, ""},
	} {
		if got := fit(c.used, "0123456789"); got != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	// A character is never cut in two: PostgreSQL would refuse it.
	if got := fit(maxLog-1, "ä"); !strings.HasPrefix(got, "\n") {
		t.Errorf("half a character is kept: %q", got)
	}
}
