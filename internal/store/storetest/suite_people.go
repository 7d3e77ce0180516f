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

func (k *Kit) user(t *testing.T, id domain.UserID) (domain.User, error) {
	t.Helper()
	return tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.User, error) { return tx.User(ctx, id) })
}

func (k *Kit) insertUser(t *testing.T, u domain.User) error {
	t.Helper()
	return k.try(t, access.KindUser, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.InsertUser(ctx, p, u) })
}

func testUsers(t *testing.T, k *Kit) {
	full := filled[domain.User](k)
	full.ID, full.State = "full", domain.UserActive
	bare := domain.User{ID: "bare", Username: "bare", State: domain.UserInactive, CreatedAt: full.CreatedAt.Add(time.Second)}
	for _, u := range []domain.User{full, bare} {
		if err := k.insertUser(t, u); err != nil {
			t.Fatal(err)
		}
		got, err := k.user(t, u.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, u, got)
	}
	byName := read(t, k, func(ctx context.Context, tx *store.Tx) (domain.User, error) {
		return tx.UserByUsername(ctx, full.Username)
	})
	same(t, full, byName)
	byToken := read(t, k, func(ctx context.Context, tx *store.Tx) (domain.User, error) {
		return tx.UserByInvitation(ctx, full.Invitation.TokenHash)
	})
	same(t, full, byToken)
	same(t, []domain.User{full, bare}, read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.User, error) { return tx.Users(ctx) }))

	taken := domain.User{ID: "other", Username: full.Username, State: domain.UserActive}
	wantCode(t, k.insertUser(t, taken), domain.CodeConflict)
	taken.Username = strings.ToUpper(full.Username) // another user: names are exact
	if err := k.insertUser(t, taken); err != nil {
		t.Error(err)
	}
	taken.ID, taken.Username, taken.State = "expired", "x", domain.UserExpired
	if err := k.insertUser(t, taken); err == nil {
		t.Error("EXPIRED is a state of the clock and was stored")
	}

	full.Name, full.SlackID, full.State, full.Groups, full.LoginMethod = "n", "s", domain.UserInactive, nil, "l"
	full.LastLoginAt, full.Invitation = full.LastLoginAt.Add(time.Hour), domain.Invitation{}
	k.must(t, access.KindUser, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.UpdateUser(ctx, p, full) })
	got, _ := k.user(t, full.ID)
	same(t, full, got)

	k.actors["full"] = authz.Subject{Actor: authz.ActorRef{Kind: authz.ActorUser, ID: string(full.ID)}}
	k.Bind(t, "full", "space-reader", "root")
	k.must(t, access.KindUser, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteUser(ctx, p, full.ID) })
	_, err := k.user(t, full.ID)
	gone(t, err)
	if n := len(k.bindingsOf(t, "full")); n != 0 {
		t.Errorf("security case 23: a deleted user left %d bindings", n)
	}
	k.oneInvitation(t)
}

// oneInvitation is A164 in the database: one open invitation for an address.
func (k *Kit) oneInvitation(t *testing.T) {
	t.Helper()
	invited := func(id, email string, state domain.UserState) domain.User {
		return domain.User{
			ID: domain.UserID(id), Username: id, State: state, CreatedAt: k.Clock.Now(),
			Invitation: domain.Invitation{Email: email, TokenHash: []byte(id)},
		}
	}
	at := func(email string) (domain.User, error) {
		return tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.User, error) { return tx.UserInvitedAt(ctx, email) })
	}
	_, err := at("a@example.com")
	gone(t, err)
	for _, u := range []domain.User{
		invited("came", "a@example.com", domain.UserActive), invited("first", "A@Example.com", domain.UserPending), invited("queued", "b@example.com", domain.UserQueued),
	} {
		if err := k.insertUser(t, u); err != nil {
			t.Fatal(err)
		}
	}
	for email, want := range map[string]domain.UserID{"a@EXAMPLE.com": "first", "b@example.com": "queued"} {
		if got, err := at(email); err != nil || got.ID != want {
			t.Errorf("invited at %s is %q, %v", email, got.ID, err)
		}
		wantCode(t, k.insertUser(t, invited("second", email, domain.UserPending)), domain.CodeConflict)
	}
}

func testUserGroups(t *testing.T, k *Kit) {
	g := filled[domain.UserGroup](k)
	get := func(id domain.UserGroupID) (domain.UserGroup, error) {
		return tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.UserGroup, error) { return tx.UserGroup(ctx, id) })
	}
	insert := func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.InsertUserGroup(ctx, p, g) }
	k.must(t, access.KindUserGroup, insert)
	first := g
	got, err := get(g.ID)
	if err != nil {
		t.Fatal(err)
	}
	same(t, first, got)
	byName := func(name string) (domain.UserGroup, error) {
		return tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.UserGroup, error) {
			return tx.UserGroupByName(ctx, name)
		})
	}
	got, err = byName(g.Name)
	if err != nil {
		t.Fatal(err)
	}
	same(t, first, got)
	g.ID = "another"
	wantCode(t, k.try(t, access.KindUserGroup, insert), domain.CodeConflict)
	for i, name := range []string{"DevOps", "devops", "DevOps ", " DevOps"} { // A157: four groups
		g.ID, g.Name, g.CreatedAt = domain.UserGroupID(rune('a'+i)), name, g.CreatedAt.Add(time.Second)
		k.must(t, access.KindUserGroup, insert)
		if got, err := byName(name); err != nil || got.ID != g.ID {
			t.Errorf("%q is %q, %v", name, got.ID, err)
		}
	}
	_, err = byName("DEVOPS")
	gone(t, err)
	first.Description = "new"
	k.must(t, access.KindUserGroup, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.UpdateUserGroup(ctx, p, first)
	})
	all := read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.UserGroup, error) { return tx.UserGroups(ctx) })
	if len(all) != 5 {
		t.Fatalf("%d groups are listed, want 5", len(all))
	}
	same(t, first, all[0])

	k.actors["g"] = authz.Subject{Actor: authz.ActorRef{Kind: authz.ActorGroup, ID: string(first.ID)}}
	k.Bind(t, "g", "space-reader", "root")
	k.must(t, access.KindUserGroup, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.DeleteUserGroup(ctx, p, first.ID)
	})
	_, err = get(first.ID)
	gone(t, err)
	if n := len(k.bindingsOf(t, "g")); n != 0 {
		t.Errorf("security case 23: a deleted group left %d bindings", n)
	}
}

// testWorldActors reads groups and members as decisions see them.
func testWorldActors(t *testing.T, k *Kit) {
	world := func() domain.World {
		return read(t, k, func(ctx context.Context, tx *store.Tx) (domain.World, error) { return tx.World(ctx) })
	}
	first := []authz.Actor{{Ref: k.Actor("root-admin")}}
	w := world()
	same(t, []authz.Group{}, w.Groups)
	same(t, first, w.Actors)
	devops := k.AddGroup(t, "DevOps")
	carol := k.AddUser(t, "carol", "Ω", "DevOps")
	dave := k.AddUser(t, "dave")
	ends := k.Clock.Now().Add(time.Hour)
	for _, key := range []domain.APIKey{
		{ID: "ends", Name: "ends", Type: domain.APIKeySecret, ExpiresAt: ends},
		{ID: "member", Name: "member", Type: domain.APIKeySecret, Groups: []string{"DevOps"}},
		{ID: "neither", Name: "neither", Type: domain.APIKeySecret},
	} {
		k.must(t, access.KindAPIKey, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.InsertAPIKey(ctx, p, key) })
	}
	w = world()
	same(t, []authz.Group{{ID: string(devops), Name: "DevOps"}}, w.Groups)
	same(t, append(first, []authz.Actor{
		{Ref: authz.ActorRef{Kind: authz.ActorAPIKey, ID: "ends"}, NotAfter: ends.Add(-time.Nanosecond)},
		{Ref: authz.ActorRef{Kind: authz.ActorAPIKey, ID: "member"}, Groups: []string{"DevOps"}},
		{Ref: authz.ActorRef{Kind: authz.ActorAPIKey, ID: "neither"}},
		{Ref: authz.ActorRef{Kind: authz.ActorUser, ID: string(carol)}, Groups: []string{"Ω", "DevOps"}},
		{Ref: authz.ActorRef{Kind: authz.ActorUser, ID: string(dave)}},
	}...), w.Actors)

	k.AddUser(t, "erin", "DevOps", "Zz", "DevOps")
	k.Clock.Advance(time.Minute)
	k.Report(t, carol, "DevOps", "a")
	last := k.Clock.Now()
	want := []domain.ReportedGroup{
		{Name: "DevOps", Members: 2, LastLoginAt: last}, {Name: "Zz", Members: 1, LastLoginAt: last.Add(-time.Minute)}, {Name: "a", Members: 1, LastLoginAt: last},
	}
	got := read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.ReportedGroup, error) { return tx.ReportedGroups(ctx) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reported (-want +got):\n%s", diff)
	}
}

// peopleChanges are writes of users, groups and keys for testRevision.
func (k *Kit) peopleChanges() []change {
	user := func(do func(*domain.User)) write {
		return func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			u, err := tx.User(ctx, "u")
			if err != nil {
				return err
			}
			do(&u)
			return tx.UpdateUser(ctx, p, u)
		}
	}
	bind := func(id domain.BindingID, kind authz.ActorKind, actor string) write {
		return func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertBinding(ctx, p, domain.Binding{ID: id, Actor: authz.ActorRef{Kind: kind, ID: actor}, Role: k.RoleID("space-reader"), Space: "dev"})
		}
	}
	key := func(groups ...string) write {
		return func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.UpdateAPIKey(ctx, p, domain.APIKey{ID: "ends", Name: "ends", Groups: groups})
		}
	}
	return []change{
		{"user", access.KindUser, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertUser(ctx, p, domain.User{ID: "u", Username: "u", State: domain.UserActive})
		}},
		{"user change", access.KindUser, false, user(func(u *domain.User) { u.Name = "n" })},
		{"user's first groups", access.KindUser, true, user(func(u *domain.User) { u.Groups = []string{"a", "b"} })},
		{"user's other groups", access.KindUser, true, user(func(u *domain.User) { u.Groups = []string{"b"} })},
		{"user binding", access.KindRoleBinding, true, bind("ub", authz.ActorUser, "u")},
		{"user with groups and bindings end", access.KindUser, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteUser(ctx, p, "u") }},
		{"member", access.KindUser, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertUser(ctx, p, domain.User{ID: "u", Username: "u", State: domain.UserActive, Groups: []string{"a"}})
		}},
		{"member leaves", access.KindUser, true, user(func(u *domain.User) { u.Groups = nil })},
		{"bare user end", access.KindUser, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteUser(ctx, p, "u") }},
		{"group", access.KindUserGroup, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertUserGroup(ctx, p, domain.UserGroup{ID: "g", Name: "g"})
		}},
		{"group change", access.KindUserGroup, false, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.UpdateUserGroup(ctx, p, domain.UserGroup{ID: "g", Description: "d"})
		}},
		{"group binding", access.KindRoleBinding, true, bind("gb", authz.ActorGroup, "g")},
		{"group end", access.KindUserGroup, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteUserGroup(ctx, p, "g") }},
		{"key that ends", access.KindAPIKey, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertAPIKey(ctx, p, domain.APIKey{ID: "ends", Name: "ends", Type: domain.APIKeySecret, ExpiresAt: k.Clock.Now().Add(time.Hour)})
		}},
		{"key's groups", access.KindAPIKey, true, key("a")},
		{"key change", access.KindAPIKey, false, key("a")},
		{"key that ends is gone", access.KindAPIKey, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteAPIKey(ctx, p, "ends") }},
	}
}
