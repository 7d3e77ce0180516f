package stacks_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/stacks"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

type bench struct {
	*storetest.Kit
	*stacks.Service
}

// each runs a test on both databases with the access model's fixture.
func each(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		refuseHTTP := func(url, _ string) error {
			if strings.HasPrefix(url, "http://") {
				return domain.Invalid("repositoryURL", "http is not allowed")
			}
			return nil
		}
		test(t, bench{k, stacks.New(store.Bind[stacks.Tx](k.Store), access.NewGate(), k.IDs, refuseHTTP)})
	})
}

func wantCode(t *testing.T, err error, want domain.Code) {
	t.Helper()
	if err == nil || domain.ErrorCode(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func (b bench) check(t *testing.T, want domain.Code, ask func() error) domain.AuditEntry {
	t.Helper()
	if want == "" {
		return b.Allowed(t, ask)
	}
	return b.Denied(t, want, ask)
}

func (b bench) create(t *testing.T, who string, in stacks.CreateInput) func() error {
	return func() error { _, err := b.Create(b.As(t, who), in); return err }
}

// update changes a stack from what it is now.
func (b bench) update(t *testing.T, who string, id domain.StackID, change func(*domain.StackSettings)) func() error {
	return func() error {
		in := storetest.Settings("x", "")
		b.View(t, func(tx *store.Tx) error {
			st, err := tx.Stack(t.Context(), id)
			if err == nil {
				in = st.StackSettings
			}
			return nil
		})
		change(&in)
		_, err := b.Update(b.As(t, who), id, in)
		return err
	}
}

func branch(to string) func(*domain.StackSettings) {
	return func(s *domain.StackSettings) { s.Branch = to }
}
func space(to domain.SpaceID) func(*domain.StackSettings) {
	return func(s *domain.StackSettings) { s.Space = to }
}
func flag(on bool) func(*domain.StackSettings) {
	return func(s *domain.StackSettings) { s.Administrative = on }
}

// TestA81A83Rights asks as everybody for every change.
func TestA81A83Rights(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Role(t, "manager", authz.ActionSpaceRead, authz.ActionStackManage)
		b.AddKey(t, "mia")
		b.Bind(t, "mia", "manager", "dev")
		f, n := domain.CodeForbidden, domain.CodeNotFound
		for who, want := range map[string]struct{ create, update, config, remove domain.Code }{
			"root-admin": {}, "ann": {},
			"mia":    {"", "", "", f}, // R4: everything but deleting
			"will":   {f, f, "", f},   // A83: the environment
			"ops":    {f, f, f, f},
			"rita":   {n, n, n, n},
			"nobody": {n, n, n, n},
		} {
			id := domain.StackID("s-" + who)
			b.Stack(t, id, "dev", nil)
			row := b.check(t, want.create, b.create(t, who, stacks.CreateInput{StackSettings: storetest.Settings(who, "dev")}))
			if row.Event != "stack.create" || !cmp.Equal(row.Spaces, []domain.SpaceID{"dev"}) {
				t.Errorf("recorded %+v", row)
			}
			b.check(t, want.update, b.update(t, who, id, branch("other")))
			add := func() error { _, err := b.AddConfig(b.As(t, who), id, variable("A", "b")); return err }
			b.check(t, want.config, add)
			if want.config == "" {
				b.Allowed(t, func() error { _, err := b.DeleteConfig(b.As(t, who), id, "A"); return err })
				_, err := b.DeleteConfig(b.As(t, who), id, "A")
				wantCode(t, err, n)
			}
			b.check(t, want.remove, func() error { _, err := b.Delete(b.As(t, who), id); return err })
		}
		wantCode(t, b.create(t, "", stacks.CreateInput{StackSettings: storetest.Settings("x", "dev")})(), domain.CodeUnauthenticated)
		b.Denied(t, n, b.create(t, "root-admin", stacks.CreateInput{StackSettings: storetest.Settings("x", "nope")}))
	})
}

func variable(id, value string) domain.Config {
	return domain.Config{ID: id, Type: domain.ConfigEnvironmentVariable, Value: value}
}

// TestCreate fills defaults and finds a free slug.
func TestCreate(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		in := stacks.CreateInput{StackSettings: domain.StackSettings{Name: "Net Ω", Branch: "main", Repository: "r", WorkerPool: domain.DefaultWorkerPool}, ManageState: true}
		made, err := b.Create(admin, in)
		if err != nil {
			t.Fatal(err)
		}
		if made.ID != "net" || made.Space != domain.LegacySpace || made.Provider != domain.ProviderGitHub || made.Vendor.OpenTofu == nil || // A124
			made.WorkerPool != "" || !made.ManagesState || made.RunState != domain.RunNone || made.StateSetBy != b.KeyID("root-admin").AuditName() {
			t.Errorf("made %+v", made)
		}
		got, err := b.Get(admin, made.ID)
		if diff := cmp.Diff(made.ULID, got.ULID); diff != "" || err != nil || got.Bare || got.Vendor.OpenTofu.WorkflowTool != "OPEN_TOFU" {
			t.Errorf("read %+v, %v", got, err)
		}
		if again, err := b.Create(admin, in); err != nil || again.ID != "net-2" || again.ULID == made.ULID {
			t.Errorf("the same name again: %s, %v", again.ID, err)
		}
		in.Slug = "net"
		wantCode(t, b.create(t, "root-admin", in)(), domain.CodeConflict)
		in.Slug = "fine-1"
		if chosen, err := b.Create(admin, in); err != nil || chosen.ID != "fine-1" {
			t.Errorf("a chosen slug: %s, %v", chosen.ID, err)
		}
		for _, bad := range []string{"Upper", "a--b", "-a", "a-", "a/b", "ä", " ", strings.Repeat("a", 65), "a\x00"} {
			in.Slug = bad
			b.Invalid(t, "slug", b.create(t, "root-admin", in))
		}
		in.Slug, in.Name = "", "漢字"
		if odd, err := b.Create(admin, in); err != nil || !strings.HasPrefix(string(odd.ID), "stack-01j") {
			t.Errorf("a name without Latin letters: %s, %v", odd.ID, err)
		}
	})
}

// TestDelete: protected and busy stacks stay.
func TestDelete(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		remove := func(id domain.StackID) func() error {
			return func() error { _, err := b.Delete(b.As(t, "root-admin"), id); return err }
		}
		b.Stack(t, "protected", "dev", func(s *domain.Stack) { s.ProtectFromDeletion = true })
		b.Denied(t, domain.CodeConflict, remove("protected"))
		for state, want := range map[domain.RunState]domain.Code{
			domain.RunQueued: "", domain.RunReady: "", domain.RunUnconfirmed: "", domain.RunConfirmed: "", domain.RunFinished: "",
			domain.RunPreparing: domain.CodeConflict, domain.RunInitializing: domain.CodeConflict, domain.RunPlanning: domain.CodeConflict,
			domain.RunPreparingApply: domain.CodeConflict, domain.RunApplying: domain.CodeConflict,
		} {
			id := domain.StackID(strings.ToLower(string(state)))
			b.Stack(t, id, "dev", nil)
			b.Run(t, id, state)
			b.check(t, want, remove(id))
		}
		b.Stack(t, "proposing", "dev", nil)
		proposed := b.Run(t, "proposing", domain.RunPlanning)
		if err := b.Exec(t, `update runs set type = 'PROPOSED', blocking = false where id = $1`, string(proposed.ID)); err != nil {
			t.Fatal(err)
		}
		b.Denied(t, domain.CodeConflict, remove("proposing")) // it holds no stack, and a worker has it
		b.Stack(t, "leased", "dev", nil)
		run := b.Run(t, "leased", domain.RunConfirmed)
		if err := b.Exec(t, `update runs set lease_until = 1 where id = $1`, string(run.ID)); err != nil {
			t.Fatal(err)
		}
		b.Denied(t, domain.CodeConflict, remove("leased")) // its worker goes on to apply
		b.Pool(t, "private", "apps")
		pool := func(to domain.WorkerPoolID) func(*domain.StackSettings) {
			return func(s *domain.StackSettings) { s.WorkerPool = to }
		}
		b.Denied(t, domain.CodeConflict, b.update(t, "ann", "leased", pool("private")))
		b.Allowed(t, b.update(t, "ann", "leased", branch("other")))
		b.Allowed(t, b.update(t, "ann", "k", pool("private")))
		b.Invalid(t, "workerPool", b.update(t, "ann", "k", pool("missing")))
		b.Allowed(t, b.update(t, "ann", "k", pool("default")))
		if st, err := b.Get(b.As(t, "ann"), "k"); err != nil || st.WorkerPool != "" {
			t.Errorf("the default pool is kept as %q, %v", st.WorkerPool, err)
		}
	})
}

// TestR5R23Reading shows a bare stack, a hidden one, and a missing one.
func TestR5R23Reading(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Role(t, "watch", authz.ActionRunRead)
		b.AddKey(t, "bare")
		b.Bind(t, "bare", "watch", "dev")
		run := b.Run(t, "k2", domain.RunFinished)
		bare := b.As(t, "bare")
		v, err := b.Get(bare, "k2")
		if err != nil || !v.Bare {
			t.Errorf("got %+v, %v", v, err)
		}
		if v, err := b.OfRun(bare, run.ID); err != nil || !v.Bare {
			t.Errorf("of the run: %+v, %v", v, err)
		}
		_, config := b.Config(bare, "k2")
		_, outputs := b.Outputs(bare, "k2")
		wantCode(t, config, domain.CodeForbidden)
		wantCode(t, outputs, domain.CodeForbidden)
		if list, err := b.List(bare); err != nil || len(list) != 0 {
			t.Errorf("listed %+v, %v", list, err)
		}
		rita := b.As(t, "rita")
		for name, ask := range map[string]func(domain.StackID) error{
			"get":     func(id domain.StackID) error { _, err := b.Get(rita, id); return err },
			"config":  func(id domain.StackID) error { _, err := b.Config(rita, id); return err },
			"outputs": func(id domain.StackID) error { _, err := b.Outputs(rita, id); return err },
			"update":  func(id domain.StackID) error { return b.update(t, "rita", id, branch("x"))() },
			"add":     func(id domain.StackID) error { _, err := b.AddConfig(rita, id, variable("A", "b")); return err },
			"drop":    func(id domain.StackID) error { _, err := b.DeleteConfig(rita, id, "A"); return err },
			"delete":  func(id domain.StackID) error { _, err := b.Delete(rita, id); return err },
		} {
			hidden, missing := ask("k2"), ask("missing")
			wantCode(t, hidden, domain.CodeNotFound)
			if fmt.Sprint(hidden) != fmt.Sprint(missing) {
				t.Errorf("%s: hidden %v, missing %v", name, hidden, missing)
			}
		}
		_, hidden := b.OfRun(rita, run.ID)
		_, missing := b.OfRun(rita, "missing")
		if hidden == nil || hidden.Error() != missing.Error() {
			t.Errorf("of a run: hidden %v, missing %v", hidden, missing)
		}
	})
}
