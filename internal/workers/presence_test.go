package workers_test

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
	"github.com/airlock-project/airlock/internal/store/storetest"
)

var ofApps = domain.PoolKey{Pool: "of-apps"}

func (b bench) sees(t *testing.T, id string) (restart bool) {
	t.Helper()
	restart, err := b.Seen(t.Context(), ofApps, domain.Worker{ID: id, Slots: 2, Metadata: map[string]string{"asg_id": "a"}})
	if err != nil {
		t.Fatal(err)
	}
	return restart
}

// workers returns name and status of the workers of of-apps, as will sees them.
func (b bench) workers(t *testing.T) string {
	t.Helper()
	v, err := b.Get(b.As(t, "will"), "of-apps")
	if err != nil {
		t.Fatal(err)
	}
	list, err := b.List(b.As(t, "will"))
	if err != nil || !cmp.Equal(list[0].Workers, v.Workers) {
		t.Errorf("the list shows %+v, %v", list, err)
	}
	var out []string
	for _, w := range v.Workers {
		out = append(out, w.ID+" "+string(w.Status()))
	}
	return strings.Join(out, ", ")
}

func (b bench) writeDown(t *testing.T, lost int) {
	t.Helper()
	if n, err := b.WriteDown(t.Context()); n != lost || err != nil {
		t.Errorf("%d workers are lost, %v; want %d", n, err, lost)
	}
}

// TestWorkersComeAndGo: a worker is listed from its first question until it
// says that it has gone, or is silent for too long.
func TestWorkersComeAndGo(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.sees(t, "w1")
		b.Clock.Advance(time.Second)
		b.sees(t, "w2")
		if got := b.workers(t); got != "w1 IDLE, w2 IDLE" {
			t.Errorf("workers: %s", got)
		}
		v, _ := b.Get(b.As(t, "will"), "of-apps")
		want := domain.Worker{
			Pool: "of-apps", ID: "w2", Slots: 2, Metadata: map[string]string{"asg_id": "a"},
			CreatedAt: b.Clock.Now(), AvailableAt: b.Clock.Now(), SeenAt: b.Clock.Now(),
		}
		if diff := cmp.Diff(want, v.Workers[1]); diff != "" {
			t.Errorf("w2 differs:\n%s", diff)
		}

		b.Clock.Advance(domain.WorkerSilence)
		before := b.Digest(t)["workers"]
		b.sees(t, "w2")
		if b.Digest(t)["workers"] != before {
			t.Error("an idle worker costs a write each time it asks")
		}
		b.writeDown(t, 1)
		if got := b.workers(t); got != "w2 IDLE" {
			t.Errorf("when one is silent: %s", got)
		}
		if b.sees(t, "w1"); b.workers(t) != "w2 IDLE, w1 IDLE" {
			t.Errorf("when it comes back: %s", b.workers(t))
		}
		for _, gone := range []bool{false, true} {
			if err := b.Leaves(t.Context(), ofApps, "w1", gone); err != nil {
				t.Fatal(err)
			}
			want := map[bool]string{false: "w2 IDLE, w1 DRAINING", true: "w2 IDLE"}[gone]
			if got := b.workers(t); got != want {
				t.Errorf("gone %v: %s", gone, got)
			}
		}
		b.writeDown(t, 0)
		if _, err := b.Reset(b.As(t, "ann"), "of-apps", request(t)); err != nil || b.workers(t) != "" {
			t.Errorf("after a reset: %s, %v", b.workers(t), err)
		}
	})
}

// TestBusyWorkerIsNotLost: who executes a run asks for none, however long.
func TestBusyWorkerIsNotLost(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "user", "apps", func(s *domain.Stack) { s.WorkerPool = "of-apps" })
		b.sees(t, "w1")
		run := b.Run(t, "user", domain.RunPlanning)
		run.Worker, run.LeaseUntil = "w1", b.Clock.Now().Add(time.Hour)
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.SaveRun(ctx, p.For(access.KindRun), run)
		})
		b.Clock.Advance(2 * domain.WorkerSilence)
		b.writeDown(t, 0)
		if got := b.workers(t); got != "w1 BUSY" {
			t.Errorf("workers: %s", got)
		}
	})
}

// TestDrainAndCycle: what people decide about workers, and who may.
func TestDrainAndCycle(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.AddKey(t, "controller")
		b.Bind(t, "controller", "worker-pool-controller", "apps")
		b.Role(t, "cycler", authz.ActionSpaceRead, authz.ActionWorkerPoolCycle)
		b.AddKey(t, "cy")
		b.Bind(t, "cy", "cycler", "apps")
		b.Role(t, "drainer", authz.ActionSpaceRead, authz.ActionWorkerDrainSet)
		b.AddKey(t, "di")
		b.Bind(t, "di", "drainer", "apps")
		f, n := domain.CodeForbidden, domain.CodeNotFound
		for who, want := range map[string]struct{ drain, cycle domain.Code }{
			"root-admin": {}, "ann": {}, "controller": {f, f}, "cy": {f, ""}, "di": {"", f}, "will": {f, f}, "rita": {n, n}, "nobody": {n, n},
		} {
			b.Clock.Advance(time.Second)
			b.sees(t, who)
			b.Clock.Advance(time.Second)
			for _, drain := range []bool{true, false} {
				row := b.check(t, want.drain, func() error { _, err := b.SetDrained(b.As(t, who), "of-apps", who, drain); return err })
				if row.Event != "worker.drain_set" || row.ObjectID != "of-apps" {
					t.Errorf("recorded %+v", row)
				}
			}
			row := b.check(t, want.cycle, func() error { return b.Cycle(b.As(t, who), "of-apps") })
			if row.Event != "worker_pool.cycle" {
				t.Errorf("recorded %+v", row)
			}
			if restart := b.sees(t, who); restart != (want.cycle == "") {
				t.Errorf("%s: the worker restarts: %v", who, restart)
			}
			b.Clock.Advance(time.Second)
			if b.sees(t, who+"-again") {
				t.Error("one that came later restarts")
			}
		}
		ann := b.As(t, "ann")
		b.sees(t, "w")
		w, err := b.SetDrained(ann, "of-apps", "w", true)
		if err != nil || w.Status() != domain.WorkerDrained {
			t.Errorf("drained %+v, %v", w, err)
		}
		_, err = b.SetDrained(ann, "of-apps", "nope", true)
		wantCode(t, err, domain.CodeNotFound)
		_, err = b.SetDrained(b.As(t, "root-admin"), "of-root", "w", true) // of another pool
		wantCode(t, err, domain.CodeNotFound)
	})
}

func TestBadWorkers(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		many := map[string]string{}
		for range 65 {
			many[b.IDs.ULID()] = ""
		}
		for name, bad := range map[string]domain.Worker{
			"no name": {}, "blank": {ID: "a b"}, "long": {ID: strings.Repeat("x", 256)}, "many": {ID: "w", Metadata: many},
			"no key": {ID: "w", Metadata: map[string]string{"": "x"}}, "long text": {ID: "w", Metadata: map[string]string{"x": strings.Repeat("x", 1025)}},
			"control": {ID: "w", Metadata: map[string]string{"x": "\x00"}},
		} {
			if _, err := b.Seen(t.Context(), ofApps, bad); domain.ErrorCode(err) != domain.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, bad := range storetest.Hostile() {
			if _, err := b.Seen(t.Context(), ofApps, domain.Worker{ID: bad}); err != nil && domain.ErrorCode(err) != domain.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestVersions: of the workers that are there, in pools that the caller lists
// and in the built-in one; newest first, each once.
func TestVersions(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for pool, tofu := range map[domain.WorkerPoolID]string{
			domain.DefaultWorkerPool: "1.10.0, 1.9.3", "of-apps": "1.12.6,1.10.0,newest", "of-vault": "2.0.0",
		} {
			w := domain.Worker{ID: "w", Slots: 1, Metadata: map[string]string{"opentofu": tofu, "host": "h"}}
			if _, err := b.Seen(t.Context(), domain.PoolKey{Pool: pool}, w); err != nil {
				t.Fatal(err)
			}
		}
		for who, want := range map[string]string{"root-admin": "2.0.0 1.12.6 1.10.0 1.9.3", "ann": "1.12.6 1.10.0 1.9.3", "nobody": "1.10.0 1.9.3"} {
			got, err := b.Versions(b.As(t, who), domain.ToolOpenTofu)
			if err != nil || strings.Join(got, " ") != want {
				t.Errorf("%s: %v, %v, want %s", who, got, err, want)
			}
		}
		if got, err := b.Versions(b.As(t, "root-admin"), domain.ToolTerraform); err != nil || got == nil || len(got) != 0 {
			t.Errorf("of a tool that nobody has: %v, %v", got, err)
		}
		b.Clock.Advance(time.Hour)
		if got, err := b.Versions(b.As(t, "root-admin"), domain.ToolOpenTofu); err != nil || len(got) != 0 {
			t.Errorf("of workers that are gone: %v, %v", got, err)
		}
	})
}

// TestToolVersions: of a stack, by the workers that would take its runs; nothing
// where they differ.
func TestToolVersions(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, w := range []domain.Worker{
			{Pool: domain.DefaultWorkerPool, ID: "a", Metadata: map[string]string{"opentofu": "1.10.0,1.12.6"}},
			{Pool: domain.DefaultWorkerPool, ID: "b", Metadata: map[string]string{"opentofu": "1.10.0", "terraform": "1.5.7"}},
			{Pool: domain.DefaultWorkerPool, ID: "c", Metadata: map[string]string{}},
			{Pool: "of-apps", ID: "d", Metadata: map[string]string{"opentofu": "1.9.3"}},
			{Pool: "of-vault", ID: "e", Metadata: map[string]string{"opentofu": "1.8.0"}},
		} {
			w.Slots = 1
			if _, err := b.Seen(t.Context(), domain.PoolKey{Pool: w.Pool}, w); err != nil {
				t.Fatal(err)
			}
		}
		stack := func(id, pool, version, tool string) domain.Stack {
			return domain.Stack{ID: domain.StackID(id), StackSettings: domain.StackSettings{
				WorkerPool: domain.WorkerPoolID(pool), Vendor: domain.Vendor{Terraform: &domain.TofuVendor{Version: version, WorkflowTool: tool}},
			}}
		}
		list := []domain.Stack{
			stack("any", "", "", ""), stack("only-a", "", "> 1.10", ""), stack("differ", "", "", domain.WorkflowTerraform),
			stack("none", "", "3.0.0", ""), stack("apps", "of-apps", "", ""), stack("drained", "of-vault", "", ""), stack("idle", "of-root", "", ""),
		}
		if _, err := b.SetDrained(b.As(t, "root-admin"), "of-vault", "e", true); err != nil {
			t.Fatal(err)
		}
		got, err := b.ToolVersions(b.As(t, "root-admin"), list)
		if diff := cmp.Diff(map[domain.StackID]string{"any": "1.10.0", "only-a": "1.12.6", "apps": "1.9.3"}, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		b.Clock.Advance(time.Hour)
		if got, err := b.ToolVersions(b.As(t, "root-admin"), list); err != nil || len(got) != 0 {
			t.Errorf("of workers that are gone: %v, %v", got, err)
		}
	})
}
