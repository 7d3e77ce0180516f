package runs

import (
	"context"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/internal/domain"
)

// counted is a transaction that only knows how much log a run has.
type counted struct {
	Tx
	used int64
}

func (c counted) LogBytes(context.Context, domain.RunID) (int64, error) { return c.used, nil }

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
		got, err := fit(t.Context(), counted{used: c.used}, "r", "0123456789")
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	// A character is never cut in two: PostgreSQL would refuse it.
	if got, _ := fit(t.Context(), counted{used: maxLog - 1}, "r", "ä"); !strings.HasPrefix(got, "\n") {
		t.Errorf("half a character is kept: %q", got)
	}
}
