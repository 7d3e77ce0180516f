package storetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

func (k *Kit) space(t *testing.T, id domain.SpaceID) (domain.Space, error) {
	t.Helper()
	return tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.Space, error) { return tx.Space(ctx, id) })
}

func testSpaces(t *testing.T, k *Kit) {
	insert := func(s domain.Space) error {
		return k.try(t, access.KindSpace, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.InsertSpace(ctx, p, s) })
	}
	a := filled[domain.Space](k)
	a.ID, a.Parent = "a", "root"
	b := domain.Space{ID: "b", Parent: "a", Name: "b", CreatedAt: k.Clock.Now()}
	for _, s := range []domain.Space{a, b} {
		if err := insert(s); err != nil {
			t.Fatal(err)
		}
		got, err := k.space(t, s.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, s, got)
	}

	t.Run("R13 names fold", func(t *testing.T) {
		first := domain.Space{ID: "n1", Parent: "root", Name: "Straße Ⅷ ﬁx"}
		if err := insert(first); err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"Straße Ⅷ ﬁx", "STRASSE viii FIX", " strasse VIII fix ", "ｓｔｒａｓｓｅ viii fix"} {
			k.Invalid(t, "name", func() error { return insert(domain.Space{ID: "n2", Parent: "root", Name: name}) })
			if err := insert(domain.Space{ID: domain.SpaceID("below" + string(rune('a'+i))), Parent: "n1", Name: name}); err != nil && i == 0 {
				t.Errorf("the name is free below another parent: %v", err)
			}
		}
	})
	t.Run("id taken", func(t *testing.T) {
		if err := insert(domain.Space{ID: "a", Parent: "root", Name: "another"}); err == nil {
			t.Error("an id was used twice")
		}
	})
	t.Run("parent must exist", func(t *testing.T) {
		if err := insert(domain.Space{ID: "c", Parent: "nope", Name: "c"}); err == nil {
			t.Error("a space hangs in the air")
		}
	})

	b.Name, b.Description, b.Labels, b.Inherit, b.Parent = "other", "text", []string{"x"}, true, "root"
	k.must(t, access.KindSpace, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.UpdateSpace(ctx, p, b) })
	got, _ := k.space(t, "b")
	same(t, b, got)
	same(t, domain.SpaceContents{Spaces: 1, Stacks: 0, Contexts: 0}, read(t, k, func(ctx context.Context, tx *store.Tx) (domain.SpaceContents, error) {
		return tx.SpaceContents(ctx, "n1")
	}))
	listed := read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Space, error) {
		return tx.Spaces(ctx, []domain.SpaceID{"b", "a", "nope"})
	})
	if len(listed) != 2 {
		t.Errorf("listed %d spaces, want 2", len(listed))
	}

	k.AddKey(t, "key")
	k.Bind(t, "key", "space-reader", "b")
	k.must(t, access.KindSpace, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteSpace(ctx, p, "b") })
	_, err := k.space(t, "b")
	gone(t, err)
	if n := len(k.bindingsOf(t, "key")); n != 0 {
		t.Errorf("a deleted space left %d bindings", n)
	}
}

func (k *Kit) bindingsOf(t *testing.T, name string) []domain.Binding {
	t.Helper()
	return read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Binding, error) {
		return tx.BindingsOf(ctx, k.Actor(name))
	})
}

func testRoles(t *testing.T, k *Kit) {
	get := func(id domain.RoleID) (domain.Role, error) {
		return tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.Role, error) { return tx.Role(ctx, id) })
	}
	r := filled[domain.Role](k)
	r.System, r.Actions = false, authz.SetOf(authz.ActionSpaceRead, authz.ActionRunTrigger, authz.ActionStackActAs).List()
	insert := func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.InsertRole(ctx, p, r) }
	k.must(t, access.KindRole, insert)
	got, err := get(r.ID)
	if err != nil {
		t.Fatal(err)
	}
	same(t, r, got)
	same(t, r, read(t, k, func(ctx context.Context, tx *store.Tx) (domain.Role, error) { return tx.RoleBySlug(ctx, r.Slug) }))

	id := r.ID
	r.ID = "another"
	if err := k.try(t, access.KindRole, insert); err == nil {
		t.Error("a slug was used twice")
	}
	r.ID = id
	r.Name, r.Description, r.Actions = "new", "", []authz.Action{authz.ActionSpaceRead}
	k.must(t, access.KindRole, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.UpdateRole(ctx, p, r) })
	got, _ = get(r.ID)
	same(t, r, got)

	all := read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Role, error) { return tx.Roles(ctx) })
	if len(all) != 5 || !all[0].System || all[4].ID != r.ID {
		t.Errorf("roles are listed as %+v, want system roles first", all)
	}
	k.roles["r"] = r.ID
	binding := k.BindActor(t, authz.ActorRef{Kind: authz.ActorGroup, ID: "devops"}, "r", "root")
	counts := read(t, k, func(ctx context.Context, tx *store.Tx) (map[domain.RoleID]int, error) {
		return tx.RoleBindingCounts(ctx)
	})
	same(t, map[domain.RoleID]int{r.ID: 1, k.RoleID("space-admin"): 1}, counts)
	remove := func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteRole(ctx, p, r.ID) }
	if err := k.try(t, access.KindRole, remove); err == nil {
		t.Error("a bound role was removed")
	}
	k.Unbind(t, binding)
	k.must(t, access.KindRole, remove)
	_, err = get(r.ID)
	gone(t, err)
	_, err = tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.Role, error) { return tx.RoleBySlug(ctx, r.Slug) })
	gone(t, err)
}

func testAPIKeys(t *testing.T, k *Kit) {
	key := filled[domain.APIKey](k)
	key.ID, key.Type = "key", domain.APIKeyOIDC
	bare := domain.APIKey{ID: "bare", Name: "bare", Type: domain.APIKeySecret, SecretHash: []byte{0, 1, 255}, CreatedAt: key.CreatedAt.Add(time.Second)}
	get := func(id domain.APIKeyID) (domain.APIKey, error) {
		return tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.APIKey, error) { return tx.APIKey(ctx, id) })
	}
	for _, one := range []domain.APIKey{key, bare} {
		k.must(t, access.KindAPIKey, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.InsertAPIKey(ctx, p, one) })
		got, err := get(one.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, one, got)
		if err := k.try(t, access.KindAPIKey, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.InsertAPIKey(ctx, p, one) }); err == nil {
			t.Error("an id was used twice")
		}
	}
	if all := read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.APIKey, error) { return tx.APIKeys(ctx) }); len(all) != 3 {
		t.Errorf("%d keys are listed, want 3", len(all))
	}

	key.Name, key.Description, key.Groups, key.OIDC.ClaimMappings = "new", "", nil, map[string]string{"groups": "teams"}
	k.must(t, access.KindAPIKey, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.UpdateAPIKey(ctx, p, key) })
	used := key.LastUsedAt.Add(time.Hour)
	for _, at := range []time.Time{used, used.Add(-time.Minute)} { // use is never noted backwards
		k.must(t, access.KindAPIKey, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.TouchAPIKey(ctx, p, key.ID, at)
		})
	}
	key.LastUsedAt = used
	got, _ := get(key.ID)
	same(t, key, got)

	k.actors["key"] = keySubject(key.ID)
	k.Bind(t, "key", "space-reader", "root")
	k.must(t, access.KindAPIKey, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteAPIKey(ctx, p, key.ID) })
	_, err := get(key.ID)
	gone(t, err)
	if n := len(k.bindingsOf(t, "key")); n != 0 {
		t.Errorf("security case 23: a deleted key left %d bindings", n)
	}
}

func testSigningKeys(t *testing.T, k *Kit) {
	old := domain.SigningKey{ID: "old", Private: []byte("private one"), CreatedAt: k.Clock.Now()}
	young := domain.SigningKey{ID: "young", Private: []byte("private two"), CreatedAt: k.Clock.Now().Add(time.Second)}
	for _, s := range []domain.SigningKey{old, young} {
		k.must(t, access.KindAPIKey, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.InsertSigningKey(ctx, p, s) })
	}
	same(t, []domain.SigningKey{young, old}, read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.SigningKey, error) { return tx.SigningKeys(ctx) }))
	if dump := k.Digest(t)["signing_keys"]; strings.Contains(dump, "private one") {
		t.Error("a signing key is kept in the clear")
	}
	if exists := read(t, k, func(ctx context.Context, tx *store.Tx) (bool, error) { return tx.AccountExists(ctx) }); !exists {
		t.Error("the account does not exist")
	}
	if err := k.try(t, access.KindSpace, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.CreateAccount(ctx, p) }); err == nil {
		t.Error("two accounts were created")
	}
	if diff := cmp.Diff(int64(1), k.revision(t)); diff != "" {
		t.Logf("revision after the first start:\n%s", diff)
	}
}

func (k *Kit) revision(t *testing.T) int64 {
	t.Helper()
	return read(t, k, func(ctx context.Context, tx *store.Tx) (int64, error) {
		stamp, err := tx.Stamp(ctx)
		return stamp.Revision, err
	})
}

func testFederationKeys(t *testing.T, k *Kit) {
	now := k.Clock.Now()
	first := domain.FederationKey{ID: "b", Private: []byte("private one"), CreatedAt: now, SignsFrom: now}
	second := domain.FederationKey{ID: "a", Private: []byte("private two"), CreatedAt: now, SignsFrom: now.Add(time.Hour)}
	for _, f := range []domain.FederationKey{second, first} {
		k.must(t, access.KindAccount, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertFederationKey(ctx, p, f)
		})
	}
	keys := func() []domain.FederationKey {
		return read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.FederationKey, error) { return tx.FederationKeys(ctx) })
	}
	same(t, []domain.FederationKey{second, first}, keys())
	if dump := k.Digest(t)["federation_keys"]; dump == "" || strings.Contains(dump, "private one") {
		t.Error("a federation key is kept in the clear")
	}
	k.must(t, access.KindAccount, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.DeleteFederationKey(ctx, p, "b")
	})
	same(t, []domain.FederationKey{second}, keys())
}
