package domain

import (
	"slices"
	"testing"
	"time"
)

var allRunStates = []RunState{
	RunNone, RunQueued, RunReady, RunPreparing, RunPreparingApply, RunPreparingReplan, RunInitializing, RunPlanning, RunUnconfirmed,
	RunPendingReview, RunConfirmed, RunReplanRequested, RunApplying, RunPerforming, RunDestroying, RunFinished, RunFailed,
	RunStopped, RunCanceled, RunDiscarded, RunSkipped,
}

// TestTransitions walks every pair of states: only edges of the table can be
// taken, and each step is counted.
func TestTransitions(t *testing.T) {
	at := time.Unix(1, 0)
	for _, from := range allRunStates {
		edges := map[RunState]bool{}
		for _, to := range runTransitions[from] {
			edges[to] = true
		}
		for _, to := range allRunStates {
			r := Run{ID: "r", Type: typeFor(from, to), State: from, StateSerial: 3}
			err := r.Advance(to, at, "why")
			switch {
			case edges[to] && (err != nil || r.State != to || r.StateSerial != 4 || r.Note != "why" || !r.UpdatedAt.Equal(at)):
				t.Errorf("%s -> %s: %v, %+v", from, to, err, r)
			case !edges[to] && (ErrorCode(err) != CodeConflict || r.State != from || r.StateSerial != 3):
				t.Errorf("%s -> %s: %v, %+v", from, to, err, r)
			}
		}
	}
}

// typeFor is a type whose runs enter both states, where there is one.
func typeFor(states ...RunState) RunType {
	for _, t := range []RunType{RunTracked, RunProposed, RunTask, RunDestroy} {
		if !slices.ContainsFunc(states, func(s RunState) bool { return !t.enters(s) }) {
			return t
		}
	}
	return RunTracked
}

// TestTypesKeepToTheirStates: a proposed run never applies, a task never plans.
func TestTypesKeepToTheirStates(t *testing.T) {
	for _, c := range []struct {
		kind     RunType
		from, to RunState
		can      bool
	}{
		{RunTracked, RunPlanning, RunUnconfirmed, true},
		{RunProposed, RunPlanning, RunUnconfirmed, false},
		{RunProposed, RunPlanning, RunConfirmed, false},
		{RunProposed, RunPlanning, RunFinished, true},
		{RunProposed, RunConfirmed, RunApplying, false},
		{RunTask, RunInitializing, RunPerforming, true},
		{RunTask, RunInitializing, RunPlanning, false},
		{RunTracked, RunInitializing, RunPerforming, false},
		{RunDestroy, RunInitializing, RunDestroying, true},
		{RunTracked, RunInitializing, RunDestroying, false},
		{RunTask, RunPerforming, RunStopped, false},
	} {
		r := Run{Type: c.kind, State: c.from}
		if err := r.Advance(c.to, time.Unix(1, 0), ""); (err == nil) != c.can {
			t.Errorf("%s %s -> %s: %v", c.kind, c.from, c.to, err)
		}
	}
}

// TestStatesAreOneKind: terminal states have no way out and no token, every
// state that writes also speaks, and every one that speaks is active.
func TestStatesAreOneKind(t *testing.T) {
	for _, s := range allRunStates {
		if s.Terminal() && (len(runTransitions[s]) > 0 || s.Active()) {
			t.Errorf("%s is terminal and goes on", s)
		}
		if s.Writes() && !s.Speaks() || s.Speaks() && !s.Active() {
			t.Errorf("%s: writes %v, speaks %v, active %v", s, s.Writes(), s.Speaks(), s.Active())
		}
	}
	// Everything that can be entered ends somewhere.
	for s := range runTransitions {
		if !s.Terminal() && !reachesEnd(s, map[RunState]bool{}) {
			t.Errorf("%s leads nowhere", s)
		}
	}
}

func reachesEnd(s RunState, seen map[RunState]bool) bool {
	if s.Terminal() {
		return true
	}
	if seen[s] {
		return false
	}
	seen[s] = true
	for _, next := range runTransitions[s] {
		if reachesEnd(next, seen) {
			return true
		}
	}
	return false
}
