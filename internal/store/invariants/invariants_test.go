package invariants_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/invariants"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// scene is a database in which a run was planned, waited, and applied, and one
// that waits for its plan.
func scene(t *testing.T, k *storetest.Kit) {
	t.Helper()
	k.Stack(t, "s", "legacy", nil)
	k.Stack(t, "other", "legacy", nil)
	path := []domain.RunState{
		domain.RunReady, domain.RunPreparing, domain.RunInitializing, domain.RunPlanning, domain.RunUnconfirmed, domain.RunConfirmed,
		domain.RunPreparingApply, domain.RunApplying, domain.RunFinished,
	}
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		r := domain.Run{ID: "01A", StackID: "s", Type: domain.RunTracked, State: domain.RunQueued, StateSerial: 1, TriggeredBy: "test", CreatedAt: tx.Now(), UpdatedAt: tx.Now()}
		if err := tx.InsertRun(ctx, p.For(access.KindRun), r); err != nil {
			return err
		}
		for _, to := range path {
			from := r.State
			if err := r.Advance(to, tx.Now(), ""); err != nil {
				return err
			}
			switch {
			case to == domain.RunPreparing || to == domain.RunPreparingApply:
				r.Epoch, r.Worker, r.LeaseUntil = r.Epoch+1, "w", tx.Now()
			case to.Waits() || to.Terminal():
				r.Worker, r.LeaseUntil = "", domain.Run{}.LeaseUntil
			}
			if err := tx.AdvanceRun(ctx, p.For(access.KindRun), r, from, ""); err != nil {
				return err
			}
			for seq := range 2 {
				if to != domain.RunPlanning && to != domain.RunApplying {
					continue
				}
				c := domain.LogChunk{RunID: r.ID, Epoch: r.Epoch, Seq: seq, State: to, StateSerial: r.StateSerial, Body: "x\n"}
				if err := tx.AppendLog(ctx, p.For(access.KindRun), []domain.LogChunk{c}); err != nil {
					return err
				}
			}
		}
		for serial, id := range []domain.StateVersionID{"01J00000000000000000000001", "01J00000010000000000000002"} {
			body := []byte(id)
			sum := sha256.Sum256(body)
			v := domain.StateVersion{ID: id, StackID: "s", RunID: r.ID, Serial: int64(serial), Lineage: "l", Size: len(body), Checksum: hex.EncodeToString(sum[:]), CreatedAt: tx.Now()}
			if err := tx.InsertState(ctx, p.For(access.KindState), v, body); err != nil {
				return err
			}
		}
		next := domain.Run{ID: "01B", StackID: "s", Type: domain.RunTracked, State: domain.RunQueued, StateSerial: 1, TriggeredBy: "test", CreatedAt: tx.Now(), UpdatedAt: tx.Now()}
		return tx.InsertRun(ctx, p.For(access.KindRun), next)
	})
}

// TestEveryViolationIsFound damages a sound database in one way at a time,
// which its constraints do not prevent.
func TestEveryViolationIsFound(t *testing.T) {
	damages := map[string]struct{ sql, want string }{
		"nothing":                 {"", ""},
		"no audit row":            {`delete from audit_log where position = (select max(position) from audit_log)`, "I9: "},
		"a step left out":         {`delete from run_transitions where run_id = '01A' and serial = 4`, "I4: "},
		"another end":             {`update runs set state = 'FAILED' where id = '01A'`, "I4: run 01A is FAILED after 10"},
		"an edge that is none":    {`update run_transitions set previous = 'CONFIRMED', state = 'FAILED' where run_id = '01A' and serial = 10`, "I4: "},
		"on after the end":        {`insert into run_transitions values ('01A', 11, 'FINISHED', 'QUEUED', 1, '', '')`, ""},
		"a second writer":         {`update runs set state = 'PREPARING', stack_id = 's', worker = 'w', lease_until = 1, epoch = 1 where id in ('01A', '01B')`, ""},
		"a lease after the end":   {`update runs set lease_until = 1, worker = 'w' where id = '01A'`, "I5: run 01A"},
		"nobody at work":          {`update runs set state = 'PLANNING' where id = '01B'`, "I5: run 01B"},
		"a log of an old lease":   {`update run_logs set serial = 9 where epoch = 1 and seq = 1`, "I5: piece 1"},
		"a log of no lease":       {`update run_logs set epoch = 3 where epoch = 2`, "I5: piece 0"},
		"a piece of log missing":  {`delete from run_logs where epoch = 2 and seq = 0`, "I5: the log of run 01A, lease 2, has piece 1 after 0"},
		"another lineage":         {`update state_versions set lineage = 'm' where serial = 1`, "I3: run 01A changed the lineage"},
		"another body":            {`update state_versions set checksum = 'x' where serial = 1`, "I3: the body"},
		"a serial that goes back": {`update state_versions set serial = 7 where serial = 0`, "I3: state 01J00000000000000000000001"},
		"a state of nobody":       {`update state_versions set run_id = '01B' where serial = 1`, "I3: state 01J00000010000000000000002"},
	}
	// What a constraint of the database refuses, too.
	prevented := []string{"on after the end", "a second writer"}
	for name, d := range damages {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
				scene(t, k)
				if d.sql != "" {
					err := k.Exec(t, d.sql)
					if refused := err != nil; refused != slices.Contains(prevented, name) {
						t.Fatalf("the database answered %v", err)
					}
				}
				found, err := invariants.Check(t.Context(), k.URL, invariants.Options{StateBody: storetest.BodyOf(k.Store)})
				if err != nil {
					t.Fatal(err)
				}
				expected := func(f string) bool { return d.want != "" && strings.HasPrefix(f, d.want) }
				if d.want == "" && len(found) > 0 || d.want != "" && !slices.ContainsFunc(found, expected) {
					t.Errorf("found %q, want %q", found, d.want)
				}
			})
		})
	}
}

// TestLedger is I1: each acknowledged change has one audit row, and there are
// no others but those that the client is in doubt about.
func TestLedger(t *testing.T) {
	for name, c := range map[string]struct {
		acknowledged map[string]string
		doubt        int
		want         string
	}{
		"sound":              {map[string]string{"a": "m", "b": "m"}, 0, ""},
		"a row too few":      {map[string]string{"a": "m", "b": "m", "c": "m"}, 0, "I1: m of request c was acknowledged and has 0 audit rows"},
		"a row too many":     {map[string]string{"a": "m"}, 0, "I1: 1 audit rows of m by "},
		"in doubt":           {map[string]string{"a": "m"}, 1, ""},
		"another's mutation": {map[string]string{"a": "m", "b": "n"}, 0, "I1: request b was a n"},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
				for _, request := range []string{"a", "b"} {
					ctx := access.WithCall(k.As(t, "root-admin"), access.Call{RequestID: request, Mutation: "m"})
					err := k.Store.ChangeAccess(ctx, func(tx *store.Tx) error {
						p, err := k.Gate.Account(ctx, tx, access.Op{Event: "test", Object: access.Object{Kind: access.KindSpace, Noun: "space"}})
						if err != nil {
							return err
						}
						id := domain.SpaceID("space-" + request)
						return tx.InsertSpace(ctx, p.For(access.KindSpace), domain.Space{ID: id, Parent: "root", Name: string(id), CreatedAt: tx.Now()})
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				found, err := invariants.Check(t.Context(), k.URL, invariants.Options{Ledger: &invariants.Ledger{
					Actor: k.KeyID("root-admin").AuditName(), Acknowledged: c.acknowledged, InDoubt: map[string]int{"m": c.doubt},
				}})
				if err != nil {
					t.Fatal(err)
				}
				expected := func(f string) bool { return c.want != "" && strings.HasPrefix(f, c.want) }
				if c.want == "" && len(found) > 0 || c.want != "" && !slices.ContainsFunc(found, expected) {
					t.Errorf("found %q, want %q", found, c.want)
				}
			})
		})
	}
}
