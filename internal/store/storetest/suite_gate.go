package storetest

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

func testScopes(t *testing.T, k *Kit) {
	World(t, k)
	k.Context(t, "c-apps", "apps")
	k.Context(t, "c-dev", "dev")
	k.Context(t, "k", "sandbox") // the id of a stack
	k.Clock.Advance(time.Second)
	k.Stack(t, "in-prod", "prod", nil)
	k.Stack(t, "c-dev", "sandbox", nil) // the id of a context
	k.AddKey(t, "guest")
	k.BindEntity(t, "guest", "space-reader", authz.EntityRef{Kind: authz.EntityStack, ID: "k"})
	k.BindEntity(t, "guest", "space-reader", authz.EntityRef{Kind: authz.EntityContext, ID: "c-dev"})
	k.BindEntity(t, "rita", "operator", authz.EntityRef{Kind: authz.EntityStack, ID: "k2"})
	for name, want := range map[string]string{
		"root-admin": "k k2 r0 c-dev in-prod|c-apps c-dev k",
		"ann":        "k k2 r0 in-prod|c-apps c-dev", // root by derived read
		"will":       "k k2 r0|c-apps c-dev",
		"rita":       "k2 in-prod|",
		"guest":      "k|c-dev", // R24
		"nobody":     "|",
		"no scope":   "|",
	} {
		if got := read(t, k, k.listedBy(t, name)); got != want {
			t.Errorf("%s lists %q, want %q", name, got, want)
		}
	}
}

func (k *Kit) listedBy(t *testing.T, name string) func(ctx context.Context, tx *store.Tx) (string, error) {
	return func(ctx context.Context, tx *store.Tx) (string, error) {
		var stacks, contexts access.Scope
		if name != "no scope" {
			var err, other error
			stacks, err = k.Gate.Scope(k.As(t, name), tx, authz.ActionSpaceRead, authz.EntityStack)
			contexts, other = k.Gate.Scope(k.As(t, name), tx, authz.ActionSpaceRead, authz.EntityContext)
			if err := errors.Join(err, other); err != nil {
				return "", err
			}
		}
		return listed(ctx, tx, stacks, contexts)
	}
}

func listed(ctx context.Context, tx *store.Tx, ofStacks, ofContexts access.Scope) (string, error) {
	stacks, err := tx.Stacks(ctx, ofStacks)
	if err != nil {
		return "", err
	}
	contexts, err := tx.Contexts(ctx, ofContexts)
	var a, b []string
	for _, s := range stacks {
		a = append(a, string(s.ID))
	}
	for _, c := range contexts {
		b = append(b, string(c.ID))
	}
	return strings.Join(a, " ") + "|" + strings.Join(b, " "), err
}

// testUnstorable looks for ids that PostgreSQL cannot even compare: they are
// not there, on both databases.
func testUnstorable(t *testing.T, k *Kit) {
	for _, id := range []string{"a\x00b", "a\xffb"} {
		_, err := k.stack(t, domain.StackID(id))
		gone(t, err)
		_, err = k.space(t, domain.SpaceID(id))
		gone(t, err)
		err = k.try(t, access.KindSpace, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertSpace(ctx, p, domain.Space{ID: "x", Parent: "root", Name: id})
		})
		wantCode(t, err, domain.CodeInvalid)
		row := k.Denied(t, domain.CodeNotFound, func() error {
			return k.Store.Change(k.As(t, "root-admin"), func(tx *store.Tx) error {
				op := access.Op{Event: "x", Object: access.Object{Kind: access.KindStack, Noun: "stack", ID: id + strings.Repeat("ä", 1000), Space: domain.SpaceID(id)}}
				return k.Gate.Missing(k.As(t, "root-admin"), tx, op)
			})
		})
		if len(row.ObjectID) > 1000 || !strings.HasPrefix(row.ObjectID, "a\uFFFDb") {
			t.Errorf("recorded as %.20q (%d bytes)", row.ObjectID, len(row.ObjectID))
		}
	}
}

// testPermits calls every exported method of a transaction by reflection: one
// that takes a permit refuses every wrong one, one that takes none changes
// nothing.
func testPermits(t *testing.T, k *Kit) {
	k.Stack(t, "s", "legacy", nil)
	k.Run(t, "s", domain.RunQueued)
	before := k.Digest(t)
	permit, failure := reflect.TypeFor[access.Permit](), reflect.TypeFor[error]()
	method := reflect.TypeFor[*store.Tx]()
	writes := 0
	for i := range method.NumMethod() {
		m := method.Method(i)
		if n := m.Type.NumOut(); n == 0 || m.Type.Out(n-1) != failure {
			continue // Now, Also
		}
		takes := false
		for j := range m.Type.NumIn() {
			takes = takes || m.Type.In(j) == permit
		}
		if !takes {
			_ = k.try(t, access.KindStack, func(ctx context.Context, tx *store.Tx, _ access.Permit) error {
				return errors.Join(call(ctx, tx, m, access.Permit{}), errors.New("undo")) // whatever it answers
			})
			_ = k.Store.Change(t.Context(), func(tx *store.Tx) error { return call(t.Context(), tx, m, access.Permit{}) })
			continue
		}
		writes++
		for name, of := range map[string]func(access.Permit) access.Permit{
			"zero":       func(access.Permit) access.Permit { return access.Permit{} },
			"wrong kind": func(p access.Permit) access.Permit { return p.For("nonsense") },
		} {
			err := k.try(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return call(ctx, tx, m, of(p)) })
			if err == nil || !strings.Contains(err.Error(), "without a permit") {
				t.Errorf("%s with a %s permit: %v", m.Name, name, err)
			}
		}
	}
	if writes < 30 {
		t.Errorf("only %d writing methods were found: this test looks in the wrong place", writes)
	}
	if diff := cmp.Diff(before, k.Digest(t)); diff != "" {
		t.Errorf("something was written without a permit (-before +after):\n%s", diff)
	}
}

func call(ctx context.Context, tx *store.Tx, m reflect.Method, p access.Permit) error {
	args := []reflect.Value{reflect.ValueOf(tx)}
	for j := 1; j < m.Type.NumIn(); j++ {
		switch in := m.Type.In(j); in {
		case reflect.TypeFor[context.Context]():
			args = append(args, reflect.ValueOf(ctx))
		case reflect.TypeFor[access.Permit]():
			args = append(args, reflect.ValueOf(p))
		default:
			args = append(args, reflect.Zero(in))
		}
	}
	out := m.Func.Call(args)
	err, _ := out[len(out)-1].Interface().(error)
	return err
}

func (k *Kit) bindingOf(t *testing.T, actor string) domain.BindingID {
	t.Helper()
	list := read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Binding, error) {
		return tx.BindingsOf(ctx, k.Actor(actor))
	})
	if len(list) != 1 {
		t.Fatalf("%s has %d bindings, want one", actor, len(list))
	}
	return list[0].ID
}

func testAudit(t *testing.T, k *Kit) {
	World(t, k)
	op := access.Op{Event: "test.event", Action: authz.ActionSpaceAdmin, See: authz.ActionSpaceRead,
		Object: access.Object{Kind: access.KindSpace, ID: "dev", Noun: "space", Space: "dev"}}
	ctx := access.WithCall(k.As(t, "ann"), access.Call{Args: map[string]any{"name": "Ω\x00<"}})
	change := func(space domain.SpaceID, then error) error {
		return k.Store.ChangeAccess(ctx, func(tx *store.Tx) error {
			p, err := k.Gate.Permit(ctx, tx, op)
			if err != nil {
				return err
			}
			dev, err := tx.Space(ctx, "dev")
			if err != nil {
				return err
			}
			dev.Description = "changed"
			if err := tx.UpdateSpace(ctx, p, dev); err != nil || then != nil {
				return errors.Join(err, then)
			}
			if space == "" {
				return nil
			}
			other := op
			other.Object.Space = space
			both, err := k.Gate.Permit(ctx, tx, other)
			if err != nil {
				return err
			}
			tx.Also(both)
			return tx.UpdateSpace(ctx, both, dev) // the same object by another permit
		})
	}
	row := k.Allowed(t, func() error { return change("", nil) })
	want := domain.AuditEntry{
		ID: row.ID, Sequence: row.Sequence, At: k.Clock.Now(), Actor: k.KeyID("ann").AuditName(), ActorRoles: []string{"space-admin"},
		Event: "test.event", Mutation: "mutation", Action: "space:admin", ObjectKind: "space", ObjectID: "dev", Spaces: []domain.SpaceID{"dev"},
		Args: row.Args, Outcome: domain.AuditAllowed, RemoteIP: "192.0.2.7", RequestID: "request", Revision: k.revision(t) - 1,
		Uses: []domain.AuditUse{{Binding: k.bindingOf(t, "ann"), Action: "space:admin"}},
	}
	same(t, want, row)
	if row.Args != `{"name":"Ω\u0000\u003c"}` {
		t.Errorf("arguments are recorded as %s", row.Args)
	}
	row = k.Allowed(t, func() error { return change("apps", nil) })
	same(t, []domain.SpaceID{"dev", "apps"}, row.Spaces)

	trail, before := len(k.Audit(t)), k.Digest(t)
	if err := change("", errors.New("something else")); err == nil {
		t.Error("an error was lost")
	}
	if n := len(k.Audit(t)); n != trail {
		t.Errorf("a failed change left %d rows", n-trail)
	}
	same(t, before, k.Digest(t))

	row = k.Denied(t, domain.CodeNotFound, func() error { return change("sandbox", nil) }) // after a write
	want.ID, want.Sequence, want.Outcome, want.Spaces = row.ID, row.Sequence, domain.AuditDenied, []domain.SpaceID{"sandbox"}
	want.Reason, want.Revision, want.Uses = row.Reason, row.Revision, nil
	same(t, want, row)
	if row.Reason == "" {
		t.Error("a denial without a reason")
	}

	system, err := k.Gate.System(access.SystemKeyUse, access.KindAPIKey, "x")
	if err != nil {
		t.Fatal(err)
	}
	trail = len(k.Audit(t))
	if err := k.Store.Change(t.Context(), func(tx *store.Tx) error { return tx.TouchAPIKey(t.Context(), system, k.KeyID("ann"), tx.Now()) }); err != nil {
		t.Fatal(err)
	}
	if n := len(k.Audit(t)); n != trail {
		t.Errorf("background work left %d rows", n-trail)
	}
	k.auditPages(t)
}

func (k *Kit) auditPages(t *testing.T) {
	t.Helper()
	all := k.Audit(t)
	last := all[len(all)-1]
	page := read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.AuditEntry, error) {
		return tx.AuditEntries(ctx, last.Sequence, 2)
	})
	if len(page) != 2 || page[0].ID != all[len(all)-2].ID {
		t.Errorf("the page before %d is %+v", last.Sequence, page)
	}
	page = read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.AuditEntry, error) {
		return tx.AuditEntries(ctx, 1<<60, 1)
	})
	if len(page) != 1 || page[0].ID != last.ID {
		t.Errorf("the page before a large number is %+v", page)
	}
	same(t, last, read(t, k, func(ctx context.Context, tx *store.Tx) (domain.AuditEntry, error) { return tx.AuditEntry(ctx, last.ID) }))
	_, err := tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.AuditEntry, error) { return tx.AuditEntry(ctx, "nope") })
	gone(t, err)
}

func testAuditHangUp(t *testing.T, k *Kit) {
	World(t, k)
	row := k.Denied(t, domain.CodeNotFound, func() error {
		ctx, hangUp := context.WithCancel(k.As(t, "rita"))
		defer hangUp()
		return k.Store.Change(ctx, func(tx *store.Tx) error {
			_, err := k.Gate.Permit(ctx, tx, access.Op{Event: "x", Action: authz.ActionStackDelete, See: authz.ActionStackRead,
				Object: access.Object{Kind: access.KindStack, ID: "k", Noun: "stack", Space: "apps"}})
			hangUp()
			return err
		})
	})
	if row.Actor != k.KeyID("rita").AuditName() {
		t.Errorf("recorded for %s", row.Actor)
	}
}

func testViewsReadOnly(t *testing.T, k *Kit) {
	permit, err := k.Gate.System(access.SystemBootstrap, access.KindSpace, "")
	if err != nil {
		t.Fatal(err)
	}
	err = k.Store.View(t.Context(), func(tx *store.Tx) error {
		return tx.InsertSpace(t.Context(), permit, domain.Space{ID: "x", Parent: "root", Name: "x"})
	})
	if err == nil {
		t.Error("a view wrote")
	}
	_, err = k.space(t, "x")
	gone(t, err)
}

// testPanic makes sure that a use case that panics does not keep the only
// writer of an embedded database.
func testPanic(t *testing.T, k *Kit) {
	func() {
		defer func() { _ = recover() }()
		_ = k.Store.ChangeAccess(t.Context(), func(*store.Tx) error { panic("a bug") })
	}()
	k.AddKey(t, "after")
}
