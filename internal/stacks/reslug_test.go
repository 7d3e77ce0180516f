package stacks_test

import (
	"context"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

func (b bench) asksReslug(t *testing.T, who string, id domain.StackID) func() error {
	return func() error { _, err := b.Reslug(b.As(t, who), id); return err }
}

// TestReslugTakesEverythingAlong gives a stack with all that can belong to one
// another id.
func TestReslugTakesEverythingAlong(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "old", "dev", func(s *domain.Stack) { s.Name = "New name" })
		self := authz.ActorRef{Kind: authz.ActorStack, ID: "old"}
		b.BindActor(t, self, domain.RoleSpaceWriter, "dev")
		b.Role(t, "starter", authz.ActionSpaceRead, authz.ActionRunTrigger)
		b.BindEntity(t, "nobody", "starter", authz.EntityRef{Kind: authz.EntityStack, ID: "old"})
		b.Context(t, "c", "dev", "old")
		run := b.Run(t, "old", domain.RunFinished)
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			p = p.For(access.KindStack)
			for _, err := range []error{
				tx.PutConfig(ctx, p, access.KindStack, "old", domain.Config{ID: "SECRET", Type: domain.ConfigEnvironmentVariable, Value: "canary", WriteOnly: true}),
				tx.InsertState(ctx, p.For(access.KindState), domain.StateVersion{ID: "v1", StackID: "old", RunID: run.ID, Serial: 1}, []byte(`{"one":1}`)),
				tx.InsertState(ctx, p.For(access.KindState), domain.StateVersion{ID: "v2", StackID: "old", RunID: run.ID, Serial: 2}, []byte(`{"two":2}`)),
				tx.SetOutputs(ctx, p.For(access.KindState), "old", []domain.Output{{Name: "o", Value: "1"}}),
			} {
				if err != nil {
					return err
				}
			}
			return nil
		})
		before, _ := b.Get(b.As(t, "ann"), "old")

		b.Denied(t, domain.CodeForbidden, b.asksReslug(t, "will", "old"))
		row := b.Allowed(t, b.asksReslug(t, "ann", "old"))
		if row.Event != "stack.reslug" || row.ObjectID != "old" || row.Reason != "the new id is new-name" {
			t.Errorf("recorded %+v", row)
		}
		after, err := b.Get(b.As(t, "ann"), "new-name")
		if err != nil {
			t.Fatal(err)
		}
		before.ID = "new-name"
		if d := cmp.Diff(before, after); d != "" {
			t.Error(d)
		}
		_, err = b.Get(b.As(t, "ann"), "old")
		wantCode(t, err, domain.CodeNotFound)
		b.checkMoved(t, run.ID)
	})
}

func (b bench) checkMoved(t *testing.T, run domain.RunID) {
	t.Helper()
	b.View(t, func(tx *store.Tx) error {
		c := t.Context()
		config, err := tx.Config(c, access.KindStack, "new-name")
		if err != nil || len(config) != 1 || config[0].Value != "canary" {
			t.Errorf("config %+v, %v", config, err)
		}
		current, err := tx.CurrentState(c, "new-name")
		if err != nil {
			t.Fatal(err)
		}
		if body, err := tx.StateBody(c, current); err != nil || string(body) != `{"two":2}` {
			t.Errorf("state %s, %v", body, err)
		}
		if versions, _ := tx.StateVersions(c, "new-name", math.MaxInt64, 10); len(versions) != 2 {
			t.Errorf("%d versions of the state", len(versions))
		}
		if outs, _ := tx.Outputs(c, "new-name"); len(outs) != 1 {
			t.Errorf("outputs %v", outs)
		}
		if at, _ := tx.AttachmentsOfStack(c, "new-name"); len(at) != 1 {
			t.Errorf("attachments %v", at)
		}
		if r, _ := tx.Run(c, run); r.StackID != "new-name" {
			t.Errorf("run %+v", r)
		}
		return nil
	})
	// The roles of the stack, and those on it, count as before.
	self := authz.Subject{Actor: authz.ActorRef{Kind: authz.ActorStack, ID: "new-name"}}
	asStack := access.WithCaller(t.Context(), access.Caller{Subject: self, Name: "stack::new-name"})
	if v, err := b.Get(asStack, "k2"); err != nil || v.Bare {
		t.Errorf("the stack no longer reads its space: %v", err)
	}
	b.View(t, func(tx *store.Tx) error {
		may, err := b.Gate.Holds(b.As(t, "nobody"), tx, authz.ActionRunTrigger, access.Object{
			Space: "dev", Entity: authz.EntityRef{Kind: authz.EntityStack, ID: "new-name"},
		})
		if !may {
			t.Error("a role on the stack was lost")
		}
		return err
	})
}

func TestReslug(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "one", "dev", func(s *domain.Stack) { s.Name = "K2" }) // that id is taken
		got, err := b.Reslug(b.As(t, "ann"), "one")
		if err != nil || got.ID == "k2" || !b.exists(t, got.ID) || b.exists(t, "one") {
			t.Fatalf("id %s, %v", got.ID, err)
		}
		again, err := b.Reslug(b.As(t, "ann"), got.ID) // its own id is free for it
		if err != nil || again.ID != got.ID {
			t.Errorf("id %s, %v", again.ID, err)
		}
		b.Run(t, got.ID, domain.RunPlanning)
		b.Stack(t, "going", "dev", func(s *domain.Stack) { s.Name = "gone" })
		b.life(t, "going", domain.StackLife{Destroyer: "x"})
		for _, id := range []domain.StackID{got.ID, "going"} {
			b.Denied(t, domain.CodeConflict, b.asksReslug(t, "ann", id))
		}
		b.Role(t, "manager", authz.ActionSpaceRead, authz.ActionStackManage)
		b.AddKey(t, "manager")
		b.Bind(t, "manager", "manager", "dev")
		b.Stack(t, "managed", "dev", func(s *domain.Stack) { s.Name = "other" })
		b.Allowed(t, b.asksReslug(t, "manager", "managed")) // R4
	})
}
