package states_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/states"
	"github.com/airlock-project/airlock/internal/store"
)

// refusedOf lists what is kept of a stack's refused states.
func (b bench) refusedOf(t *testing.T, id domain.StackID) []domain.RefusedState {
	t.Helper()
	list, err := b.Refused(b.As(t, "root-admin"), id)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// writer is a run of k that applies and holds the lock of its state.
func (b bench) writer(t *testing.T) context.Context {
	t.Helper()
	ctx := b.AsStack(t, b.Run(t, "k", domain.RunApplying))
	if err := b.Lock(ctx, "k", "lock", "{}"); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// TestCase164Quarantine: what a run could not store is kept once, with what was
// wrong, and can be downloaded and imported; the current version stays.
func TestCase164Quarantine(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		ctx := b.writer(t)
		first := body(5, "l", "")
		if err := b.Write(ctx, "k", "lock", first); err != nil {
			t.Fatal(err)
		}
		sent := [][]byte{body(4, "l", `,"x":"a-canary"`), body(6, "m", ""), []byte(`{"version":4,"ser`), []byte("\x1f\x8b\x08")}
		reasons := []string{"the state has serial 4, the current one has 5 already", "the state has lineage m, the current one has l", "the state is not valid JSON", "the state is not valid JSON"}
		for i, state := range sent {
			for range 2 { // OpenTofu may send it again
				err := b.Write(ctx, "k", "lock", state)
				if err == nil || !strings.Contains(err.Error(), "is kept as refused state "+string(b.refusedOf(t, "k")[0].ID)+" of stack k") {
					t.Errorf("%s: %v", reasons[i], err)
				}
			}
		}
		flaw := domain.Invalid("state", "does not have its checksum")
		wantCode(t, b.Flawed(ctx, "k", "lock", body(6, "l", ""), flaw), domain.CodeInvalid)
		sent, reasons = append(sent, body(6, "l", "")), append(reasons, "the state does not have its checksum")
		list := b.refusedOf(t, "k")
		if len(list) != len(sent) {
			t.Fatalf("%d are kept, want %d", len(list), len(sent))
		}
		for i, r := range list {
			of := len(sent) - 1 - i // newest first
			if r.Reason != reasons[of] || r.Checksum != domain.Checksum(sent[of]) || r.Size != len(sent[of]) || r.SentBy != access.Name(ctx) || (r.Head != nil) != (of < 2) || !r.CreatedAt.Equal(b.Clock.Now()) {
				t.Errorf("kept %+v of %s", r, sent[of])
			}
			url, err := b.RefusedDownloadURL(b.As(t, "ann"), "k", r.ID)
			if err != nil {
				t.Fatal(err)
			}
			if p, err := b.Download(t.Context(), secretOf(t, url)); err != nil || !bytes.Equal(p.Body, sent[of]) {
				t.Errorf("downloaded %s, %v, want %s", p.Body, err, sent[of])
			}
			_, err = b.Download(t.Context(), secretOf(t, url))
			wantCode(t, err, domain.CodeUnauthenticated)
		}
		if got, err := b.Read(ctx, "k"); err != nil || !bytes.Equal(got, first) {
			t.Errorf("the current state is %s, %v", got, err)
		}
		for table, content := range b.Digest(t) {
			if strings.Contains(content, "a-canary") {
				t.Errorf("table %s has a refused state in the clear", table)
			}
		}
	})
}

// TestCase164Import: what was refused becomes the current state if somebody with
// the right to import wants it, and by force where it does not follow.
func TestCase164Import(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		ctx := b.writer(t)
		for _, state := range [][]byte{body(5, "l", ""), body(4, "l", `,"outputs":{"a":{"value":1}}`), []byte("{")} {
			if err := b.Write(ctx, "k", "lock", state); domain.ErrorCode(err) == "" && err != nil {
				t.Fatal(err)
			}
		}
		list := b.refusedOf(t, "k")
		broken, good := list[0].ID, list[1].ID
		if err := b.Exec(t, `update runs set state = 'FAILED' where stack_id = 'k'`); err != nil {
			t.Fatal(err)
		}
		b.lockBy(t, "k", "ann")
		bring := func(id domain.RefusedStateID, force bool) (domain.StateVersion, error) {
			return b.Import(b.As(t, "ann"), states.ImportInput{Stack: "k", State: string(id), Force: force})
		}
		_, err := bring(good, false)
		wantCode(t, err, domain.CodeConflict)
		_, err = bring(broken, true)
		wantCode(t, err, domain.CodeInvalid)
		v, err := bring(good, true)
		if err != nil || v.Serial != 6 || b.current(t, "k").ID != v.ID {
			t.Fatalf("imported %+v, %v", v, err)
		}
		if got := b.refusedOf(t, "k"); got[1].ImportedAs != v.ID || got[0].ImportedAs != "" {
			t.Errorf("kept %+v", got)
		}
		all := b.Audit(t)
		if row := all[len(all)-1]; row.Event != "state.import" || !strings.Contains(row.Reason, "from refused state "+string(good)) {
			t.Errorf("recorded %+v", row)
		}
		b.lockBy(t, "k2", "ann")
		_, err = b.Import(b.As(t, "ann"), states.ImportInput{Stack: "k2", State: string(good)})
		wantCode(t, err, domain.CodeInvalid) // it is another stack's
		_, err = b.RefusedDownloadURL(b.As(t, "ann"), "k2", good)
		wantCode(t, err, domain.CodeNotFound)
	})
}

// TestCase164WhoMayRead: it takes both actions, also when the URL is used, and
// a stranger learns nothing.
func TestCase164WhoMayRead(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		wantCode(t, b.Write(b.writer(t), "k", "lock", []byte("{")), domain.CodeInvalid)
		id := b.refusedOf(t, "k")[0].ID
		b.AddKey(t, "half")
		b.Role(t, "reads", authz.ActionSpaceRead, authz.ActionStackStateDownload)
		b.Role(t, "imports", authz.ActionStackManagedStateImport)
		_, err := b.RefusedDownloadURL(b.As(t, "half"), "k", id)
		wantCode(t, err, domain.CodeNotFound)
		_, err = b.Refused(b.As(t, "half"), "k")
		wantCode(t, err, domain.CodeNotFound)
		b.Bind(t, "half", "reads", "apps")
		_, err = b.RefusedDownloadURL(b.As(t, "half"), "k", id)
		wantCode(t, err, domain.CodeForbidden)
		bound := b.Bind(t, "half", "imports", "apps")
		url, err := b.RefusedDownloadURL(b.As(t, "half"), "k", id)
		if err != nil {
			t.Fatal(err)
		}
		b.Unbind(t, bound)
		_, err = b.Download(t.Context(), secretOf(t, url))
		wantCode(t, err, domain.CodeForbidden)
	})
}

// TestCase164NotKept: nobody fills the disk with what he may not store, and one
// run only pushes out what is its own.
func TestCase164NotKept(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		bad := []byte("{")
		apply := b.AsStack(t, b.Run(t, "k", domain.RunApplying))
		wantCode(t, b.Write(apply, "k", "lock", bad), domain.CodeForbidden) // it is not locked
		wantCode(t, b.Write(apply, "k2", "lock", bad), domain.CodeForbidden)
		plan := b.AsStack(t, b.Run(t, "k2", domain.RunPlanning))
		if err := b.Lock(plan, "k2", "lock", "{}"); err != nil {
			t.Fatal(err)
		}
		wantCode(t, b.Write(plan, "k2", "lock", bad), domain.CodeForbidden)
		if got := append(b.refusedOf(t, "k"), b.refusedOf(t, "k2")...); len(got) != 0 {
			t.Fatalf("kept %+v", got)
		}
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertRefusedState(ctx, p.For(access.KindState), domain.RefusedState{ID: "00", StackID: "k", RunID: "older", Checksum: "x"}, domain.Stored{Sealed: []byte("x")})
		})
		if err := b.Lock(apply, "k", "lock", "{}"); err != nil {
			t.Fatal(err)
		}
		for i := range domain.MaxRefusedStates + 3 {
			wantCode(t, b.Write(apply, "k", "lock", fmt.Appendf(nil, "{%d", i)), domain.CodeInvalid)
		}
		list := b.refusedOf(t, "k")
		if len(list) != domain.MaxRefusedStates+1 || list[0].Checksum != domain.Checksum([]byte("{12")) || list[len(list)-1].RunID != "older" || list[9].Checksum != domain.Checksum([]byte("{3")) {
			t.Errorf("kept %+v", list)
		}
	})
}

// TestCase151Quarantine: what a worker hands over too late is kept, too, where
// the worker proves that it had the lease.
func TestCase151Quarantine(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		_, attempt := b.interrupted(t)
		b.Clock.Advance(time.Second)
		b.keep(t, "k", body(8, "l", "")) // written after the run
		late := body(9, "l", "")
		for range 2 {
			wantCode(t, b.Recover(t.Context(), attempt, late), domain.CodeConflict)
		}
		wantCode(t, b.Recover(t.Context(), attempt, []byte("{")), domain.CodeInvalid)
		list := b.refusedOf(t, "k")
		if len(list) != 2 || list[1].Checksum != domain.Checksum(late) || list[1].SentBy != "worker-pool::default" || list[1].RunID != attempt.Run || !strings.Contains(list[1].Reason, "was written after run") {
			t.Fatalf("kept %+v", list)
		}
		for _, stranger := range []states.Attempt{
			{Key: attempt.Key, Run: attempt.Run, Epoch: 2}, {Key: domain.PoolKey{Pool: b.Pool(t, "p", "apps").ID}, Run: attempt.Run, Epoch: 1},
			{Key: attempt.Key, Run: b.Run(t, "k", domain.RunFailed).ID},
		} {
			if err := b.Recover(t.Context(), stranger, []byte("{{")); err == nil {
				t.Errorf("%+v was taken", stranger)
			}
		}
		if err := b.Exec(t, `update runs set lease_hash = 'x' where id = $1`, string(attempt.Run)); err != nil {
			t.Fatal(err)
		}
		wantCode(t, b.Recover(t.Context(), attempt, []byte("{{")), domain.CodeForbidden)
		if diff := cmp.Diff(list, b.refusedOf(t, "k")); diff != "" {
			t.Errorf("a stranger has left something: %s", diff)
		}
		if v := b.current(t, "k"); v.Serial != 8 {
			t.Errorf("the current state is %+v", v)
		}
	})
}

// TestUnstoredLocks: the stack of a state that was handed over and refused is
// locked, once; the lock that the end of its run has set names the state, that of
// a person stays as it is; and a state that was taken locks nothing.
func TestUnstoredLocks(t *testing.T) {
	const person = "mine"
	for name, c := range map[string]struct {
		before *domain.StackLock // of the stack; its note has the run's id for %s
		want   string            // beginning of the note
		names  bool              // the note says where the state is
	}{
		"no lock":               {nil, "needs_reconcile: run %s could not store its state; ", true},
		"the lock of its end":   {domain.ReconcileLock("l", "system::run-reaper", "%s", "was interrupted", time.Time{}), "needs_reconcile: run %s was interrupted; ", true},
		"the lock of another":   {domain.ReconcileLock("l", "system::run-reaper", "x%s", "was interrupted", time.Time{}), "needs_reconcile: run x%s was interrupted", false},
		"the lock of a person":  {&domain.StackLock{ID: "l", By: person, Note: person}, person, false},
		"a person's with words": {&domain.StackLock{ID: "l", Owner: authz.ActorRef{Kind: authz.ActorUser, ID: "u"}, By: person, Note: "needs_reconcile: run %s "}, "needs_reconcile: run %s ", false},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b bench) {
				run, attempt := b.interrupted(t)
				put := func(l *domain.StackLock) {
					b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
						return tx.SetStackLife(ctx, p.For(access.KindStack), "k", domain.StackLife{Lock: l})
					})
				}
				lock := func() (l *domain.StackLock) {
					b.View(t, func(tx *store.Tx) error {
						st, err := tx.Stack(t.Context(), "k")
						l = st.Lock
						return err
					})
					return l
				}
				named := func(s string) string { return strings.ReplaceAll(s, "%s", string(run.ID)) }
				if c.before != nil {
					before := *c.before
					before.Note, before.At = named(before.Note), b.Clock.Now()
					put(&before)
				}
				if err := b.Recover(t.Context(), attempt, body(4, "l", "")); err != nil {
					t.Fatal(err)
				}
				if got := lock(); (got == nil) != (c.before == nil) || got != nil && got.Note != named(c.before.Note) {
					t.Fatalf("a state that was taken left the lock %+v", got)
				}
				wantCode(t, b.Recover(t.Context(), attempt, body(3, "l", "")), domain.CodeConflict)
				where := "; " + b.refusedOf(t, "k")[0].Where()
				got := lock()
				if got == nil || !strings.HasPrefix(got.Note, named(c.want)) || strings.Contains(got.Note, where) != c.names || c.before != nil && got.ID != "l" {
					t.Fatalf("the lock is %+v", got)
				}
				put(nil) // somebody has looked
				wantCode(t, b.Recover(t.Context(), attempt, body(3, "l", "")), domain.CodeConflict)
				if got := lock(); got != nil {
					t.Errorf("the same state, once more, has locked the stack: %+v", got)
				}
				b.Invariants(t, nil)
			})
		})
	}
}

// TestF13MutatedStates: of states that were damaged in every way, each is
// refused and the current one stays, or it becomes a version as it should; none
// is lost. AIRLOCK_MUTATED_STATES says how many.
func TestF13MutatedStates(t *testing.T) {
	n := 150
	if given := os.Getenv("AIRLOCK_MUTATED_STATES"); given != "" {
		var err error
		if n, err = strconv.Atoi(given); err != nil {
			t.Fatal(err)
		}
	}
	each(t, func(t *testing.T, b bench) {
		random := rand.New(rand.NewPCG(13, 13))
		ctx := b.writer(t)
		current := body(100, "0e7d9c4e", `,"outputs":{"a":{"value":"x","type":"string"}},"resources":[{"mode":"managed","type":"null_resource","name":"r","provider":"provider[\"registry.opentofu.org/hashicorp/null\"]","instances":[]}],"check_results":null`)
		if err := b.Write(ctx, "k", "lock", current); err != nil {
			t.Fatal(err)
		}
		taken := 0
		for range n {
			state := mutate(random, current)
			err := b.Write(ctx, "k", "lock", state)
			switch code := domain.ErrorCode(err); {
			case err == nil:
				if _, bad := domain.ReadState(state); bad != nil {
					t.Fatalf("%s was taken", state)
				}
				current = state
				taken++
			case code != domain.CodeConflict && code != domain.CodeInvalid:
				t.Fatalf("%s: %v", state, err)
			case b.refusedOf(t, "k")[0].Checksum != domain.Checksum(state) && !strings.Contains(err.Error(), "is kept as refused state"):
				t.Fatalf("%s is lost: %v", state, err)
			}
			if got, err := b.Read(ctx, "k"); err != nil || !bytes.Equal(got, current) {
				t.Fatalf("after %s the current state is %s, %v", state, got, err)
			}
		}
		if taken == n {
			t.Error("nothing was refused")
		}
	})
}

// mutate damages a state in one to three ways.
func mutate(random *rand.Rand, state []byte) []byte {
	out := bytes.Clone(state)
	for range 1 + random.IntN(3) {
		at := random.IntN(len(out))
		switch random.IntN(6) {
		case 0:
			out[at] ^= 1 << random.IntN(8)
		case 1:
			out = out[:max(at, 1)]
		case 2:
			out = append(bytes.Clone(out[:at]), out[min(len(out), at+1+random.IntN(20)):]...)
		case 3:
			out = append(out, out[at:]...)
		case 4: // another serial, below or above
			out = bytes.Replace(out, []byte(`"serial":1`), fmt.Appendf(nil, `"serial":%d`, random.IntN(30)), 1)
		case 5:
			out = append(append(bytes.Clone(out[:at]), byte(random.IntN(256))), out[at:]...)
		}
		if len(out) == 0 {
			return []byte("{")
		}
	}
	return out
}
