package stacks_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/contexts"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/spaces"
	"github.com/airlock-project/airlock/internal/stacks"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
	"github.com/airlock-project/airlock/internal/workers"
)

// TestA118R18Move needs rights at both ends.
func TestA118R18Move(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.AddKey(t, "pat")
		b.Bind(t, "pat", "space-admin", "platform")
		b.Denied(t, domain.CodeNotFound, b.update(t, "ann", "k", space("sandbox")))
		row := b.Denied(t, domain.CodeForbidden, b.update(t, "ann", "k", space("root")))
		if !cmp.Equal(row.Spaces, []domain.SpaceID{"root", "apps"}) {
			t.Errorf("recorded spaces %v", row.Spaces)
		}
		b.Denied(t, domain.CodeNotFound, b.update(t, "pat", "k", space("platform")))
		b.Denied(t, domain.CodeNotFound, b.update(t, "root-admin", "k", space("nope")))
		row = b.Allowed(t, b.update(t, "ann", "k2", space("prod")))
		if !cmp.Equal(row.Spaces, []domain.SpaceID{"dev", "prod"}) {
			t.Errorf("recorded spaces %v", row.Spaces)
		}
	})
}

// TestCase56MoveNamesWhoGains: a stack that holds a role moves to where another
// writes. The audit row names him as somebody who now can act as the stack.
func TestCase56MoveNamesWhoGains(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.AddKey(t, "mover")
		b.Bind(t, "mover", "space-admin", "apps")
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k"}, "space-admin", "platform")
		before := b.Rows(t, `select * from role_bindings order by id`)
		row := b.Allowed(t, b.update(t, "mover", "k", space("dev")))
		will := "api key " + b.Actor("will").ID + " (will)"
		for _, part := range []string{"gain access: " + will, "gain the power to act as a stack: " + will} {
			if !strings.Contains(row.Reason, part) {
				t.Errorf("recorded %q, not %q", row.Reason, part)
			}
		}
		if strings.Contains(row.Reason, "(ann)") || strings.Contains(row.Reason, "(mover)") {
			t.Errorf("recorded %q: both write at either end", row.Reason)
		}
		if diff := cmp.Diff(before, b.Rows(t, `select * from role_bindings order by id`)); diff != "" { // A140
			t.Errorf("bindings changed:\n%s", diff)
		}
		// Without a role, there is nothing to act with.
		row = b.Allowed(t, b.update(t, "root-admin", "k2", space("apps")))
		if !strings.Contains(row.Reason, "lose access: "+will) || strings.Contains(row.Reason, "act as") {
			t.Errorf("recorded %q", row.Reason)
		}
	})
}

// TestA117FourSteps moves a stack with what it uses out of apps, as the access
// model says, one thing at a time.
func TestA117FourSteps(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		tree := spaces.New(store.Bind[spaces.Tx](b.Store), b.Gate, b.IDs)
		shared := contexts.New(store.Bind[contexts.Tx](b.Store), b.Gate, b.IDs)
		pools := workers.New(store.Bind[workers.Tx](b.Store), b.Gate, b.IDs, workers.Tokens{}, "")
		b.Pool(t, "build", "apps")
		b.Stack(t, "app", "apps", func(s *domain.Stack) { s.WorkerPool = "build" })
		b.Context(t, "net", "apps", "app")
		admin := b.As(t, "root-admin")
		moveContext := func(to domain.SpaceID) func() error {
			return func() error {
				_, err := shared.Update(admin, "net", contexts.Input{Name: "net", Space: to}, false)
				return err
			}
		}
		movePool := func(to domain.SpaceID) func() error {
			return func() error {
				_, err := pools.Update(admin, "build", workers.Input{Name: "build", Space: to})
				return err
			}
		}
		var home domain.SpaceID
		b.Allowed(t, func() error { // 1
			v, err := tree.Create(admin, spaces.Input{Name: "new home", Parent: "root", Inherit: true})
			home = v.ID
			return err
		})
		for name, early := range map[string]func() error{"stack": b.update(t, "root-admin", "app", space(home)), "context": moveContext(home), "pool": movePool(home)} {
			if row := b.Denied(t, domain.CodeConflict, early); !strings.Contains(row.Reason, "stack app of space apps would lose") {
				t.Errorf("%s: %s", name, row.Reason)
			}
		}
		b.Allowed(t, moveContext("root")) // 2
		b.Allowed(t, movePool("root"))
		b.Allowed(t, b.update(t, "root-admin", "app", space(home))) // 3
		b.Allowed(t, moveContext(home))                             // 4
		b.Allowed(t, movePool(home))
		b.View(t, func(tx *store.Tx) error {
			uses, err := tx.UsesOfStack(t.Context(), "app")
			for _, u := range uses {
				if u.StackSpace != home || u.EntitySpace != home {
					t.Errorf("at the end %+v", u)
				}
			}
			if len(uses) != 2 {
				t.Errorf("at the end %+v", uses)
			}
			return err
		})
	})
}

// TestA119SeenAtOnce: who sees a stack changes with its move.
func TestA119SeenAtOnce(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		sees := func(who string) bool {
			_, err := b.Get(b.As(t, who), "k2")
			list, listErr := b.List(b.As(t, who))
			listed := false
			for _, s := range list {
				listed = listed || s.ID == "k2"
			}
			if listErr != nil || listed != (err == nil) {
				t.Errorf("%s: listed %v, got %v, %v", who, listed, err, listErr)
			}
			return err == nil
		}
		if !sees("will") || sees("rita") {
			t.Error("before the move")
		}
		b.Allowed(t, b.update(t, "ann", "k2", space("prod")))
		if sees("will") || !sees("rita") {
			t.Error("after the move")
		}
	})
}

// TestA124DefaultSpace: legacy if it exists, else root.
func TestA124DefaultSpace(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		in := stacks.CreateInput{StackSettings: storetest.Settings("new", "")}
		made, err := b.Create(b.As(t, "root-admin"), in)
		if err != nil || made.Space != domain.LegacySpace {
			t.Errorf("with legacy: %s, %v", made.Space, err)
		}
		b.Denied(t, domain.CodeNotFound, b.create(t, "ann", in)) // she is nobody there
		if err := b.Exec(t, `delete from stacks where space_id = 'legacy'`); err != nil {
			t.Fatal(err)
		}
		if err := b.Exec(t, `delete from spaces where id = 'legacy'`); err != nil {
			t.Fatal(err)
		}
		made, err = b.Create(b.As(t, "root-admin"), in)
		if err != nil || made.Space != domain.RootSpace {
			t.Errorf("without legacy: %s, %v", made.Space, err)
		}
	})
}

// TestA136A141Case6RootBinding: a stack with a role at root cannot leave root;
// the refusal names every such binding, and an ended one does not count.
func TestA136A141Case6RootBinding(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		one := b.BindActor(t, stackActor("r0"), "space-reader", "root")
		two := b.BindActor(t, stackActor("r0"), "space-writer", "root")
		b.BindActor(t, stackActor("r0"), "space-admin", "apps")
		b.AddBinding(t, "space-admin", domain.Binding{Actor: stackActor("r0"), Space: "root", NotAfter: b.Clock.Now().Add(-time.Second)})
		row := b.Denied(t, domain.CodeConflict, b.update(t, "root-admin", "r0", space("apps")))
		if !strings.Contains(row.Reason, string(one)+", "+string(two)) || strings.Count(row.Reason, "01J") != 2 {
			t.Errorf("recorded %s", row.Reason)
		}
		b.Unbind(t, one)
		b.Denied(t, domain.CodeConflict, b.update(t, "root-admin", "r0", space("apps")))
		b.Unbind(t, two)
		b.Allowed(t, b.update(t, "root-admin", "r0", space("apps")))
		bind := bindings.New(store.Bind[bindings.Tx](b.Store), b.Gate, b.IDs)
		b.Denied(t, domain.CodeConflict, func() error { // A136: now it is not in root any more
			_, err := bind.Create(b.As(t, "root-admin"), bindings.Grant{Actor: stackActor("r0"), Input: bindings.Input{Role: b.RoleID("space-reader"), Space: "root"}})
			return err
		})
	})
}

// TestA120A140A147BindingsStay: a move leaves a stack's bindings as they are, and
// with them where it acts.
func TestA120A140A147BindingsStay(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.BindActor(t, stackActor("k"), "space-admin", "apps")
		before := b.Digest(t)["role_bindings"]
		b.acts(t, "k", map[domain.SpaceID]bool{"apps": true, "sandbox": false})
		b.Allowed(t, b.update(t, "root-admin", "k", space("sandbox")))
		b.acts(t, "k", map[domain.SpaceID]bool{"apps": true, "prod": true, "sandbox": false})
		if diff := cmp.Diff(before, b.Digest(t)["role_bindings"]); diff != "" {
			t.Error(diff)
		}
	})
}

// TestCase56WeakerWriter: a move to a space with writers of its own lends them
// the stack's roles; it takes rights at both ends, and the binding stays.
func TestCase56WeakerWriter(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.BindActor(t, stackActor("k"), "space-admin", "vault")
		b.AddKey(t, "mover")
		b.Bind(t, "mover", "space-admin", "apps")
		b.Denied(t, domain.CodeNotFound, b.update(t, "mover", "k", space("sandbox")))
		at := b.Bind(t, "mover", "space-writer", "sandbox")
		b.Denied(t, domain.CodeForbidden, b.update(t, "mover", "k", space("sandbox"))) // he writes there and creates nothing
		b.Unbind(t, at)
		b.Bind(t, "mover", "space-admin", "sandbox")
		row := b.Allowed(t, b.update(t, "mover", "k", space("sandbox")))
		if !cmp.Equal(row.Spaces, []domain.SpaceID{"apps", "sandbox"}) {
			t.Errorf("recorded spaces %v", row.Spaces)
		}
		b.acts(t, "k", map[domain.SpaceID]bool{"vault": true, "sandbox": false})
	})
}

// TestCase57MoveRacesBind: two servers bind and move at once. Whatever comes
// first, no stack outside root holds a role at root, and nobody binds where the
// stack no longer is his.
func TestCase57MoveRacesBind(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		second := b.Open(t)
		other := bindings.New(store.Bind[bindings.Tx](second), access.NewGate(), b.IDs)
		race := func(move, bind func() error) (moved, bound error) {
			var both sync.WaitGroup
			both.Go(func() { moved = move() })
			both.Go(func() { bound = bind() })
			both.Wait()
			return moved, bound
		}
		grant := func(who string, stack domain.StackID, at domain.SpaceID) func() error {
			ctx := b.As(t, who)
			return func() error {
				_, err := other.Create(ctx, bindings.Grant{Actor: stackActor(string(stack)), Input: bindings.Input{Role: b.RoleID("space-admin"), Space: at}})
				return err
			}
		}
		b.AddKey(t, "binder") // manages stacks of apps, administers vault
		b.Role(t, "stack-manager", authz.ActionSpaceRead, authz.ActionStackManage)
		b.Bind(t, "binder", "stack-manager", "apps")
		b.Bind(t, "binder", "space-admin", "vault")
		for i := range storetest.Rounds(t) / 2 { // two races each
			inRoot, inApps := domain.StackID(fmt.Sprint("root-", i)), domain.StackID(fmt.Sprint("apps-", i))
			b.Stack(t, inRoot, "root", nil)
			moved, bound := race(b.update(t, "root-admin", inRoot, space("apps")), grant("root-admin", inRoot, "root"))
			if (moved == nil) == (bound == nil) {
				t.Errorf("round %d at root: moved %v, bound %v", i, moved, bound)
			}
			b.Stack(t, inApps, "apps", nil)
			moved, bound = race(b.update(t, "root-admin", inApps, space("sandbox")), grant("binder", inApps, "vault"))
			if moved != nil || bound != nil && domain.ErrorCode(bound) != domain.CodeNotFound {
				t.Errorf("round %d in apps: moved %v, bound %v", i, moved, bound)
			}
		}
		for _, row := range b.Audit(t) {
			if row.Event == "role_binding.create" && row.Outcome == domain.AuditAllowed && row.Actor == b.KeyID("binder").AuditName() &&
				!cmp.Equal(row.Spaces, []domain.SpaceID{"vault", "apps"}) {
				t.Errorf("bound with rights in %v", row.Spaces)
			}
		}
	})
}
