package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

func testPathsAndUses(t *testing.T, k *Kit) {
	World(t, k)
	path := func(id domain.SpaceID) (domain.Path, error) {
		return tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.Path, error) { return tx.Path(ctx, id) })
	}
	for id, want := range map[domain.SpaceID]string{"vault-x": "vault-x vault platform root", "prod": "prod apps root", "root": "root"} {
		got, err := path(id)
		var ids []string
		for _, s := range got {
			ids = append(ids, string(s.ID))
			one, _ := k.space(t, s.ID)
			same(t, one, s)
		}
		if strings.Join(ids, " ") != want || err != nil {
			t.Errorf("path of %s: %v, %v", id, ids, err)
		}
	}
	_, err := path("nope")
	gone(t, err)

	k.Context(t, "of-root", "root", "k2", "r0")
	k.Context(t, "of-apps", "apps", "k", "k2")
	uses := func(get func(ctx context.Context, tx *store.Tx) ([]domain.Use, error)) string {
		t.Helper()
		var out []string
		for _, u := range read(t, k, get) {
			if u.EntityName != u.Entity {
				t.Errorf("%+v", u)
			}
			out = append(out, fmt.Sprintf("%s@%s %s %s@%s", u.Stack, u.StackSpace, u.EntityKind, u.Entity, u.EntitySpace))
		}
		return strings.Join(out, ", ")
	}
	check := func(want string, get func(ctx context.Context, tx *store.Tx) ([]domain.Use, error)) {
		t.Helper()
		if diff := cmp.Diff(want, uses(get)); diff != "" {
			t.Error(diff)
		}
	}
	check("k2@dev context of-apps@apps, k2@dev context of-root@root", func(ctx context.Context, tx *store.Tx) ([]domain.Use, error) {
		return tx.UsesOfStack(ctx, "k2")
	})
	check("k@apps context of-apps@apps, k2@dev context of-apps@apps", func(ctx context.Context, tx *store.Tx) ([]domain.Use, error) {
		return tx.UsesOfEntity(ctx, access.KindContext, "of-apps")
	})
	check("k2@dev context of-root@root", func(ctx context.Context, tx *store.Tx) ([]domain.Use, error) {
		return tx.UsesBelow(ctx, "apps", []domain.SpaceID{"root", "legacy"})
	})
	check("k2@dev context of-apps@apps, k2@dev context of-root@root", func(ctx context.Context, tx *store.Tx) ([]domain.Use, error) {
		return tx.UsesBelow(ctx, "dev", []domain.SpaceID{"root", "apps"})
	})
	check("", func(ctx context.Context, tx *store.Tx) ([]domain.Use, error) {
		return tx.UsesBelow(ctx, "prod", []domain.SpaceID{"root", "apps"})
	})
	if _, err := tryRead(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Use, error) {
		return tx.UsesOfEntity(ctx, access.KindRole, "x")
	}); err == nil {
		t.Error("stacks use roles")
	}
}

func testAccountSettings(t *testing.T, k *Kit) {
	get := func(ctx context.Context, tx *store.Tx) (domain.AccountSettings, error) {
		return tx.AccountSettings(ctx)
	}
	same(t, domain.AccountSettings{StackActAs: domain.ActAsWarn}, read(t, k, get))
	all := filled[domain.AccountSettings](k)
	k.must(t, access.KindAccount, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.UpdateAccountSettings(ctx, p, all)
	})
	same(t, all, read(t, k, get))
}
