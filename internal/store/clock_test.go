package store

import (
	"testing"
	"time"
)

// TestCase159ServersClock lets answers of the database's clock come late, and
// the clock be set.
func TestCase159ServersClock(t *testing.T) {
	var c theirs
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	near := func(what string, want time.Time) {
		t.Helper()
		if off := c.now().Sub(want); off < 0 || off > time.Second {
			t.Errorf("%s: the clock is off by %s", what, off)
		}
	}
	c.hear(time.Now(), start)
	near("the first answer", start)
	c.hear(time.Now().Add(-time.Minute), start.Add(-40*time.Second))
	near("an answer that took a minute, and was given in time", start)
	c.hear(time.Now().Add(-time.Minute), start.Add(-59*time.Second))
	near("one that can just be true", start)
	c.hear(time.Now().Add(-time.Minute), start.Add(5*time.Second))
	near("one that shows a later time than is known", start.Add(5*time.Second))
	c.hear(time.Now(), start.Add(-time.Hour))
	near("the clock was set back", start.Add(-time.Hour))
	c.hear(time.Now(), start.Add(time.Hour))
	near("and on", start.Add(time.Hour))
}
