package statebackend_test

import (
	"net/http"
	"testing"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/statebackend"
)

// TestCase162WhoMayNotWrite: a write without the lock, with another's, after the
// end of the run, from a run that only plans, and from another stack.
func TestCase162WhoMayNotWrite(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		own, other := statebackend.Path("k"), statebackend.Path("k2")
		b.ask(t, http.StatusForbidden, "POST", own, "apply", state(1))
		b.ask(t, http.StatusForbidden, "POST", own+"?ID=mine", "apply", state(1))
		b.ask(t, http.StatusOK, "LOCK", own, "apply", `{"ID":"mine"}`)
		b.ask(t, http.StatusLocked, "POST", own+"?ID=theirs", "apply", state(1))
		b.ask(t, http.StatusOK, "LOCK", other, "plan", `{"ID":"plan"}`)
		b.ask(t, http.StatusForbidden, "POST", other+"?ID=plan", "plan", state(1))
		b.ask(t, http.StatusForbidden, "POST", own+"?ID=mine", "plan", state(1))
		b.ask(t, http.StatusForbidden, "POST", other+"?ID=plan", "apply", state(1))
		if err := b.Exec(t, `update runs set type = 'PROPOSED' where stack_id = 'k2'`); err != nil {
			t.Fatal(err)
		}
		b.ask(t, http.StatusForbidden, "POST", other+"?ID=plan", "plan", state(1))
		if n := len(b.Rows(t, `select id from state_versions`)); n != 0 {
			t.Fatalf("%d versions were written", n)
		}

		b.ask(t, http.StatusOK, "POST", own+"?ID=mine", "apply", state(1))
		for _, end := range []domain.RunState{domain.RunFinished, domain.RunFailed, domain.RunStopped} {
			if err := b.Exec(t, `update runs set state = $1 where stack_id = 'k'`, string(end)); err != nil {
				t.Fatal(err)
			}
			b.ask(t, http.StatusConflict, "POST", own+"?ID=mine", "apply", state(2)) // stale_attempt, as security case 151 says
		}
		if n := len(b.Rows(t, `select id from state_versions`)); n != 1 {
			t.Errorf("%d versions, want the one of the apply", n)
		}
	})
}
