package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

func testAccessRequests(t *testing.T, k *Kit) {
	insert := func(r domain.AccessRequest) error {
		return k.try(t, access.KindAccessRequest, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertAccessRequest(ctx, p, r)
		})
	}
	get := func(id domain.AccessRequestID) (domain.AccessRequest, error) {
		return tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.AccessRequest, error) {
			return tx.AccessRequest(ctx, id)
		})
	}
	var made []domain.AccessRequest
	for i, entity := range []authz.EntityKind{authz.EntityNone, authz.EntityStack, authz.EntityPolicy} {
		r := filled[domain.AccessRequest](k)
		r.ID, r.Actor.Kind, r.State = domain.AccessRequestID(k.IDs.ULID()), authz.ActorAPIKey, domain.RequestPending
		r.Duration, r.LapsesAt = time.Hour+time.Microsecond, k.Clock.Now().Add(time.Duration(i+1)*time.Hour)
		if entity == authz.EntityNone {
			r.Entity = authz.EntityRef{}
		} else {
			r.Space, r.Entity.Kind = "", entity
		}
		if err := insert(r); err != nil {
			t.Fatal(err)
		}
		got, err := get(r.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, r, got)
		made = append(made, r)
	}
	for name, change := range map[string]func(*domain.AccessRequest){
		"nothing": func(r *domain.AccessRequest) { r.Space = "" },
		"both":    func(r *domain.AccessRequest) { r.Entity = authz.EntityRef{Kind: authz.EntityStack, ID: "x"} },
		"state":   func(r *domain.AccessRequest) { r.State = "MAYBE" },
	} {
		r := made[0]
		r.ID = domain.AccessRequestID(k.IDs.ULID())
		change(&r)
		if err := insert(r); err == nil {
			t.Errorf("a request for %s was kept", name)
		}
	}
	k.closeRequests(t, made)
	_, err := get("nope")
	gone(t, err)
}

// closeRequests lets the first of three lapse, grants the second, and leaves
// the third.
func (k *Kit) closeRequests(t *testing.T, made []domain.AccessRequest) {
	t.Helper()
	count := func(f domain.RequestFilter) int {
		return len(read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.AccessRequest, error) {
			return tx.AccessRequests(ctx, f, domain.ListPosition{}, 10)
		}))
	}
	shut := func(r domain.AccessRequest) error {
		return k.try(t, access.KindAccessRequest, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.CloseAccessRequest(ctx, p, r)
		})
	}
	k.Clock.Advance(time.Hour)
	granted := made[1]
	granted.State, granted.DecidedAt, granted.DecidedBy, granted.Note, granted.Binding = domain.RequestGranted, k.Clock.Now(), "by", "note", "b"
	if err := shut(granted); err != nil {
		t.Fatal(err)
	}
	same(t, granted, read(t, k, func(ctx context.Context, tx *store.Tx) (domain.AccessRequest, error) {
		return tx.AccessRequest(ctx, granted.ID)
	}))
	again := granted
	again.State = domain.RequestRefused
	wantCode(t, shut(again), domain.CodeConflict)
	for f, want := range map[domain.RequestFilter]int{
		{}: 3, {Actor: made[0].Actor}: 3, {Actor: authz.ActorRef{Kind: authz.ActorUser, ID: made[0].Actor.ID}}: 0,
		{State: domain.RequestPending}: 1, {State: domain.RequestExpired}: 1, {State: domain.RequestGranted}: 1, {State: domain.RequestRefused}: 0,
	} {
		if n := count(f); n != want {
			t.Errorf("%+v: %d, want %d", f, n, want)
		}
	}
	lapsed := read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.AccessRequest, error) {
		return tx.LapsedAccessRequests(ctx, 10)
	})
	same(t, made[:1], lapsed)
	open := read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.AccessRequest, error) {
		return tx.OpenAccessRequests(ctx, made[0].Actor)
	})
	same(t, made[2:], open)
	k.must(t, access.KindAccessRequest, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.ForgetAccessRequests(ctx, p, k.Clock.Now().Add(time.Microsecond))
	})
	if n := count(domain.RequestFilter{}); n != 2 {
		t.Errorf("%d requests are left, want the pending ones", n)
	}
}
