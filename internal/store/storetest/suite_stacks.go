package storetest

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

func (k *Kit) stack(t *testing.T, id domain.StackID) (domain.Stack, error) {
	t.Helper()
	return tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.Stack, error) { return tx.Stack(ctx, id) })
}

func testStacks(t *testing.T, k *Kit) {
	full := filled[domain.Stack](k)
	full.ID, full.Space = "full", "legacy"
	full.Lock.Owner.Kind = authz.ActorUser
	bare := domain.Stack{ID: "bare", ULID: "u", StackSettings: domain.StackSettings{Name: "bare", Space: "root"}}
	for _, st := range []domain.Stack{full, bare} {
		k.must(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.InsertStack(ctx, p, st) })
		got, err := k.stack(t, st.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, st, got)
	}
	wantCode(t, k.try(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.InsertStack(ctx, p, domain.Stack{ID: "full", ULID: "other", StackSettings: Settings("x", "root")})
	}), domain.CodeConflict)
	if err := k.try(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.InsertStack(ctx, p, domain.Stack{ID: "other", ULID: "u", StackSettings: Settings("x", "root")})
	}); err == nil {
		t.Error("a ULID was used twice")
	}
	if err := k.try(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.InsertStack(ctx, p, domain.Stack{ID: "other", ULID: "v", StackSettings: Settings("x", "nope")})
	}); err == nil {
		t.Error("a stack in a space that does not exist was kept")
	}

	next := full
	next.StackSettings = filled[struct{ A, B domain.StackSettings }](k).B
	next.Space, next.Administrative = "root", false
	k.must(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.UpdateStack(ctx, p, next) })
	got, _ := k.stack(t, "full")
	same(t, next, got)
	next.StackLife = filled[struct{ A, B domain.StackLife }](k).B
	next.Lock.Owner.Kind = authz.ActorAPIKey
	for _, l := range []domain.StackLife{next.StackLife, {}} {
		next.StackLife = l
		k.must(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.SetStackLife(ctx, p, "full", l)
		})
		got, _ = k.stack(t, "full")
		same(t, next, got)
	}
	wantCode(t, k.try(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.UpdateStack(ctx, p, domain.Stack{ID: "nope"})
	}), domain.CodeNotFound)
	for id, want := range map[domain.StackID]bool{"full": true, "nope": false} {
		if taken := read(t, k, func(ctx context.Context, tx *store.Tx) (bool, error) { return tx.StackIDTaken(ctx, id) }); taken != want {
			t.Errorf("id %s taken: %v, want %v", id, taken, want)
		}
	}
}

func testDeletedStack(t *testing.T, k *Kit) {
	before := k.Digest(t)
	k.Stack(t, "s", "legacy", nil)
	k.Context(t, "c", "legacy", "s")
	k.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "s"}, "space-reader", "legacy")
	run := k.Run(t, "s", domain.RunQueued)
	k.must(t, access.KindState, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		for _, step := range []error{
			tx.PutConfig(ctx, p.For(access.KindStack), access.KindStack, "s", domain.Config{ID: "A", Type: domain.ConfigEnvironmentVariable}),
			tx.InsertState(ctx, p, domain.StateVersion{ID: "v", StackID: "s"}, []byte("{}")),
			tx.PutStateLock(ctx, p, "s", domain.StateLock{ID: "l", Run: run.ID}),
			tx.SetOutputs(ctx, p, "s", []domain.Output{{Name: "o"}}),
			tx.AppendLog(ctx, p.For(access.KindRun), []domain.LogChunk{{RunID: run.ID}}),
			tx.PutWorkspace(ctx, p.For(access.KindRun), run.ID, domain.Stored{Sealed: []byte("w")}),
		} {
			if step != nil {
				return step
			}
		}
		return nil
	})
	k.must(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteStack(ctx, p, "s") })
	_, err := k.stack(t, "s")
	gone(t, err)
	k.must(t, access.KindContext, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteContext(ctx, p, "c") })
	after := k.Digest(t)
	for _, table := range []string{"account", "access_changes"} { // the revision grew
		delete(before, table)
		delete(after, table)
	}
	same(t, before, after)
}

func testContexts(t *testing.T, k *Kit) {
	get := func(id domain.ContextID) (domain.Context, error) {
		return tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.Context, error) { return tx.Context(ctx, id) })
	}
	full := filled[domain.Context](k)
	full.ID, full.Space = "full", "legacy"
	bare := domain.Context{ID: "bare", Space: "root", Name: "bare"}
	for _, c := range []domain.Context{full, bare} {
		insert := func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.InsertContext(ctx, p, c) }
		k.must(t, access.KindContext, insert)
		got, err := get(c.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, c, got)
		wantCode(t, k.try(t, access.KindContext, insert), domain.CodeConflict)
	}
	full.Name, full.Description, full.Labels, full.Hooks, full.Space = "new", "", nil, domain.Hooks{AfterRun: []string{"x"}}, "root"
	k.must(t, access.KindContext, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.UpdateContext(ctx, p, full) })
	got, _ := get("full")
	same(t, full, got)

	k.Stack(t, "s", "legacy", nil)
	a := filled[domain.ContextAttachment](k)
	a.Context, a.Stack = "full", "s"
	weak := domain.ContextAttachment{ID: "weak", Context: "bare", Stack: "s", Priority: a.Priority - 1, Auto: true}
	a.Auto = false // by hand wins over by label, whatever the priority
	attach := func(a domain.ContextAttachment) error {
		return k.try(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertContextAttachment(ctx, p, a)
		})
	}
	for _, one := range []domain.ContextAttachment{weak, a} {
		if err := attach(one); err != nil {
			t.Fatal(err)
		}
		one.ID = "again"
		wantCode(t, attach(one), domain.CodeConflict)
	}
	same(t, a, read(t, k, func(ctx context.Context, tx *store.Tx) (domain.ContextAttachment, error) {
		return tx.ContextAttachment(ctx, a.ID)
	}))
	same(t, []domain.ContextAttachment{a, weak}, read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.ContextAttachment, error) {
		return tx.AttachmentsOfStack(ctx, "s")
	}))
	same(t, []domain.ContextAttachment{a}, read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.ContextAttachment, error) {
		return tx.AttachmentsOfContext(ctx, "full")
	}))
	k.must(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.DeleteContextAttachment(ctx, p, "weak")
	})
	_, err := tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.ContextAttachment, error) {
		return tx.ContextAttachment(ctx, "weak")
	})
	gone(t, err)
	k.must(t, access.KindContext, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.DeleteContext(ctx, p, "full")
	})
	_, err = get("full")
	gone(t, err)
	if left := k.Digest(t)["context_attachments"]; left != "" {
		t.Errorf("a deleted context left attachments: %s", left)
	}
}

func testConfig(t *testing.T, k *Kit) {
	k.Stack(t, "s", "legacy", nil)
	k.Context(t, "s", "legacy") // the same id as the stack's
	list := func(owner access.Kind) []domain.Config {
		return read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Config, error) { return tx.Config(ctx, owner, "s") })
	}
	for _, owner := range []access.Kind{access.KindStack, access.KindContext} {
		put := func(c domain.Config) {
			k.must(t, owner, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
				return tx.PutConfig(ctx, p, owner, "s", c)
			})
		}
		c := filled[domain.Config](k)
		c.ID, c.Value = "b", "the secret of "+string(owner)+"\x00\xff"
		put(c)
		put(domain.Config{ID: "a", Type: domain.ConfigFileMount, CreatedAt: k.Clock.Now()})
		got := list(owner)
		if len(got) != 2 {
			t.Fatalf("%s: %d elements, want 2", owner, len(got))
		}
		same(t, c, got[1])
		if strings.Contains(k.Digest(t)["config"], "the secret of") {
			t.Error("a value is kept in the clear")
		}
		again := domain.Config{ID: "b", Type: domain.ConfigEnvironmentVariable, Value: "v", CreatedAt: c.CreatedAt}
		put(again)
		same(t, again, list(owner)[1])
		remove := func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.DeleteConfig(ctx, p, owner, "s", "a")
		}
		k.must(t, owner, remove)
		wantCode(t, k.try(t, owner, remove), domain.CodeNotFound)
	}

	t.Run("a sealed value cannot be moved", func(t *testing.T) {
		if err := k.Exec(t, `update config set sealed = (select sealed from config where owner_kind = 'stack' and id = 'b') where owner_kind = 'context' and id = 'b'`); err != nil {
			t.Fatal(err)
		}
		if _, err := tryRead(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Config, error) {
			return tx.Config(ctx, access.KindContext, "s")
		}); err == nil {
			t.Error("a value that was sealed for a stack opened for a context")
		}
	})
}

func testStates(t *testing.T, k *Kit) {
	k.Stack(t, "s", "legacy", nil)
	_, err := tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.StateVersion, error) { return tx.CurrentState(ctx, "s") })
	gone(t, err)
	v := filled[domain.StateVersion](k)
	v.StackID, v.ID, v.Serial = "s", "v1", 1<<40
	insert := func(v domain.StateVersion, body string) error {
		return k.try(t, access.KindState, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertState(ctx, p, v, []byte(body))
		})
	}
	if err := insert(v, "plain state\x00"); err != nil {
		t.Fatal(err)
	}
	same(t, v, read(t, k, func(ctx context.Context, tx *store.Tx) (domain.StateVersion, error) { return tx.CurrentState(ctx, "s") }))
	body := read(t, k, func(ctx context.Context, tx *store.Tx) ([]byte, error) { return tx.StateBody(ctx, v) })
	if string(body) != "plain state\x00" {
		t.Errorf("read %q", body)
	}
	if strings.Contains(k.Digest(t)["state_versions"], "plain state") {
		t.Error("a state is kept in the clear")
	}
	older := v
	older.ID = "v0"
	wantCode(t, insert(older, "{}"), domain.CodeConflict)
	older.Serial--
	if err := insert(older, "{}"); err != nil {
		t.Fatal(err)
	}
	same(t, []domain.StateVersion{v, older}, read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.StateVersion, error) {
		return tx.StateVersions(ctx, "s", math.MaxInt64, 10)
	}))

	getLock := func(ctx context.Context, tx *store.Tx) (l *domain.StateLock, err error) {
		return tx.StateLock(ctx, "s")
	}
	if l := k.lock(t, getLock); l != nil {
		t.Errorf("a new stack is locked: %+v", l)
	}
	lock := filled[domain.StateLock](k)
	take := func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.PutStateLock(ctx, p, "s", lock)
	}
	k.must(t, access.KindState, take)
	same(t, &lock, k.lock(t, getLock))
	wantCode(t, k.try(t, access.KindState, take), domain.CodeConflict)
	k.must(t, access.KindState, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DropStateLock(ctx, p, "s") })
	if l := k.lock(t, getLock); l != nil {
		t.Errorf("a released lock is there: %+v", l)
	}

	outputs := []domain.Output{{Name: "a", Value: `"Ω"`, Description: "d"}, {Name: "b", Sensitive: true}}
	for range 2 { // a set replaces the last one
		k.must(t, access.KindState, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.SetOutputs(ctx, p, "s", []domain.Output{outputs[0], {Name: "b", Sensitive: true, Value: "hidden"}})
		})
	}
	same(t, outputs, read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Output, error) { return tx.Outputs(ctx, "s") }))
}

// lock reads a lock in a change, as it is meant to be: it holds the row.
func (k *Kit) lock(t *testing.T, get func(ctx context.Context, tx *store.Tx) (*domain.StateLock, error)) (l *domain.StateLock) {
	t.Helper()
	if err := k.Store.Change(t.Context(), func(tx *store.Tx) (err error) { l, err = get(t.Context(), tx); return err }); err != nil {
		t.Fatal(err)
	}
	return l
}
