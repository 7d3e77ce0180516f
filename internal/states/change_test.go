package states_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/states"
	"github.com/airlock-project/airlock/internal/store"
)

// lockBy locks a stack for an actor of the kit; an empty name unlocks it.
func (b bench) lockBy(t *testing.T, id domain.StackID, who string) {
	t.Helper()
	b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		st, err := tx.LockStack(ctx, id)
		if err != nil {
			return err
		}
		st.Lock = nil
		if who != "" {
			st.Lock = &domain.StackLock{ID: "lock", Owner: b.Actor(who), By: who, At: tx.Now()}
		}
		return tx.SetStackLife(ctx, p.For(access.KindStack), id, st.StackLife)
	})
}

// TestA66LockedAndQuiet: import and rollback take stack admin, a lock of one's
// own, and no open run (security case 167).
func TestA66LockedAndQuiet(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		old := b.keep(t, "k", body(1, "l", ""))
		b.keep(t, "k", body(2, "l", ""))
		try := func(who string) [2]error {
			ctx := b.As(t, who)
			_, imported := b.Import(ctx, states.ImportInput{Stack: "k", State: string(body(9, "l", ""))})
			_, rolled := b.Rollback(ctx, "k", old.ID)
			return [2]error{imported, rolled}
		}
		want := func(when, who string, code domain.Code) {
			t.Helper()
			before := b.Digest(t)
			for i, err := range try(who) {
				if domain.ErrorCode(err) != code {
					t.Errorf("%s, %s, %d: %v, want %s", when, who, i, err, code)
				}
			}
			after := b.Digest(t)
			if diff := cmp.Diff(before["state_versions"], after["state_versions"]); diff != "" {
				t.Errorf("%s: something was kept", when)
			}
		}
		want("unlocked", "ann", domain.CodeConflict)
		b.lockBy(t, "k", "root-admin")
		want("locked by another", "ann", domain.CodeConflict)
		b.lockBy(t, "k", "ann")
		want("no admin", "rita", domain.CodeNotFound)
		b.AddKey(t, "writer")
		b.Bind(t, "writer", "space-writer", "apps")
		want("no admin", "writer", domain.CodeForbidden)
		want("nobody", "", domain.CodeUnauthenticated)
		for _, kind := range []domain.RunState{domain.RunQueued, domain.RunReady, domain.RunUnconfirmed, domain.RunPlanning} {
			run := b.Run(t, "k", kind)
			want("a run is "+string(kind), "ann", domain.CodeConflict)
			if err := b.Exec(t, `update runs set state = 'FAILED' where id = $1`, string(run.ID)); err != nil {
				t.Fatal(err)
			}
		}
		for i, err := range try("ann") {
			if err != nil {
				t.Errorf("ann, %d: %v", i, err)
			}
		}
	})
}

// TestRollback brings the content back, and the serial goes on.
func TestRollback(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		old := b.keep(t, "k", body(3, "l", `,"outputs":{"a":{"value":1,"type":"number"}},"resources":[]`))
		b.keep(t, "k", body(8, "l", ""))
		other := b.keep(t, "k2", body(1, "m", ""))
		b.lockBy(t, "k", "ann")
		ctx := b.As(t, "ann")
		v, err := b.Rollback(ctx, "k", old.ID)
		if err != nil {
			t.Fatal(err)
		}
		current := b.current(t, "k")
		if diff := cmp.Diff(v, current); diff != "" || v.Serial != 9 || v.Lineage != "l" || v.Restores != old.ID || v.Origin != domain.StateRolledBack {
			t.Errorf("%+v %s", v, diff)
		}
		b.View(t, func(tx *store.Tx) error {
			content, err := tx.StateBody(t.Context(), current)
			want := string(body(9, "l", `,"outputs":{"a":{"value":1,"type":"number"}},"resources":[]`))
			if string(content) != want || domain.Checksum(content) != current.Checksum {
				t.Errorf("kept %s, want %s", content, want)
			}
			outputs, _ := tx.Outputs(t.Context(), "k")
			if len(outputs) != 1 {
				t.Errorf("outputs %+v", outputs)
			}
			return err
		})
		for name, id := range map[string]domain.StateVersionID{"unknown": "unknown", "another stack's": other.ID} {
			if _, err := b.Rollback(ctx, "k", id); domain.ErrorCode(err) != domain.CodeNotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err = b.Rollback(ctx, "k", current.ID)
		wantCode(t, err, domain.CodeConflict)
		if yes, err := b.IsRollback(ctx, "k"); err != nil || !yes {
			t.Errorf("shown as a rollback: %v, %v", yes, err)
		}
		run := b.Run(t, "k", domain.RunApplying) // the next run goes on from there
		as := b.AsStack(t, run)
		if err := b.Lock(as, "k", "lock", "info"); err != nil {
			t.Fatal(err)
		}
		if err := b.Write(as, "k", "lock", body(10, "l", "")); err != nil {
			t.Error(err)
		}
	})
}

// TestCase161Import: what does not follow is refused unless it is forced, and
// then gets a serial that does.
func TestCase161Import(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.lockBy(t, "k", "ann")
		ctx := b.As(t, "ann")
		bring := func(state []byte, force bool) error {
			_, err := b.Import(ctx, states.ImportInput{Stack: "k", State: string(state), Force: force})
			return err
		}
		if err := bring(body(5, "l", ""), false); err != nil {
			t.Fatalf("the first: %v", err)
		}
		for name, bad := range map[string][]byte{
			"goes back": body(4, "l", ""), "same serial, other bytes": body(5, "l", `,"x":1`), "the same": body(5, "l", ""), "other lineage": body(6, "m", ""),
		} {
			if err := bring(bad, false); domain.ErrorCode(err) != domain.CodeConflict {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, bad := range map[string]string{
			"version 3": `{"version":3,"serial":9,"lineage":"l"}`, "no lineage": `{"version":4,"serial":9}`, "no serial": `{"version":4,"lineage":"l"}`,
			"truncated": `{"version":4,"serial":9`, "twice": `{"version":4,"serial":9,"lineage":"l","serial":10}`, "twice below": `{"version":4,"serial":9,"lineage":"l","a":[{"b":1,"\u0062":2}]}`,
			"by capitals": `{"version":4,"serial":9,"lineage":"l","Serial":10}`, "unknown upload": "01J00000000000000000000000", "empty": "",
		} {
			if err := bring([]byte(bad), true); domain.ErrorCode(err) != domain.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		if v := b.current(t, "k"); v.Serial != 5 {
			t.Errorf("current is %+v", v)
		}
		if err := bring(body(2, "l", ""), true); err != nil || b.current(t, "k").Serial != 6 {
			t.Errorf("an older one by force: %v, %+v", err, b.current(t, "k"))
		}
		if err := bring(body(1, "m", ""), true); err != nil || b.current(t, "k").Serial != 7 || b.current(t, "k").Lineage != "m" {
			t.Errorf("another lineage by force: %v, %+v", err, b.current(t, "k"))
		}
		all := b.Audit(t)
		last := all[len(all)-1]
		if last.Event != "state.import" || !strings.Contains(last.Reason, "instead of lineage l") {
			t.Errorf("recorded %+v", last)
		}
	})
}

// TestCase166StatePoisoning: an import takes the roles that the stack holds,
// and a new provider is executed only after somebody has named it.
func TestCase166StatePoisoning(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.lockBy(t, "k", "ann")
		ctx := b.As(t, "ann")
		with := func(serial int, provider string) string {
			return string(body(serial, "l", fmt.Sprintf(`,"resources":[{"provider":"module.m.provider[\"%s\"].alias"}]`, provider)))
		}
		evil := "registry.evil/x/y"
		bring := func(state string, confirmed ...string) error {
			_, err := b.Import(ctx, states.ImportInput{Stack: "k", State: state, Providers: confirmed})
			return err
		}
		if err := bring(with(1, "registry.opentofu.org/hashicorp/null")); err != nil {
			t.Errorf("a provider that everybody knows: %v", err)
		}
		for _, confirmed := range [][]string{nil, {"registry.evil/x/z"}} {
			err := bring(with(2, evil), confirmed...)
			if domain.ErrorCode(err) != domain.CodeInvalid || !strings.Contains(err.Error(), evil) {
				t.Errorf("confirmed %v: %v", confirmed, err)
			}
		}
		if err := bring(with(2, evil), evil); err != nil {
			t.Fatal(err)
		}
		all := b.Audit(t)
		if row := all[len(all)-1]; !strings.Contains(row.Reason, "with the new providers "+evil) {
			t.Errorf("recorded %+v", row)
		}
		if err := bring(with(3, evil)); err != nil {
			t.Errorf("a provider of the stack's own: %v", err)
		}
		b.SetActAs(t, domain.ActAsEnforce)
		b.BindActor(t, stack("k"), "space-admin", "platform")
		err := bring(with(4, evil))
		if domain.ErrorCode(err) != domain.CodeForbidden || !strings.Contains(err.Error(), "space-admin") {
			t.Errorf("without the stack's roles: %v", err)
		}
		b.Role(t, "acts", authz.ActionSpaceRead, authz.ActionStackActAs)
		b.Bind(t, "ann", "acts", "platform")
		if err := bring(with(4, evil)); err != nil {
			t.Errorf("who may act as the stack: %v", err)
		}
	})
}
