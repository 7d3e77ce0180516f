package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// Do does an action in a space as somebody: a change whose permit is asked for
// and recorded like any other.
func (k *Kit) Do(t *testing.T, name string, action authz.Action, target authz.Target) error {
	t.Helper()
	return k.DoAndHold(t, name, action, target, "")
}

// DoAndHold is Do for a change that also asks the actor to hold an action in a
// space, where one is named.
func (k *Kit) DoAndHold(t *testing.T, name string, action authz.Action, target authz.Target, space domain.SpaceID, held ...authz.Action) error {
	t.Helper()
	ctx := k.As(t, name)
	return k.Store.Change(ctx, func(tx *store.Tx) error {
		p, err := k.Gate.Permit(ctx, tx, access.Op{Event: "test.do", Action: action, See: authz.ActionSpaceRead,
			Object: access.Object{Kind: access.KindSpace, ID: target.Space, Noun: "space", Space: domain.SpaceID(target.Space), Entity: target.Entity}})
		if err != nil {
			return err
		}
		if held != nil {
			var missing authz.Action
			if p, missing, err = k.Gate.Hold(ctx, tx, p, access.Object{Space: space}, held...); err != nil || missing != 0 {
				return fmt.Errorf("%s is not held: %w", missing, err)
			}
		}
		s, err := tx.Space(ctx, domain.SpaceID(target.Space))
		if err != nil {
			return err
		}
		return tx.UpdateSpace(ctx, p, s)
	})
}

// testBindingUses: what audit rows say of bindings can be asked by binding.
func testBindingUses(t *testing.T, k *Kit) {
	World(t, k)
	start := k.Clock.Now()
	will, ann := k.bindingOf(t, "will"), k.bindingOf(t, "ann")
	do := func(name string, a authz.Action, space string) {
		t.Helper()
		k.Clock.Advance(time.Hour)
		if err := k.Do(t, name, a, authz.Target{Space: space}); err != nil {
			t.Fatal(err)
		}
	}
	do("will", authz.ActionRunConfirm, "dev")
	do("will", authz.ActionRunConfirm, "dev")
	do("will", authz.ActionRunComment, "dev")
	do("ann", authz.ActionStackCreate, "prod")
	k.Clock.Advance(time.Hour)
	if err := k.DoAndHold(t, "ann", authz.ActionRoleBindingManage, authz.Target{Space: "dev"}, "dev", authz.ActionRunTrigger, authz.ActionRunTrigger, authz.ActionStackCreate); err != nil {
		t.Fatal(err)
	}
	k.Denied(t, domain.CodeForbidden, func() error { return k.Do(t, "will", authz.ActionStackDelete, authz.Target{Space: "dev"}) })

	row := k.Audit(t)[len(k.Audit(t))-2]
	same(t, []domain.AuditUse{
		{Binding: ann, Action: "role-binding:manage"}, {Binding: ann, Action: "run:trigger", Held: true}, {Binding: ann, Action: "stack:create", Held: true},
	}, row.Uses)

	at := func(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }
	uses := func(since time.Time, ids ...domain.BindingID) []domain.BindingUse {
		t.Helper()
		return read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.BindingUse, error) {
			return tx.BindingUses(ctx, ids, since)
		})
	}
	ofAnn := []domain.BindingUse{
		{Binding: ann, Action: "role-binding:manage", Done: 1, Last: at(5)},
		{Binding: ann, Action: "run:trigger", Held: 1, Last: at(5)},
		{Binding: ann, Action: "stack:create", Done: 1, Held: 1, Last: at(5)},
	}
	ofWill := []domain.BindingUse{
		{Binding: will, Action: "run:comment", Done: 1, Last: at(3)},
		{Binding: will, Action: "run:confirm", Done: 2, Last: at(2)},
	}
	both := append(append([]domain.BindingUse{}, ofAnn...), ofWill...)
	if will < ann {
		both = append(append([]domain.BindingUse{}, ofWill...), ofAnn...)
	}
	same(t, both, uses(start, will, ann))
	same(t, ofAnn, uses(at(5), ann, "nope")) // whole days
	same(t, 0, len(uses(at(24), will, ann)))
	same(t, 0, len(uses(start)))

	k.Clock.Advance(24 * time.Hour)
	if err := k.Do(t, "will", authz.ActionRunConfirm, authz.Target{Space: "dev"}); err != nil {
		t.Fatal(err)
	}
	ofWill[1].Done, ofWill[1].Last = 3, at(29)
	same(t, ofWill, uses(start, will))
	later := []domain.BindingUse{{Binding: will, Action: "run:confirm", Done: 1, Last: at(29)}}
	same(t, later, uses(at(24), will))
	k.forgetUses(t, will, uses, later)

	// A binding that was changed was another one before.
	b := read(t, k, func(ctx context.Context, tx *store.Tx) (domain.Binding, error) { return tx.Binding(ctx, ann) })
	k.must(t, access.KindRoleBinding, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		if err := tx.DeleteBinding(ctx, p, ann); err != nil {
			return err
		}
		b.CreatedAt = tx.Now()
		return tx.InsertBinding(ctx, p, b)
	})
	same(t, 0, len(uses(start, ann)))
	if n := k.Rows(t, "select count(*) from binding_uses where binding_id = '"+string(ann)+"'")[0][0]; fmt.Sprint(n) != "0" {
		t.Errorf("%v counts are kept of a binding that is gone", n)
	}
}

// forgetUses: what the trail forgets, and what is too old, is not counted.
func (k *Kit) forgetUses(t *testing.T, of domain.BindingID, uses func(time.Time, ...domain.BindingID) []domain.BindingUse, later []domain.BindingUse) {
	t.Helper()
	since := func() time.Time {
		return read(t, k, func(ctx context.Context, tx *store.Tx) (time.Time, error) { return tx.UsesSince(ctx) })
	}
	forget := func(before time.Time) {
		k.must(t, access.KindRoleBinding, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.ForgetBindingUses(ctx, p, before)
		})
	}
	trail := k.Audit(t)
	same(t, trail[0].At, since())
	known := trail[0].At.Add(time.Minute)
	if err := k.Exec(t, `update account set uses_since = $1`, known.UnixMicro()); err != nil {
		t.Fatal(err)
	}
	same(t, known, since())
	forget(trail[0].At)
	same(t, 2, len(uses(known, of)))
	newest := trail[len(trail)-1]
	if err := k.Exec(t, `delete from audit_log where position < $1`, newest.Sequence); err != nil {
		t.Fatal(err)
	}
	same(t, newest.At, since())
	forget(known)
	same(t, later, uses(known, of))
	forget(newest.At.Add(24 * time.Hour))
	same(t, 0, len(uses(known, of)))
}
