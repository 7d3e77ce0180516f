package states_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/states"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

type bench struct {
	*storetest.Kit
	*states.Service
}

func service(s *store.Store, k *storetest.Kit) *states.Service {
	kept := states.New(store.Bind[states.Tx](s), access.NewGate(), k.IDs)
	kept.Transfers = states.Transfers{BaseURL: "https://airlock.example.com/", New: identity.NewSecret, Hash: identity.HashSecret}
	return kept
}

// each runs a test on both databases with the access model's fixture.
func each(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	storetest.EachPlace(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		test(t, bench{k, service(k.Store, k)})
	})
}

// body is a state file.
func body(serial int, lineage, rest string) []byte {
	return fmt.Appendf(nil, `{"version":4,"serial":%d,"lineage":%q%s}`, serial, lineage, rest)
}

func wantCode(t *testing.T, err error, want domain.Code) {
	t.Helper()
	if err == nil || domain.ErrorCode(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func wantLocked(t *testing.T, err error, by string) {
	t.Helper()
	var locked *states.LockedError
	if !errors.As(err, &locked) || locked.Lock.ID != by {
		t.Errorf("got %v, want locked by %s", err, by)
	}
}

func (b bench) current(t *testing.T, id domain.StackID) (v domain.StateVersion) {
	t.Helper()
	b.View(t, func(tx *store.Tx) (err error) { v, err = tx.CurrentState(t.Context(), id); return err })
	return v
}

// but is a digest without where refused states are kept, and what is said of them.
func but(digest map[string]string) map[string]string {
	for _, table := range []string{"refused_states", "audit_log"} {
		delete(digest, table)
	}
	return digest
}

// TestVersions is security case 161: serial and lineage (I3).
func TestVersions(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		run := b.Run(t, "k", domain.RunApplying)
		ctx := b.AsStack(t, run)
		if got, err := b.Read(ctx, "k"); err != nil || got != nil {
			t.Fatalf("before the first: %q, %v", got, err)
		}
		if err := b.Lock(ctx, "k", "lock", `{"ID":"lock"}`); err != nil {
			t.Fatal(err)
		}
		write := func(serial int, lineage, rest string) error {
			return b.Write(ctx, "k", "lock", body(serial, lineage, rest))
		}
		if err := write(3, "l", `,"outputs":{"b":{"value":"hidden","sensitive":true},"a":{"value":{"x":[1]},"type":"object"}}`); err != nil {
			t.Fatal(err)
		}
		v := b.current(t, "k")
		if v.Serial != 3 || v.Lineage != "l" || v.RunID != run.ID || v.StackID != "k" || !v.CreatedAt.Equal(b.Clock.Now()) {
			t.Errorf("kept %+v", v)
		}
		b.View(t, func(tx *store.Tx) error {
			out, err := tx.Outputs(t.Context(), "k")
			want := []domain.Output{{Name: "a", Value: `{"x":[1]}`}, {Name: "b", Sensitive: true}}
			if diff := cmp.Diff(want, out); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
			return err
		})
		before := b.Digest(t)
		for name, bad := range map[string]error{
			"serial goes back": write(2, "l", ""), "same serial, other bytes": write(3, "l", `,"x":1`), "other lineage": write(4, "m", ""),
		} {
			if domain.ErrorCode(bad) != domain.CodeConflict {
				t.Errorf("%s: %v, want conflict", name, bad)
			}
		}
		for name, bad := range map[string]string{
			"empty": "", "truncated": `{"version":4,"serial":4,"lineage":"l"`, "version 3": `{"version":3,"serial":4,"lineage":"l"}`,
			"version 5": `{"version":5,"serial":4,"lineage":"l"}`, "no lineage": `{"version":4,"serial":4}`, "negative": `{"version":4,"serial":-1,"lineage":"l"}`,
			"NaN": `{"version":4,"serial":NaN,"lineage":"l"}`, "fraction": `{"version":4,"serial":4.5,"lineage":"l"}`, "list": `[]`, "gzip": "\x1f\x8b\x08",
			"deep":        `{"version":4,"serial":4,"lineage":"l","x":` + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + "}",
			"huge serial": `{"version":4,"serial":9223372036854775808,"lineage":"l"}`, "trailing": string(body(4, "l", "")) + "x",
			"NUL lineage": `{"version":4,"serial":4,"lineage":"a\u0000"}`, "long lineage": `{"version":4,"serial":4,"lineage":"` + strings.Repeat("x", 1<<20) + `"}`,
			"outputs are no object": `{"version":4,"serial":4,"lineage":"l","outputs":[1]}`,
		} {
			err := b.Write(ctx, "k", "lock", []byte(bad))
			if domain.ErrorCode(err) != domain.CodeInvalid {
				t.Errorf("%s: %v, want invalid", name, err)
			}
		}
		if err := write(3, "l", `,"outputs":{"b":{"value":"hidden","sensitive":true},"a":{"value":{"x":[1]},"type":"object"}}`); err != nil {
			t.Errorf("the same state again: %v", err)
		}
		if diff := cmp.Diff(but(before), but(b.Digest(t))); diff != "" {
			t.Errorf("a refused or repeated state changed something:\n%s", diff)
		}
		if err := write(10, "l", ""); err != nil {
			t.Errorf("a serial may skip: %v", err)
		}
		if got, err := b.Read(ctx, "k"); err != nil || string(got) != string(body(10, "l", "")) {
			t.Errorf("read %q, %v", got, err)
		}
		if strings.Contains(b.Digest(t)["stack_outputs"], "hidden") {
			t.Error("a sensitive output is kept")
		}
	})
}

// TestLocks is security case 162.
func TestLocks(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		run := b.Run(t, "k", domain.RunApplying)
		ctx, state := b.AsStack(t, run), body(1, "l", "")
		wantCode(t, b.Write(ctx, "k", "lock", state), domain.CodeForbidden)
		if err := b.Unlock(ctx, "k", "lock"); err != nil { // a repeated request, too
			t.Error(err)
		}
		for range 2 { // a repeated request
			if err := b.Lock(ctx, "k", "lock", "info"); err != nil {
				t.Fatal(err)
			}
		}
		wantLocked(t, b.Lock(ctx, "k", "other", "info"), "lock")
		wantLocked(t, b.Write(ctx, "k", "other", state), "lock")
		wantLocked(t, b.Write(ctx, "k", "", state), "lock")
		wantLocked(t, b.Unlock(ctx, "k", "other"), "lock")
		if err := b.Exec(t, `update state_locks set run_id = 'another run'`); err != nil {
			t.Fatal(err)
		}
		wantLocked(t, b.Lock(ctx, "k", "lock", "info"), "lock")
		wantLocked(t, b.Write(ctx, "k", "lock", state), "lock")
		wantLocked(t, b.Unlock(ctx, "k", "lock"), "lock")
		if err := b.Exec(t, `update state_locks set run_id = $1`, string(run.ID)); err != nil {
			t.Fatal(err)
		}
		if err := b.Unlock(ctx, "k", "lock"); err != nil {
			t.Error(err)
		}
		if err := b.Lock(ctx, "k", "other", "info"); err != nil {
			t.Error(err)
		}
	})
}

// TestCase162ReadersLockNobodyOut: a run that only reads may ask for the lock, as
// OpenTofu does on its behalf, and keeps nobody from writing by that: its code may
// be anybody's who can push a branch.
func TestCase162ReadersLockNobodyOut(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		proposed := b.AsStack(t, b.Run(t, "k", domain.RunPlanning))
		if err := b.Exec(t, `update runs set type = 'PROPOSED', blocking = (1 = 0)`); err != nil {
			t.Fatal(err)
		}
		applying := b.AsStack(t, b.Run(t, "k", domain.RunApplying))
		for range 2 {
			if err := b.Lock(proposed, "k", "theirs", "info"); err != nil {
				t.Fatal(err)
			}
		}
		wantCode(t, b.Write(proposed, "k", "theirs", body(1, "l", "")), domain.CodeForbidden)
		if err := b.Lock(applying, "k", "mine", "info"); err != nil {
			t.Fatalf("an apply while another run plans: %v", err)
		}
		wantLocked(t, b.Lock(proposed, "k", "theirs", "info"), "mine")
		if err := b.Unlock(proposed, "k", "theirs"); err != nil {
			t.Error(err)
		}
		if err := b.Unlock(proposed, "k", "mine"); err != nil { // it says so, and does nothing
			t.Error(err)
		}
		if err := b.Write(applying, "k", "mine", body(1, "l", "")); err != nil {
			t.Error(err)
		}
	})
}

// TestA131WhoReachesTheState: the active run of the stack itself.
func TestA131WhoReachesTheState(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		run := b.Run(t, "k", domain.RunApplying)
		if err := b.Lock(b.AsStack(t, run), "k", "lock", "info"); err != nil {
			t.Fatal(err)
		}
		other := b.AsStack(t, b.Run(t, "k2", domain.RunApplying))
		before := b.Digest(t)
		all := func(name string, want domain.Code, asks ...error) {
			t.Helper()
			for i, err := range asks {
				if domain.ErrorCode(err) != want {
					t.Errorf("%s, ask %d: %v, want %q", name, i, err, want)
				}
			}
		}
		for _, who := range []string{"root-admin", "ann", "will"} {
			ctx := b.As(t, who)
			_, read := b.Read(ctx, "k")
			all(who, domain.CodeForbidden, read, b.Write(ctx, "k", "lock", body(1, "l", "")), b.Lock(ctx, "k", "x", ""), b.Unlock(ctx, "k", "lock"))
		}
		none := t.Context()
		_, read := b.Read(none, "k")
		all("nobody", domain.CodeUnauthenticated, read, b.Write(none, "k", "lock", body(1, "l", "")), b.Lock(none, "k", "x", ""), b.Unlock(none, "k", "lock"))
		for _, id := range []domain.StackID{"k", "missing"} { // they look alike
			_, read := b.Read(other, id)
			all("another stack", domain.CodeForbidden, read, b.Write(other, id, "lock", body(1, "l", "")), b.Lock(other, id, "x", ""), b.Unlock(other, id, "lock"))
		}
		planning := run
		planning.State = domain.RunPlanning
		all("a plan", domain.CodeForbidden, b.Write(b.AsStack(t, planning), "k", "lock", body(1, "l", "")))
		stale := run
		stale.Epoch--
		ctx := b.AsStack(t, stale)
		all("another lease", domain.CodeConflict, b.Write(ctx, "k", "lock", body(1, "l", "")), b.Lock(ctx, "k", "x", ""), b.Unlock(ctx, "k", "lock"))
		if diff := cmp.Diff(before, b.Digest(t)); diff != "" {
			t.Errorf("a refusal changed something:\n%s", diff)
		}
		if err := b.Exec(t, `update runs set state = 'FINISHED' where id = $1`, string(run.ID)); err != nil {
			t.Fatal(err)
		}
		ctx = b.AsStack(t, run)
		err := b.Write(ctx, "k", "lock", body(1, "l", ""))
		all("an ended run", domain.CodeConflict, err, b.Lock(ctx, "k", "x", ""), b.Unlock(ctx, "k", "lock"))
		if !strings.HasPrefix(err.Error(), "stale_attempt") { // security case 151
			t.Errorf("an ended run: %v", err)
		}
	})
}

// TestWritersRace is security case 163: the history stays linear.
func TestWritersRace(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		const writers, serials = 4, 15
		ctx := b.AsStack(t, b.Run(t, "k", domain.RunApplying))
		if err := b.Lock(ctx, "k", "lock", "info"); err != nil {
			t.Fatal(err)
		}
		other := service(b.Open(t), b.Kit)
		var mu sync.Mutex
		accepted := map[int]int{}
		var all sync.WaitGroup
		for w := range writers {
			s := b.Service
			if w%2 == 1 {
				s = other
			}
			all.Go(func() {
				for serial := 1; serial <= serials; serial++ {
					err := s.Write(ctx, "k", "lock", body(serial, "l", fmt.Sprintf(`,"writer":%d`, w)))
					switch {
					case err == nil:
						mu.Lock()
						accepted[serial]++
						mu.Unlock()
					case domain.ErrorCode(err) != domain.CodeConflict:
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		for serial, n := range accepted {
			if n != 1 {
				t.Errorf("serial %d was accepted %d times", serial, n)
			}
		}
		if v := b.current(t, "k"); v.Serial != serials || accepted[serials] != 1 {
			t.Errorf("current is %d, accepted %v", v.Serial, accepted)
		}
	})
}

// TestA131Others: a run that reaches for another stack's state is refused, be
// it only to read, and each attempt is recorded.
func TestA131Recorded(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		ctx := b.AsStack(t, b.Run(t, "k", domain.RunApplying))
		for name, attempt := range map[string]func() error{
			"read":   func() error { _, err := b.Read(ctx, "k2"); return err },
			"write":  func() error { return b.Write(ctx, "k2", "lock", body(1, "l", "")) },
			"lock":   func() error { return b.Lock(ctx, "k2", "lock", "{}") },
			"unlock": func() error { return b.Unlock(ctx, "k2", "lock") },
		} {
			if row := b.Denied(t, domain.CodeForbidden, attempt); row.Event != "state.access" || row.ObjectID != "k2" {
				t.Errorf("%s left the row %+v", name, row)
			}
		}
	})
}
