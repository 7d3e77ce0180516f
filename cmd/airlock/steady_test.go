package main

import (
	"testing"
	"time"
)

// TestCase159ClockJumps: a worker that speaks keeps its run, whatever the
// server's clock does.
func TestCase159ClockJumps(t *testing.T) {
	const lease = 30 * time.Second
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, jump := range map[string]time.Duration{"none": 0, "ten minutes on": 10 * time.Minute, "ten minutes back": -10 * time.Minute, "an hour back": -time.Hour, "a correction": time.Second} {
		t.Run(name, func(t *testing.T) {
			s := steady{lease: lease}
			from := time.Duration(0) // when waiting began
			for running := time.Duration(0); running < 5*time.Minute; running += 5 * time.Second {
				clock := start.Add(running)
				if running >= 2*time.Minute {
					clock = clock.Add(jump)
				}
				if running == 2*time.Minute && jump.Abs() > lease/4 {
					from = running
				}
				if got, want := s.fair(clock, running), running-from >= lease; got != want {
					t.Errorf("after %s: %v, want %v", running, got, want)
				}
			}
		})
	}
}
