package contexts_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/contexts"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

type bench struct {
	*storetest.Kit
	*contexts.Service
}

func service(s *store.Store, k *storetest.Kit) *contexts.Service {
	return contexts.New(store.Bind[contexts.Tx](s), access.NewGate(), k.IDs)
}

// each runs a test on both databases with the access model's fixture and a
// context in each of three spaces.
func each(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		for _, space := range []domain.SpaceID{"root", "apps", "vault"} {
			k.Context(t, domain.ContextID("of-"+space), space)
		}
		test(t, bench{k, service(k.Store, k)})
	})
}

func (b bench) check(t *testing.T, want domain.Code, ask func() error) domain.AuditEntry {
	t.Helper()
	if want == "" {
		return b.Allowed(t, ask)
	}
	return b.Denied(t, want, ask)
}

func wantCode(t *testing.T, err error, want domain.Code) {
	t.Helper()
	if err == nil || domain.ErrorCode(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func variable(id, value string) domain.Config {
	return domain.Config{ID: id, Type: domain.ConfigEnvironmentVariable, Value: value}
}

// TestA82Rights asks as everybody for every change.
func TestA82Rights(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Role(t, "by-name", authz.ActionContextUpdate)
		b.AddKey(t, "blind")
		b.Bind(t, "blind", "by-name", "apps")
		for who, want := range map[string]struct{ create, update, remove domain.Code }{
			"root-admin": {}, "ann": {},
			"will":   {domain.CodeForbidden, domain.CodeForbidden, domain.CodeForbidden}, // he reads apps
			"rita":   {domain.CodeNotFound, domain.CodeNotFound, domain.CodeNotFound},
			"nobody": {domain.CodeNotFound, domain.CodeNotFound, domain.CodeNotFound},
			"blind":  {domain.CodeForbidden, "", domain.CodeForbidden}, // R5
		} {
			id := domain.ContextID("c-" + who)
			b.Context(t, id, "apps", "k")
			ctx := b.As(t, who)
			b.check(t, want.create, func() error { _, err := b.Create(ctx, contexts.Input{Name: who, Space: "apps"}); return err })
			b.check(t, want.update, func() error { _, err := b.Update(ctx, id, contexts.Input{Name: who}, false); return err })
			b.check(t, want.update, func() error { _, err := b.AddConfig(ctx, id, variable("A", "b")); return err })
			if want.update == "" {
				b.Allowed(t, func() error { _, err := b.DeleteConfig(ctx, id, "A"); return err })
				_, err := b.DeleteConfig(ctx, id, "A")
				wantCode(t, err, domain.CodeNotFound)
			}
			row := b.check(t, want.remove, func() error { _, err := b.Delete(ctx, id); return err })
			if row.ObjectID != string(id) || row.ObjectKind != "context" || row.Event != "context.delete" {
				t.Errorf("recorded %+v", row)
			}
		}
	})
}

// TestRoundTrip makes a context with everything at once, and changes it.
func TestRoundTrip(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		ann := b.As(t, "ann")
		secret := variable("SECRET", "hidden value")
		secret.WriteOnly = true
		in := contexts.Input{
			Name: "Shared Ω", Description: "d", Labels: []string{"x"}, Space: "apps", Hooks: domain.Hooks{BeforeInit: []string{"echo"}},
			Config: []domain.Config{secret, variable("A", "1"), {ID: "dir/f", Type: domain.ConfigFileMount, Value: "file"}},
			Stacks: []contexts.StackAttachment{{Stack: "k", Priority: 3}, {Stack: "k2"}},
		}
		made, err := b.Create(ann, in)
		if err != nil || made.ID != "shared" {
			t.Fatalf("made %+v, %v", made, err)
		}
		got, err := b.Get(ann, made.ID)
		if diff := cmp.Diff(made, got); diff != "" || err != nil {
			t.Errorf("made and read differ:\n%s%v", diff, err)
		}
		config, err := b.Config(ann, made.ID)
		if err != nil || len(config) != 3 || config[1].Value != "" || config[1].Checksum == "" || config[0].Value != "1" || config[2].Value != "file" {
			t.Errorf("A274: config %+v, %v", config, err)
		}
		of, err := b.OfStack(ann, "k")
		if err != nil || len(of) != 1 || of[0].Priority != 3 || of[0].ContextOf.ID != made.ID || of[0].StackOf.ID != "k" {
			t.Errorf("attached %+v, %v", of, err)
		}
		if again, err := b.Create(ann, contexts.Input{Name: "Shared Ω", Space: "apps"}); err != nil || again.ID != "shared-2" {
			t.Errorf("the same name again: %s, %v", again.ID, err)
		}
		if odd, err := b.Create(ann, contexts.Input{Name: "漢字", Space: "apps"}); err != nil || !strings.HasPrefix(string(odd.ID), "context-") {
			t.Errorf("a name without Latin letters: %s, %v", odd.ID, err)
		}

		next := contexts.Input{Name: "New", Config: []domain.Config{variable("A", "2"), variable("B", "3")}}
		if _, err := b.Update(ann, made.ID, next, false); err != nil {
			t.Fatal(err)
		}
		b.wantConfig(t, made.ID, "A=2 B=3 SECRET= dir/f=file")
		changed, err := b.Update(ann, made.ID, next, true)
		if err != nil || changed.Name != "New" || changed.Description != "" || changed.Space != "apps" || changed.ID != made.ID {
			t.Fatalf("changed %+v, %v", changed, err)
		}
		b.wantConfig(t, made.ID, "A=2 B=3")
		if _, err := b.Delete(ann, made.ID); err != nil {
			t.Fatal(err)
		}
		if left, err := b.OfStack(ann, "k"); err != nil || len(left) != 0 {
			t.Errorf("a deleted context is attached: %+v, %v", left, err)
		}
		// All or nothing.
		in.Stacks = append(in.Stacks, contexts.StackAttachment{Stack: "missing"})
		b.Denied(t, domain.CodeNotFound, func() error { _, err := b.Create(ann, in); return err })
	})
}

func (b bench) wantConfig(t *testing.T, id domain.ContextID, want string) {
	t.Helper()
	config, err := b.Config(b.As(t, "ann"), id)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range config {
		got = append(got, c.ID+"="+c.Value)
	}
	if strings.Join(got, " ") != want {
		t.Errorf("config is %q, want %q", got, want)
	}
}

// TestA114Attach tries every context on stacks of several spaces.
func TestA114Attach(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, space := range []domain.SpaceID{"vault", "vault-x", "prod"} {
			b.Stack(t, domain.StackID("in-"+space), space, nil)
		}
		admin := b.As(t, "root-admin")
		for _, c := range []struct {
			context domain.ContextID
			stack   domain.StackID
			want    domain.Code
		}{
			{"of-root", "k2", ""}, {"of-apps", "k2", ""}, {"of-apps", "k", ""}, {"of-vault", "in-vault-x", ""}, {"of-root", "r0", ""},
			{"of-root", "in-vault-x", domain.CodeConflict}, // the edge above vault does not inherit
			{"of-apps", "in-prod", domain.CodeConflict}, {"of-apps", "r0", domain.CodeConflict}, {"of-vault", "k", domain.CodeConflict},
			{"missing", "k", domain.CodeNotFound}, {"of-root", "missing", domain.CodeNotFound},
		} {
			b.check(t, c.want, func() error {
				_, err := b.Attach(admin, c.context, contexts.StackAttachment{Stack: c.stack})
				return err
			})
		}
		_, err := b.Attach(admin, "of-root", contexts.StackAttachment{Stack: "k2"})
		wantCode(t, err, domain.CodeConflict) // twice
		for _, priority := range []int{1 << 31, -1<<31 - 1} {
			b.Invalid(t, "priority", func() error {
				_, err := b.Attach(admin, "of-root", contexts.StackAttachment{Stack: "k", Priority: priority})
				return err
			})
		}
	})
}

// TestA114Attachable lists what can be attached to stacks of a space.
func TestA114Attachable(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, c := range []struct {
			who   string
			space domain.SpaceID
			want  string
			code  domain.Code
		}{
			{"root-admin", "dev", "of-apps of-root", ""}, {"will", "dev", "of-apps of-root", ""}, {"root-admin", "vault-x", "of-vault", ""},
			{"rita", "prod", "", ""}, {"rita", "dev", "", domain.CodeNotFound}, {"root-admin", "nope", "", domain.CodeNotFound},
		} {
			list, err := b.Attachable(b.As(t, c.who), c.space)
			var ids []string
			for _, one := range list {
				ids = append(ids, string(one.ID))
			}
			if got := strings.Join(ids, " "); got != c.want || domain.ErrorCode(err) != c.code {
				t.Errorf("%s in %s: %s, %v", c.who, c.space, got, err)
			}
		}
	})
}

// TestR4Attach: stack:manage where the stack is, and the context in sight.
func TestR4Attach(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		attach := func(who string, c domain.ContextID, s domain.StackID) func() error {
			return func() error { _, err := b.Attach(b.As(t, who), c, contexts.StackAttachment{Stack: s}); return err }
		}
		b.Role(t, "manager", authz.ActionSpaceRead, authz.ActionStackManage)
		b.AddKey(t, "mia")
		b.Bind(t, "mia", "manager", "dev")
		b.Denied(t, domain.CodeForbidden, attach("will", "of-apps", "k2"))
		b.Denied(t, domain.CodeNotFound, attach("mia", "of-vault", "k2")) // hidden
		b.Denied(t, domain.CodeForbidden, attach("mia", "of-apps", "k"))
		b.Allowed(t, attach("mia", "of-apps", "k2"))
		b.Allowed(t, attach("mia", "of-root", "k2")) // she reads up to root
		if hidden, missing := attach("mia", "of-vault", "k2")(), attach("mia", "missing", "k2")(); hidden.Error() != missing.Error() {
			t.Errorf("R23: hidden %v, missing %v", hidden, missing)
		}
		list, err := b.OfStack(b.As(t, "mia"), "k2")
		if err != nil || len(list) != 2 {
			t.Fatalf("attached %+v, %v", list, err)
		}
		detach := func(who string, id domain.ContextAttachmentID) func() error {
			return func() error { _, err := b.Detach(b.As(t, who), id); return err }
		}
		b.Denied(t, domain.CodeForbidden, detach("will", list[0].ID))
		b.Denied(t, domain.CodeNotFound, detach("nobody", list[0].ID))
		if hidden, missing := detach("nobody", list[0].ID)(), detach("nobody", "missing")(); hidden.Error() != missing.Error() {
			t.Errorf("R23: hidden %v, missing %v", hidden, missing)
		}
		b.Allowed(t, detach("mia", list[0].ID))
		b.Denied(t, domain.CodeNotFound, detach("mia", list[0].ID))
		if list, err := b.OfContext(b.As(t, "rita"), "of-root"); err != nil || len(list) != 0 {
			t.Errorf("rita sees %+v, %v", list, err)
		}
	})
}

// TestA116Move needs both ends, and every stack stays in reach.
func TestA116Move(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Context(t, "used", "apps", "k")
		move := func(who string, to domain.SpaceID) func() error {
			return func() error {
				_, err := b.Update(b.As(t, who), "used", contexts.Input{Name: "used", Space: to}, false)
				return err
			}
		}
		b.Denied(t, domain.CodeForbidden, move("ann", "root"))
		b.Denied(t, domain.CodeNotFound, move("ann", "vault"))
		b.Denied(t, domain.CodeNotFound, move("root-admin", "nope"))
		b.Denied(t, domain.CodeConflict, move("root-admin", "vault"))
		b.Denied(t, domain.CodeConflict, move("ann", "dev")) // k is in apps
		row := b.Allowed(t, move("root-admin", "root"))
		if !cmp.Equal(row.Spaces, []domain.SpaceID{"apps", "root"}) {
			t.Errorf("recorded spaces %v", row.Spaces)
		}
	})
}

// TestR23Hidden compares hidden and missing.
func TestR23Hidden(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		will := b.As(t, "will")
		for name, ask := range map[string]func(domain.ContextID) error{
			"get":    func(id domain.ContextID) error { _, err := b.Get(will, id); return err },
			"config": func(id domain.ContextID) error { _, err := b.Config(will, id); return err },
			"update": func(id domain.ContextID) error {
				_, err := b.Update(will, id, contexts.Input{Name: "x"}, true)
				return err
			},
			"add":    func(id domain.ContextID) error { _, err := b.AddConfig(will, id, variable("A", "b")); return err },
			"drop":   func(id domain.ContextID) error { _, err := b.DeleteConfig(will, id, "A"); return err },
			"delete": func(id domain.ContextID) error { _, err := b.Delete(will, id); return err },
		} {
			hidden, missing := ask("of-vault"), ask("missing")
			wantCode(t, hidden, domain.CodeNotFound)
			if hidden.Error() != missing.Error() {
				t.Errorf("%s: hidden %v, missing %v", name, hidden, missing)
			}
		}
		list, err := b.List(will)
		if err != nil || len(list) != 2 { // root and apps, by derived read
			t.Errorf("will lists %+v, %v", list, err)
		}
	})
}

// TestConfigOfADeletedContext races: nothing may be left for a later context
// of the same name (security case 23).
func TestConfigOfADeletedContext(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		other, admin := service(b.Open(t), b.Kit), b.As(t, "root-admin")
		for round := range 20 {
			id := domain.ContextID(fmt.Sprint("c", round))
			b.Context(t, id, "root")
			var both sync.WaitGroup
			both.Go(func() { _, _ = b.AddConfig(admin, id, variable("A", "b")) }) // one of the two is late
			both.Go(func() { deleteUntilGone(admin, other, id) })
			both.Wait()
		}
		if left := b.Digest(t)["config"]; left != "" {
			t.Errorf("left behind: %s", left)
		}
	})
}

func deleteUntilGone(ctx context.Context, s *contexts.Service, id domain.ContextID) {
	_, _ = s.Delete(ctx, id)
}

func TestBadContexts(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		for name, bad := range storetest.Hostile() {
			t.Run(name, func(t *testing.T) {
				b.Invalid(t, "name", func() error { _, err := b.Create(admin, contexts.Input{Name: bad}); return err })
				b.Invalid(t, "name", func() error { _, err := b.Update(admin, "of-root", contexts.Input{Name: bad}, true); return err })
				b.Invalid(t, "labels", func() error { _, err := b.Create(admin, contexts.Input{Name: "x", Labels: []string{bad}}); return err })
				b.Invalid(t, "id", func() error { _, err := b.AddConfig(admin, "of-root", variable(bad, "x")); return err })
				b.Invalid(t, "id", func() error {
					_, err := b.Create(admin, contexts.Input{Name: "x", Config: []domain.Config{variable("A", ""), variable(bad, "x")}})
					return err
				})
				b.Denied(t, domain.CodeNotFound, func() error { _, err := b.Delete(admin, domain.ContextID(bad)); return err })
			})
		}
		for field, bad := range map[string]contexts.Input{
			"description": {Name: "x", Description: "\x00"}, "hooks": {Name: "x", Hooks: domain.Hooks{AfterRun: []string{"\xff"}}},
			"labels": {Name: "x", Labels: make([]string, domain.MaxLabels+1)},
		} {
			b.Invalid(t, field, func() error { _, err := b.Create(admin, bad); return err })
		}
	})
}
