package spaces_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/spaces"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

type bench struct {
	*storetest.Kit
	*spaces.Service
}

// each runs a test on both databases with the access model's fixture.
func each(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		test(t, bench{k, spaces.New(store.Bind[spaces.Tx](k.Store), k.Gate, k.IDs)})
	})
}

func wantCode(t *testing.T, err error, want domain.Code) {
	t.Helper()
	if err == nil || domain.ErrorCode(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// update changes a space from what it is now.
func (b bench) update(t *testing.T, who string, id domain.SpaceID, change func(*spaces.Input)) func() error {
	return func() error {
		var in spaces.Input
		b.View(t, func(tx *store.Tx) error {
			s, err := tx.Space(t.Context(), id)
			if domain.ErrorCode(err) == domain.CodeNotFound {
				return nil
			}
			in = spaces.Input{Name: s.Name, Description: s.Description, Labels: s.Labels, Parent: s.Parent, Inherit: s.Inherit}
			return err
		})
		change(&in)
		_, err := b.Update(b.As(t, who), id, in)
		return err
	}
}

func moved(to domain.SpaceID) func(*spaces.Input) { return func(in *spaces.Input) { in.Parent = to } }
func inherits(on bool) func(*spaces.Input)        { return func(in *spaces.Input) { in.Inherit = on } }
func renamed(to string) func(*spaces.Input)       { return func(in *spaces.Input) { in.Name = to } }
func described(as string) func(*spaces.Input)     { return func(in *spaces.Input) { in.Description = as } }

func (b bench) remove(t *testing.T, who string, id domain.SpaceID) func() error {
	return func() error { _, err := b.Delete(b.As(t, who), id); return err }
}

// TestA1A2BuiltIn: root and legacy stay.
func TestA1A2BuiltIn(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for name, ask := range map[string]func() error{
			"delete root": b.remove(t, "root-admin", "root"), "delete legacy": b.remove(t, "root-admin", "legacy"),
			"rename root": b.update(t, "root-admin", "root", renamed("top")), "move legacy": b.update(t, "root-admin", "legacy", moved("apps")),
		} {
			row := b.Denied(t, domain.CodeConflict, ask)
			if row.Reason == "" || !strings.HasPrefix(row.Event, "space.") {
				t.Errorf("%s: recorded %+v", name, row)
			}
		}
		b.Allowed(t, b.update(t, "root-admin", "root", described("ours")))
		if err := b.update(t, "root-admin", "root", moved("apps"))(); err != nil {
			t.Errorf("a parent of root is ignored: %v", err)
		}
		root, err := b.Get(b.As(t, "root-admin"), "root")
		if err != nil || root.Parent != "" || root.Description != "ours" {
			t.Errorf("root is %+v, %v", root, err)
		}
	})
}

// TestA3Shape: no cycles, no holes.
func TestA3Shape(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, to := range []domain.SpaceID{"apps", "dev", "nope", "", "a\x00"} {
			b.Invalid(t, "parentSpace", b.update(t, "root-admin", "apps", moved(to)))
			if to != "apps" && to != "dev" {
				b.Invalid(t, "parentSpace", func() error {
					_, err := b.Create(b.As(t, "root-admin"), spaces.Input{Name: "x", Parent: to})
					return err
				})
			}
		}
		b.Allowed(t, b.update(t, "root-admin", "apps", moved("platform"))) // A111
		ann, err := b.List(b.As(t, "ann"))
		if err != nil || levels(ann) != "root=read apps=admin dev=admin platform=read prod=admin" {
			t.Errorf("ann sees %s, %v", levels(ann), err)
		}
	})
}

func levels(list []spaces.View) string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = fmt.Sprintf("%s=%s", v.ID, v.Level)
	}
	return strings.Join(out, " ")
}

// TestA4A5Create makes a deep path and reads it back.
func TestA4A5Create(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		in := spaces.Input{Name: "Größe 1", Description: "d", Labels: []string{"l"}, Parent: "sandbox"}
		for depth := range 10 {
			row := b.Allowed(t, func() error {
				v, err := b.Create(admin, in)
				if err != nil {
					return err
				}
				if !strings.HasPrefix(string(v.ID), "gr-e-1-01J") || v.Level != authz.LevelAdmin || v.Inherit {
					t.Errorf("made %+v", v) // R7: no inheritance unless it is asked for
				}
				got, err := b.Get(admin, v.ID)
				if diff := cmp.Diff(v, got); diff != "" {
					t.Errorf("depth %d: made and read differ:\n%s", depth, diff)
				}
				in.Parent = v.ID
				return err
			})
			if row.ObjectID != string(in.Parent) {
				t.Errorf("recorded %+v", row)
			}
		}
		id := in.Parent
		b.Allowed(t, b.update(t, "root-admin", id, renamed("other")))
		if v, err := b.Get(admin, id); err != nil || v.Name != "other" {
			t.Errorf("A4: renamed to %+v, %v", v, err)
		}
		if v, err := b.Create(admin, spaces.Input{Name: "漢字", Parent: "root"}); err != nil || !strings.HasPrefix(string(v.ID), "space-") {
			t.Errorf("a name without Latin letters: %s, %v", v.ID, err)
		}
		b.Invalid(t, "name", func() error {
			_, err := b.Create(admin, spaces.Input{Name: "ＡＰＰＳ", Parent: "root"})
			return err
		}) // R13
		b.Invalid(t, "name", b.update(t, "root-admin", "sandbox", renamed("Apps")))
	})
}

// TestA36A37List shows what one can access and the bare path to it.
func TestA36A37List(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Allowed(t, b.update(t, "root-admin", "apps", func(in *spaces.Input) { in.Description, in.Labels = "secret plans", []string{"x"} }))
		for who, want := range map[string]string{
			"root-admin": "root=admin apps=admin dev=admin legacy=admin net=admin platform=admin prod=admin sandbox=admin vault=admin vault-x=admin",
			"ann":        "root=read apps=admin dev=admin prod=admin",
			"will":       "root=read apps=read dev=write",
			"rita":       "root=path apps=path prod=read",
			"nobody":     "",
		} {
			list, err := b.List(b.As(t, who))
			if err != nil || levels(list) != want {
				t.Errorf("%s sees %s, %v; want %s", who, levels(list), err, want)
			}
			for _, v := range list {
				if hidden := v.Level == authz.LevelPath; v.ID == "apps" && hidden != (v.Description == "" && v.Labels == nil) {
					t.Errorf("%s is shown %+v", who, v)
				}
				got, err := b.Get(b.As(t, who), v.ID)
				if diff := cmp.Diff(v, got); diff != "" || err != nil {
					t.Errorf("%s: listed and got differ:\n%s%v", who, diff, err)
				}
			}
		}
		_, hidden := b.Get(b.As(t, "rita"), "dev")
		_, missing := b.Get(b.As(t, "rita"), "missing")
		wantCode(t, hidden, domain.CodeNotFound)
		if hidden.Error() != missing.Error() {
			t.Errorf("R23: hidden %v, missing %v", hidden, missing)
		}
	})
}

// TestA110Delete: only what is empty.
func TestA110Delete(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Context(t, "c", "net")
		b.Pool(t, "p", "sandbox")
		row := b.Denied(t, domain.CodeConflict, b.remove(t, "root-admin", "sandbox"))
		if row.Reason != "space sandbox is not empty: it holds 1 worker pool" {
			t.Errorf("recorded %s", row.Reason)
		}
		if err := b.Exec(t, `delete from worker_pools where id = 'p'`); err != nil {
			t.Fatal(err)
		}
		for _, full := range []domain.SpaceID{"apps", "dev", "net", "vault"} { // spaces, a stack, a context, a space
			b.Denied(t, domain.CodeConflict, b.remove(t, "root-admin", full))
		}
		b.Allowed(t, b.remove(t, "root-admin", "sandbox"))
		b.Allowed(t, b.remove(t, "root-admin", "prod")) // with rita's binding
		list, err := b.List(b.As(t, "rita"))
		if err != nil || len(list) != 0 {
			t.Errorf("rita sees %s, %v", levels(list), err)
		}
		b.Denied(t, domain.CodeNotFound, b.remove(t, "root-admin", "sandbox"))
	})
}

// TestA153StackInRoot may manage spaces, while it applies.
func TestA153StackInRoot(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "r0"}, "space-admin", "root")
		for state, want := range map[domain.RunState]domain.Code{domain.RunApplying: "", domain.RunPlanning: domain.CodeForbidden} {
			ctx := b.AsStack(t, domain.Run{ID: "run", StackID: "r0", State: state})
			_, err := b.Create(ctx, spaces.Input{Name: string(state), Parent: "root"})
			if domain.ErrorCode(err) != want {
				t.Errorf("%s: %v, want %q", state, err, want)
			}
		}
		if _, err := b.List(access.WithoutCaller(t.Context(), domain.Unauthenticated("x"))); domain.ErrorCode(err) != domain.CodeUnauthenticated {
			t.Errorf("dead credentials: %v", err)
		}
	})
}

func TestBadSpaces(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		create := func(in spaces.Input) func() error {
			in.Parent = "root"
			return func() error { _, err := b.Create(admin, in); return err }
		}
		for name, bad := range storetest.Hostile() {
			t.Run(name, func(t *testing.T) {
				b.Invalid(t, "name", create(spaces.Input{Name: bad}))
				b.Invalid(t, "name", b.update(t, "root-admin", "dev", renamed(bad)))
				b.Invalid(t, "labels", create(spaces.Input{Name: "x", Labels: []string{bad}}))
				b.Invalid(t, "parentSpace", func() error {
					_, err := b.Create(admin, spaces.Input{Name: "x", Parent: domain.SpaceID(bad)})
					return err
				})
				b.Denied(t, domain.CodeNotFound, b.remove(t, "root-admin", domain.SpaceID(bad)))
			})
		}
		for _, bad := range []string{strings.Repeat("x", 10<<20), "\x00", "\xff"} {
			b.Invalid(t, "description", create(spaces.Input{Name: "x", Description: bad}))
			b.Invalid(t, "description", b.update(t, "root-admin", "dev", described(bad)))
		}
		b.Invalid(t, "labels", create(spaces.Input{Name: "x", Labels: make([]string, domain.MaxLabels+1)}))
	})
}

// TestR25Spaces: a run touches spaces only as an admin of root, whatever its
// stack holds elsewhere.
func TestR25Spaces(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k2"}, "space-admin", "dev")
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "r0"}, "space-admin", "root")
		rename := func(stack domain.StackID) func() error {
			run := b.AsStack(t, domain.Run{ID: "run", StackID: stack, State: domain.RunApplying})
			return func() error {
				_, err := b.Update(run, "dev", spaces.Input{Name: "by " + string(stack), Parent: "apps", Inherit: true})
				return err
			}
		}
		b.Denied(t, domain.CodeForbidden, rename("k2"))
		b.Allowed(t, rename("r0"))
	})
}
