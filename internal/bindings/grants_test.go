package bindings_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

func onStack(id string) authz.EntityRef { return authz.EntityRef{Kind: authz.EntityStack, ID: id} }

func onContext(id string) authz.EntityRef { return authz.EntityRef{Kind: authz.EntityContext, ID: id} }

// createOn grants a role on one entity.
func (b bench) createOn(t *testing.T, who string, actor authz.ActorRef, role string, e authz.EntityRef) func() error {
	return func() error {
		_, err := b.Create(b.As(t, who), bindings.Grant{Actor: actor, Input: bindings.Input{Role: b.RoleID(role), Entity: e}})
		return err
	}
}

// TestR24WhoBindsOnAnEntity: the rights of the entity's space, or held on the
// entity itself; nobody more than he holds there (G1).
func TestR24WhoBindsOnAnEntity(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Context(t, "c", "apps")
		b.Role(t, "binder", authz.ActionSpaceRead, authz.ActionRoleBindingManage)
		b.Role(t, "starter", authz.ActionSpaceRead, authz.ActionRoleBindingManage, authz.ActionRunTrigger)
		b.Role(t, "only-trigger", authz.ActionRunTrigger)
		for name, role := range map[string]string{"boss": "space-admin", "bob": "binder", "sam": "starter"} {
			b.AddKey(t, name)
			b.BindEntity(t, name, role, onStack("k"))
		}
		for _, c := range []struct {
			who, role string
			entity    authz.EntityRef
			want      domain.Code
		}{
			{"ann", "space-admin", onStack("k"), ""},
			{"ann", "space-reader", onStack("k2"), ""}, // of a space below
			{"ann", "operator", onContext("c"), ""},
			{"ann", "space-reader", onStack("r0"), domain.CodeForbidden}, // she only reads root
			{"will", "space-reader", onStack("k2"), domain.CodeForbidden},
			{"rita", "space-reader", onStack("k2"), domain.CodeNotFound},
			{"root-admin", "space-admin", onStack("r0"), ""},
			{"boss", "space-admin", onStack("k"), ""}, // the tier on the entity
			{"boss", "space-reader", onStack("k2"), domain.CodeNotFound},
			{"boss", "space-reader", onContext("c"), domain.CodeNotFound}, // another entity of the same space
			{"bob", "binder", onStack("k"), ""},
			{"bob", "operator", onStack("k"), domain.CodeForbidden}, // case 7 on an entity
			{"sam", "only-trigger", onStack("k"), ""},
			{"sam", "space-writer", onStack("k"), domain.CodeForbidden},
			{"ann", "space-reader", onStack("nope"), domain.CodeNotFound},
			{"ann", "space-reader", authz.EntityRef{Kind: authz.EntityPolicy, ID: "k"}, domain.CodeNotFound}, // there are none
			{"ann", "space-reader", onContext("k"), domain.CodeNotFound},
		} {
			t.Run(fmt.Sprintf("%s %s on %s %s", c.who, c.role, c.entity.Kind, c.entity.ID), func(t *testing.T) {
				row := b.check(t, c.want, b.createOn(t, c.who, b.Actor("nobody"), c.role, c.entity))
				home := map[authz.EntityRef]domain.SpaceID{onStack("k"): "apps", onStack("k2"): "dev", onStack("r0"): "root", onContext("c"): "apps"}[c.entity]
				if row.Event != "role_binding.create" || !slices.Equal(row.Spaces, []domain.SpaceID{home}) {
					t.Errorf("recorded %+v", row)
				}
			})
			b.dropAll(t, "nobody")
		}
		// R24: no level in the space, so nothing is granted there.
		b.Denied(t, domain.CodeForbidden, func() error { return b.create(t, "ann", b.Actor("boss"), "space-admin", "root")() })
		b.Denied(t, domain.CodeNotFound, b.create(t, "boss", b.Actor("nobody"), "space-reader", "apps"))
		hidden, missing := b.createOn(t, "rita", b.Actor("nobody"), "space-reader", onStack("k"))(), b.createOn(t, "rita", b.Actor("nobody"), "space-reader", onStack("nope"))()
		if hidden.Error() != missing.Error() {
			t.Errorf("R23: hidden: %v, missing: %v", hidden, missing)
		}
	})
}

// TestR11StackOnAnEntity: for a stack that is to act, Space admin of the
// entity's space and stack:manage where the stack lives; neither end is
// satisfied by a role on the entity.
func TestR11StackOnAnEntity(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "p", "platform", nil)
		b.AddKey(t, "boss")
		b.BindEntity(t, "boss", "space-admin", onStack("k2"))
		for _, c := range []struct {
			who, actor, target string
			want               domain.Code
		}{
			{"ann", "k", "k2", ""},
			{"ann", "k", "p", domain.CodeNotFound},               // case 1: the target's end
			{"ann", "p", "k2", domain.CodeNotFound},              // case 2: the stack's end
			{"boss", "k2", "k2", domain.CodeForbidden},           // sees it, and administers it alone
			{"root-admin", "p", "k", ""},                         // case 3
			{"root-admin", "k", "r0", ""},                        // A136 is about the space root
			{"ann", "missing", "k2", domain.CodeNotFound},        //
			{"ann", "k", "missing", domain.CodeNotFound},         //
			{"will", "k2", "k2", domain.CodeForbidden},           //
			{"nobody", "k", "k2", domain.CodeNotFound},           //
			{"root-admin", "r0", "missing", domain.CodeNotFound}, //
		} {
			row := b.check(t, c.want, b.createOn(t, c.who, stackActor(c.actor), "space-reader", onStack(c.target)))
			if c.want == "" && len(row.Spaces) != 2 {
				t.Errorf("%s: recorded spaces %v, want both ends", c.who, row.Spaces)
			}
		}
	})
}

// TestA134RemoveOnAnEntity: removing needs what making needs.
func TestA134RemoveOnAnEntity(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.BindEntity(t, "nobody", "operator", onStack("k2"))
		remove := func(who string, id domain.BindingID) func() error {
			return func() error { _, err := b.Remove(b.As(t, who), id); return err }
		}
		b.Denied(t, domain.CodeForbidden, remove("will", id))
		b.Denied(t, domain.CodeNotFound, remove("rita", id))
		if hidden, missing := remove("rita", id)(), remove("rita", "missing")(); hidden.Error() != missing.Error() {
			t.Errorf("R23: hidden: %v, missing: %v", hidden, missing)
		}
		// The forms of the contract know bindings to spaces only.
		b.Denied(t, domain.CodeNotFound, b.remove(t, "ann", authz.ActorAPIKey, id))
		_, err := b.Get(b.As(t, "ann"), authz.ActorAPIKey, id)
		wantCode(t, err, domain.CodeNotFound)
		if of, err := b.Of(b.As(t, "ann"), b.Actor("nobody")); len(of) != 0 || err != nil {
			t.Errorf("listed %+v, %v", of, err)
		}
		row := b.Allowed(t, remove("ann", id))
		if row.ObjectID != string(id) || !slices.Equal(row.Spaces, []domain.SpaceID{"dev"}) {
			t.Errorf("recorded %+v", row)
		}
	})
}

// TestA15A13Targets: what does not exist cannot be bound, one role can be bound
// anywhere.
func TestA13A15Targets(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		for _, space := range []domain.SpaceID{"dev", "prod", "vault-x"} {
			b.Allowed(t, b.create(t, "root-admin", b.Actor("nobody"), "operator", space)) // A13
		}
		b.Denied(t, domain.CodeNotFound, b.create(t, "root-admin", b.Actor("nobody"), "operator", "nope")) // A15
		b.Allowed(t, func() error {                                                                        // by slug
			_, err := b.Create(admin, grant(b.Actor("nobody"), "space-writer", "dev"))
			return err
		})
		b.Invalid(t, "roleID", func() error { _, err := b.Create(admin, grant(b.Actor("nobody"), "no-such-role", "dev")); return err })
	})
}

// TestCase74TooManyAtOnce: all or none, and never part of it silently.
func TestCase74TooManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		var many []bindings.Grant
		for range 10_001 {
			many = append(many, grant(b.Actor("nobody"), b.RoleID("operator"), "dev"))
		}
		b.Invalid(t, "input", func() error {
			_, err := b.Create(admin, many...)
			if err == nil || !strings.Contains(err.Error(), "10001") || !strings.Contains(err.Error(), "none was made") {
				t.Errorf("the refusal says %v", err)
			}
			return err
		})
		// As many as are accepted, for several actors, in one transaction.
		var most []bindings.Grant
		spaces := []domain.SpaceID{"dev", "prod", "net", "vault"}
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			for i := range domain.MaxBindingBatch {
				key := domain.APIKey{ID: domain.APIKeyID(fmt.Sprint("key", i/4)), Name: "key", Type: domain.APIKeySecret}
				most = append(most, grant(authz.ActorRef{Kind: authz.ActorAPIKey, ID: string(key.ID)}, b.RoleID("operator"), spaces[i%4]))
				if i%4 != 0 {
					continue
				}
				if err := tx.InsertAPIKey(ctx, p.For(access.KindAPIKey), key); err != nil {
					return err
				}
			}
			return nil
		})
		row := b.Allowed(t, func() error {
			made, err := b.Create(admin, most...)
			if len(made) != len(most) {
				t.Errorf("%d bindings were made, want %d", len(made), len(most))
			}
			return err
		})
		if row.Reason != "the first of 1000 role bindings made together" || !slices.Equal(row.Spaces, spaces) {
			t.Errorf("recorded %+v", row)
		}
		b.Denied(t, domain.CodeNotFound, func() error { // the last one is wrong
			_, err := b.Create(admin, append(slices.Clone(most[:3]), grant(b.Actor("nobody"), b.RoleID("operator"), "nope"))...)
			return err
		})
	})
}

// TestG1BatchGivesNobodyRightsOnTheWay: what a batch would give its maker does
// not count while it is decided.
func TestG1BatchGivesNobodyRightsOnTheWay(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Denied(t, domain.CodeNotFound, func() error {
			_, err := b.Create(b.As(t, "ann"), grant(b.Actor("ann"), b.RoleID("space-writer"), "dev"), grant(b.Actor("nobody"), b.RoleID("operator"), "platform"))
			return err
		})
		b.Role(t, "binder", authz.ActionSpaceRead, authz.ActionRoleBindingManage)
		b.AddKey(t, "bob")
		b.Bind(t, "bob", "binder", "dev")
		b.AddKey(t, "next")
		b.Denied(t, domain.CodeForbidden, func() error {
			_, err := b.Create(b.As(t, "bob"), grant(b.Actor("next"), b.RoleID("binder"), "dev"), grant(b.Actor("next"), b.RoleID("operator"), "dev"))
			return err
		})
	})
}

func until(actor authz.ActorRef, role domain.RoleID, space domain.SpaceID, end time.Time) bindings.Grant {
	g := grant(actor, role, space)
	g.NotAfter = end
	return g
}

// TestR24TimeBound: a binding counts to its last second and not after it.
func TestR24TimeBound(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin, now := b.As(t, "root-admin"), b.Clock.Now()
		for name, end := range map[string]time.Time{
			"now": now, "past": now.Add(-time.Second), "1970": time.Unix(0, 0), "too far": now.AddDate(101, 0, 0), "negative": time.Unix(-1<<40, 0), "overflow": time.Unix(1<<62, 0),
		} {
			t.Run(name, func(t *testing.T) {
				b.Invalid(t, "notAfter", func() error {
					_, err := b.Create(admin, until(b.Actor("nobody"), b.RoleID("space-admin"), "apps", end))
					return err
				})
			})
		}
		end := now.Add(time.Hour)
		made, err := b.Create(admin, until(b.Actor("nobody"), b.RoleID("space-admin"), "apps", end))
		if err != nil || !made[0].NotAfter.Equal(end) || made[0].Expired {
			t.Fatalf("made %+v, %v", made, err)
		}
		ask := b.create(t, "nobody", b.Actor("rita"), "operator", "dev")
		b.Clock.Advance(time.Hour)
		b.Allowed(t, ask) // the last moment
		b.Clock.Advance(time.Microsecond)
		row := b.Denied(t, domain.CodeNotFound, b.create(t, "nobody", b.Actor("rita"), "operator", "apps"))
		if !strings.Contains(row.Reason, "expired") || row.ActorRoles != nil {
			t.Errorf("recorded %+v", row)
		}
		// It is listed as expired, and not among those that count.
		v, err := b.Find(admin, made[0].ID)
		if err != nil || !v.Expired {
			t.Errorf("found %+v, %v", v, err)
		}
		if of, err := b.Of(admin, b.Actor("nobody")); err != nil || len(of) != 0 {
			t.Errorf("in effect %+v, %v", of, err)
		}
		// The same anew, for good.
		again, err := b.Create(admin, grant(b.Actor("nobody"), b.RoleID("space-admin"), "apps"))
		if err != nil || len(again) != 1 {
			t.Fatal(err)
		}
		_, err = b.Find(admin, made[0].ID)
		wantCode(t, err, domain.CodeNotFound)
	})
}

// TestCase62EndOnEveryServer: another server, which compiled the world before,
// lets go in the same moment though nothing was written.
func TestCase62EndOnEveryServer(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		other := service(b.Open(t), b.Kit)
		b.AddBinding(t, "space-admin", domain.Binding{Actor: b.Actor("nobody"), Space: "dev", NotAfter: b.Clock.Now().Add(time.Hour)})
		b.AddBinding(t, "space-admin", domain.Binding{Actor: b.Actor("nobody"), Entity: onStack("k"), NotAfter: b.Clock.Now().Add(2 * time.Hour)})
		ask := func(target bindings.Input) domain.Code {
			target.Role = b.RoleID("space-reader")
			_, err := other.Create(b.As(t, "nobody"), bindings.Grant{Actor: b.Actor("rita"), Input: target})
			return domain.ErrorCode(err)
		}
		space, stack := bindings.Input{Space: "dev"}, bindings.Input{Entity: onStack("k")}
		for _, c := range []struct {
			wait     time.Duration
			ofSpace  domain.Code // of the second try, the first one binds
			ofEntity domain.Code
		}{
			{0, "", ""},
			{time.Hour, domain.CodeConflict, domain.CodeConflict},
			{time.Microsecond, domain.CodeNotFound, domain.CodeConflict},
			{time.Hour, domain.CodeNotFound, domain.CodeNotFound},
		} {
			b.Clock.Advance(c.wait)
			if got, other := ask(space), ask(stack); got != c.ofSpace || other != c.ofEntity {
				t.Errorf("after another %v: %q in the space, %q on the stack; want %q, %q", c.wait, got, other, c.ofSpace, c.ofEntity)
			}
		}
	})
}

// TestR28UpdateKeepsTheEnd: a change that says nothing of the end does not
// make a binding last longer.
func TestR28UpdateKeepsTheEnd(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin, end := b.As(t, "root-admin"), b.Clock.Now().Add(time.Hour)
		made, err := b.Create(admin, until(b.Actor("nobody"), b.RoleID("operator"), "dev", end))
		if err != nil {
			t.Fatal(err)
		}
		key := authz.ActorRef{Kind: authz.ActorAPIKey}
		v, err := b.Update(admin, key, made[0].ID, bindings.Input{Role: "space-writer"})
		if err != nil || !v.NotAfter.Equal(end) || v.Role.Slug != "space-writer" {
			t.Errorf("now %+v, %v", v, err)
		}
		later := end.Add(time.Hour)
		if v, err = b.Update(admin, key, made[0].ID, bindings.Input{NotAfter: later}); err != nil || !v.NotAfter.Equal(later) {
			t.Errorf("now %+v, %v", v, err)
		}
		b.Clock.Advance(3 * time.Hour)
		b.Invalid(t, "notAfter", func() error {
			_, err := b.Update(admin, key, made[0].ID, bindings.Input{Role: "space-admin"})
			return err
		})
	})
}

// TestI11OnlyBindingsForGoodCount: an admin of root who will end, or who is
// one of an entity, is not the last one.
func TestI11OnlyBindingsForGoodCount(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.AddKey(t, "second")
		made, err := b.Create(b.As(t, "root-admin"), until(b.Actor("second"), b.RoleID("space-admin"), "root", b.Clock.Now().Add(time.Hour)))
		if err != nil {
			t.Fatal(err)
		}
		if w := made[0].Warnings; len(w) != 1 || !strings.Contains(w[0], "does not count as one who administers the account for good") {
			t.Errorf("warnings %q", w)
		}
		b.BindEntity(t, "second", "space-admin", onStack("r0"))
		b.Denied(t, domain.CodeConflict, b.remove(t, "second", authz.ActorAPIKey, b.bindingOf(t, "root-admin")))
	})
}

// TestA144AdministrativeStack: binding a role to a flagged stack is allowed,
// and warned of.
func TestA144AdministrativeStack(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "flagged", "apps", func(s *domain.Stack) { s.Administrative = true })
		for stack, want := range map[string]int{"flagged": 1, "k": 0} {
			made, err := b.Create(b.As(t, "ann"), grant(stackActor(stack), b.RoleID("space-reader"), "dev"))
			if err != nil || len(made[0].Warnings) != want {
				t.Errorf("%s: %+v, %v", stack, made, err)
			}
		}
	})
}

// TestBindingListIsWhatOneFinds: every list holds what its caller would find
// one by one, in any number of pages, whatever the filter.
func TestBindingListIsWhatOneFinds(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Context(t, "c", "apps")
		b.AddUser(t, "carol")
		b.AddGroup(t, "devops")
		b.AddKey(t, "guest")
		b.Role(t, "only-admin", authz.ActionSpaceAdmin)
		b.AddKey(t, "blind")
		b.Bind(t, "blind", "only-admin", "platform")
		b.BindActor(t, b.Actor("carol"), "space-writer", "net")
		b.BindActor(t, b.Actor("devops"), "space-reader", "vault")
		b.BindEntity(t, "guest", "operator", onStack("k2"))
		b.BindEntity(t, "carol", "space-reader", onContext("c"))
		b.BindActor(t, stackActor("k"), "space-reader", "platform")
		b.BindActor(t, stackActor("k2"), "space-admin", "dev")
		b.BindActor(t, stackActor("r0"), "space-admin", "apps")
		b.AddBinding(t, "operator", domain.Binding{Actor: stackActor("r0"), Entity: onStack("k")})
		b.Clock.Advance(time.Second)
		soon := b.AddBinding(t, "operator", domain.Binding{Actor: b.Actor("nobody"), Space: "dev", NotAfter: b.Clock.Now().Add(time.Hour)})
		past := b.AddBinding(t, "operator", domain.Binding{Actor: b.Actor("nobody"), Space: "prod", NotAfter: b.Clock.Now().Add(time.Minute)})
		b.Clock.Advance(2 * time.Minute)

		var all []domain.BindingID
		for _, row := range b.Rows(t, `select id from role_bindings order by created_at, id`) {
			all = append(all, domain.BindingID(fmt.Sprint(row[0])))
		}
		for _, who := range []string{"root-admin", "ann", "will", "rita", "guest", "blind", "nobody"} {
			var found []domain.BindingID
			for _, id := range all {
				if _, err := b.Find(b.As(t, who), id); err == nil {
					found = append(found, id)
				} else {
					wantCode(t, err, domain.CodeNotFound)
				}
			}
			for _, size := range []int{1, 3, 100} {
				if diff := cmp.Diff(found, b.pages(t, who, domain.BindingFilter{}, size)); diff != "" {
					t.Errorf("%s, pages of %d (-found +listed):\n%s", who, size, diff)
				}
			}
			want := map[string]int{"root-admin": len(all), "ann": len(all), "will": 4, "nobody": 4, "guest": 1}[who]
			if len(found) != want {
				t.Errorf("%s sees %d of %d, want %d", who, len(found), len(all), want)
			}
		}
		yes, no := true, false
		for name, c := range map[string]struct {
			filter domain.BindingFilter
			want   int
		}{
			"actor":             {domain.BindingFilter{Actor: b.Actor("carol")}, 2},
			"actor of no kind":  {domain.BindingFilter{Actor: stackActor(b.Actor("carol").ID)}, 0},
			"role":              {domain.BindingFilter{Role: "space-writer"}, 2},
			"unknown role":      {domain.BindingFilter{Role: "nope"}, 0},
			"space":             {domain.BindingFilter{Space: "apps"}, 4}, // ann, r0, carol on c, r0 on k
			"space and below":   {domain.BindingFilter{Space: "apps", Below: true}, 11},
			"unknown space":     {domain.BindingFilter{Space: "nope", Below: true}, 0},
			"entity":            {domain.BindingFilter{Entity: onStack("k")}, 1},
			"expired":           {domain.BindingFilter{Expired: &yes}, 1},
			"in effect":         {domain.BindingFilter{Expired: &no}, len(all) - 1},
			"ends in 2 hours":   {domain.BindingFilter{EndsWithin: 2 * time.Hour}, 1},
			"ends in 2 minutes": {domain.BindingFilter{EndsWithin: 2 * time.Minute}, 0},
			"all together":      {domain.BindingFilter{Actor: b.Actor("nobody"), Role: "operator", Space: "apps", Below: true, EndsWithin: 2 * time.Hour}, 1},
		} {
			if got := b.pages(t, "root-admin", c.filter, 2); len(got) != c.want {
				t.Errorf("%s: %d bindings, want %d", name, len(got), c.want)
			}
		}
		if got := b.pages(t, "ann", domain.BindingFilter{EndsWithin: 24 * time.Hour}, 5); !slices.Equal(got, []domain.BindingID{soon}) {
			t.Errorf("soon to end: %v", got)
		}
		if got := b.pages(t, "ann", domain.BindingFilter{Expired: &yes}, 5); !slices.Equal(got, []domain.BindingID{past}) {
			t.Errorf("expired: %v", got)
		}
	})
}

// pages reads a list to its end.
func (b bench) pages(t *testing.T, who string, f domain.BindingFilter, size int) (ids []domain.BindingID) {
	t.Helper()
	var after domain.ListPosition
	for {
		p, err := b.List(b.As(t, who), f, after, size)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Views) > size || p.More && len(p.Views) < size {
			t.Fatalf("a page of %d, more: %v", len(p.Views), p.More)
		}
		for _, v := range p.Views {
			ids = append(ids, v.ID)
			after = domain.ListPosition{At: v.CreatedAt, ID: string(v.ID)}
		}
		if !p.More {
			return ids
		}
	}
}

// TestBindingsHideNames: a name shows only to who sees what it belongs to.
func TestBindingsHideNames(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "p", "platform", nil)
		b.Stack(t, "in-apps", "apps", nil)
		acts := b.BindActor(t, stackActor("p"), "space-admin", "apps")
		elsewhere := b.BindEntity(t, "rita", "space-reader", onStack("p"))
		for who, want := range map[string]string{"ann": "p  rita ", "root-admin": "p p rita p"} {
			// Ann administers apps, where a stack acts that she does not see.
			one, err := b.Find(b.As(t, who), acts)
			other, otherErr := b.Find(b.As(t, who), elsewhere)
			got := fmt.Sprintf("%s %s %s %s", one.Actor.ID, one.ActorName, other.ActorName, other.EntityName)
			if got != want || err != nil || otherErr != nil || one.Home != "apps" || other.Home != "platform" || one.Role.Slug != "space-admin" {
				t.Errorf("%s sees %q (%+v, %+v), %v, %v; want %q", who, got, one, other, err, otherErr, want)
			}
		}
	})
}
