package stacks_test

import (
	"strings"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/stacks"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

func pool(to domain.WorkerPoolID) func(*domain.StackSettings) {
	return func(s *domain.StackSettings) { s.WorkerPool = to }
}

// TestA114Pool: a stack chooses among the pools that its space reaches, and
// that its manager sees.
func TestA114Pool(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, space := range []domain.SpaceID{"root", "apps", "dev", "vault"} {
			b.Pool(t, domain.WorkerPoolID("of-"+space), space)
		}
		for _, id := range []domain.WorkerPoolID{"of-dev", "of-apps", "of-root"} {
			b.Allowed(t, b.update(t, "ann", "k2", pool(id)))
		}
		row := b.Denied(t, domain.CodeConflict, b.update(t, "ann", "k", pool("of-dev"))) // below it
		if !strings.Contains(row.Reason, "worker pool of-dev (of-dev) of space dev is out of reach of stacks in space apps") {
			t.Errorf("recorded %s", row.Reason)
		}
		b.Denied(t, domain.CodeConflict, b.update(t, "root-admin", "k2", pool("of-vault")))
		in := stacks.CreateInput{StackSettings: storetest.Settings("new", "prod")}
		in.WorkerPool = "of-apps" // prod does not inherit
		b.Denied(t, domain.CodeConflict, b.create(t, "ann", in))
		in.Space = "dev"
		b.Allowed(t, b.create(t, "ann", in))

		// R23: a hidden pool reads like a missing one.
		hidden, missing := b.update(t, "ann", "k2", pool("of-vault")), b.update(t, "ann", "k2", pool("missing"))
		b.Invalid(t, "workerPool", hidden)
		b.Invalid(t, "workerPool", missing)
		if one, other := hidden().Error(), missing().Error(); one != other {
			t.Errorf("hidden %q, missing %q", one, other)
		}
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k2"}, "space-admin", "dev")
		run := b.AsStack(t, domain.Run{ID: "run", StackID: "k2", State: domain.RunApplying})
		byRun := func(id domain.WorkerPoolID) func() error {
			in := stacks.CreateInput{StackSettings: storetest.Settings("by run", "dev")}
			in.WorkerPool = id
			return func() error { _, err := b.Create(run, in); return err }
		}
		b.Allowed(t, byRun("of-dev"))
		b.Invalid(t, "workerPool", byRun("of-apps")) // nothing climbs for stacks (R14)
	})
}

// TestA115Move: what a stack uses stays in reach, or it stays; a pool that the
// same change gives up does not hold it back.
func TestA115Move(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Pool(t, "of-apps", "apps")
		b.Pool(t, "of-prod", "prod")
		b.Context(t, "shared", "apps", "k2")
		b.Allowed(t, b.update(t, "ann", "k2", pool("of-apps")))
		row := b.Denied(t, domain.CodeConflict, b.update(t, "ann", "k2", space("prod")))
		const want = "stack k2 of space dev would lose context shared of space apps and worker pool of-apps of space apps"
		if row.Reason != want {
			t.Errorf("recorded %q, want %q", row.Reason, want)
		}
		b.Allowed(t, b.update(t, "ann", "k2", space("apps")))
		both := func(s *domain.StackSettings) { s.Space, s.WorkerPool = "prod", "of-prod" }
		row = b.Denied(t, domain.CodeConflict, b.update(t, "ann", "k2", both))
		if strings.Contains(row.Reason, "worker pool") {
			t.Errorf("recorded %q", row.Reason)
		}
		b.Stack(t, "k3", "dev", func(s *domain.Stack) { s.WorkerPool = "of-apps" })
		b.Denied(t, domain.CodeConflict, b.update(t, "ann", "k3", space("prod")))
		b.Allowed(t, b.update(t, "ann", "k3", both))
		b.Denied(t, domain.CodeConflict, b.update(t, "ann", "k3", space("dev")))
		b.Allowed(t, b.update(t, "ann", "k3", func(s *domain.StackSettings) { s.Space, s.WorkerPool = "dev", "" }))
	})
}
