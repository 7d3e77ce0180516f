package pushhooks_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/pushhooks"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

type bench struct {
	*storetest.Kit
	*pushhooks.Service
}

func each(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		config := pushhooks.Config{BaseURL: "https://airlock.test", Secret: identity.SigningSecret}
		test(t, bench{k, pushhooks.New(store.Bind[pushhooks.Tx](k.Store), access.NewGate(), k.IDs, config)})
	})
}

func named(name string) *string { return &name }

func (b bench) hook(t *testing.T, space domain.SpaceID, repositories ...string) (domain.PushHookID, string) {
	t.Helper()
	h, secret, err := b.Create(b.As(t, "root-admin"), pushhooks.Input{Space: space, Kind: domain.PushHookGitHub, Name: named("Forge"), Repositories: repositories})
	if err != nil {
		t.Fatal(err)
	}
	return h.ID, secret
}

func (b bench) live(t *testing.T, id domain.PushHookID) []string {
	t.Helper()
	_, live, _, err := b.Expected(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return live
}

func push(branch string) domain.Announced {
	return domain.Announced{Event: "push", URLs: []string{"https://git.example.com/Team/Infra.git"}, Branch: branch, Commit: strings.Repeat("a", 40), By: "ann"}
}

func (b bench) waiting(t *testing.T) (out []domain.Push) {
	t.Helper()
	for _, row := range b.Rows(t, `select body from pushes order by created_at, id`) {
		var p domain.Push
		if err := json.Unmarshal([]byte(fmt.Sprint(row[0])), &p); err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func TestPushHookSecretIsShownOnceAndSealed(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id, secret := b.hook(t, "dev")
		if !strings.HasPrefix(secret, "whsec_") || b.Service.URL(id) != "https://airlock.test/push-hooks/"+string(id) {
			t.Errorf("secret %q, address %s", secret, b.Service.URL(id))
		}
		for table, content := range b.Digest(t) {
			if strings.Contains(content, secret) || strings.Contains(content, strings.TrimPrefix(secret, "whsec_")) {
				t.Errorf("table %s shows the secret", table)
			}
		}
		if d := cmp.Diff([]string{secret}, b.live(t, id)); d != "" {
			t.Error(d)
		}
	})
}

// TestCase139SecretsOverlap is rotation with two active secrets.
func TestCase139SecretsOverlap(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id, first := b.hook(t, "dev")
		h, second, err := b.Rotate(b.As(t, "ann"), id, time.Hour)
		if err != nil || second == first || !h.PreviousUntil.Equal(b.Clock.Now().Add(time.Hour)) {
			t.Fatalf("hook %+v, error %v", h, err)
		}
		if d := cmp.Diff([]string{second, first}, b.live(t, id)); d != "" {
			t.Error(d)
		}
		b.Clock.Advance(time.Hour)
		if d := cmp.Diff([]string{second}, b.live(t, id)); d != "" {
			t.Error(d)
		}
		_, third, err := b.Rotate(b.As(t, "ann"), id, 0)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{third}, b.live(t, id)); d != "" {
			t.Error(d)
		}
		b.Invalid(t, "keepPrevious", func() error {
			_, _, err := b.Rotate(b.As(t, "ann"), id, domain.MaxSecretOverlap+1)
			return err
		})
	})
}

func TestA59PushHooksTakeSpaceAdmin(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id, _ := b.hook(t, "dev")
		in := pushhooks.Input{Space: "dev", Kind: domain.PushHookGitHub, Name: named("Mine")}
		for name, act := range map[string]func(who string) error{
			"create": func(who string) error { _, _, err := b.Create(b.As(t, who), in); return err },
			"update": func(who string) error { _, err := b.Update(b.As(t, who), id, in); return err },
			"rotate": func(who string) error { _, _, err := b.Rotate(b.As(t, who), id, 0); return err },
			"delete": func(who string) error { _, err := b.Delete(b.As(t, who), id); return err },
		} {
			b.Denied(t, domain.CodeForbidden, func() error { return act("will") })
			b.Denied(t, domain.CodeNotFound, func() error { return act("rita") })
			if name != "delete" {
				b.Allowed(t, func() error { return act("ann") })
			}
		}
		if list, err := b.List(b.As(t, "will")); err != nil || len(list) != 2 {
			t.Errorf("a writer lists %d hooks, error %v", len(list), err)
		}
		if list, err := b.List(b.As(t, "rita")); err != nil || len(list) != 0 {
			t.Errorf("a reader elsewhere lists %d hooks, error %v", len(list), err)
		}
		if _, err := b.Get(b.As(t, "rita"), id); domain.ErrorCode(err) != domain.CodeNotFound {
			t.Error(err)
		}
		b.Allowed(t, func() error { _, err := b.Delete(b.As(t, "ann"), id); return err })
		if _, err := b.Accept(t.Context(), id, "k", push("main")); domain.ErrorCode(err) != domain.CodeNotFound {
			t.Errorf("a deleted hook takes messages: %v", err)
		}
	})
}

func TestPushHookInput(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for field, in := range map[string]pushhooks.Input{
			"name":         {Kind: domain.PushHookGitHub, Name: named(" ")},
			"kind":         {Kind: "BITBUCKET", Name: named("x")},
			"repositories": {Kind: domain.PushHookGitHub, Name: named("x"), Repositories: []string{"https://git.example.com/"}},
		} {
			in.Space = "dev"
			b.Invalid(t, field, func() error { _, _, err := b.Create(b.As(t, "ann"), in); return err })
		}
	})
}

// TestF10DuplicatesHaveNoEffect brings a message three times.
func TestF10DuplicatesHaveNoEffect(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id, _ := b.hook(t, "dev")
		for n, want := range []string{"", "it came before", "it came before"} {
			d, err := b.Accept(t.Context(), id, "one", push("main"))
			if err != nil || d.Ignored != want || n == 0 && d.Repository != "git.example.com/team/infra" {
				t.Errorf("delivery %d: %+v, error %v", n, d, err)
			}
		}
		waiting := b.waiting(t)
		if len(waiting) != 1 {
			t.Fatalf("%d pushes", len(waiting))
		}
		want := domain.Push{
			ID: waiting[0].ID, By: "git::ann", Space: "dev", Source: "git.example.com/team/infra",
			Branch: "main", Commit: strings.Repeat("a", 40), At: b.Clock.Now(), Hook: id, Key: "one",
		}
		if d := cmp.Diff(want, waiting[0]); d != "" {
			t.Error(d)
		}
		list, err := b.Deliveries(b.As(t, "will"), id)
		if err != nil || len(list) != 1 || list[0].Ignored != "" || list[0].Branch != "main" {
			t.Errorf("deliveries %+v, error %v", list, err)
		}
	})
}

func TestPushHookSpeaksOfItsRepositoriesOnly(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id, _ := b.hook(t, "dev", "ssh://git@git.example.com:7999/other/code.git", "git@git.example.com:team/infra")
		foreign := push("main")
		foreign.URLs = []string{"https://git.example.com/team/infra2"}
		if d, err := b.Accept(t.Context(), id, "one", foreign); err != nil || d.Ignored == "" {
			t.Errorf("delivery %+v, error %v", d, err)
		}
		if d, err := b.Accept(t.Context(), id, "two", push("main")); err != nil || d.Ignored != "" {
			t.Errorf("delivery %+v, error %v", d, err)
		}
		if n := len(b.waiting(t)); n != 1 {
			t.Errorf("%d pushes", n)
		}
	})
}

func TestPushHookIsBoundedAMinute(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id, _ := b.hook(t, "dev")
		ignored := domain.Announced{Event: "ping", Ignored: "it is no push"}
		for n := range domain.MaxPushesAMinute {
			if _, err := b.Accept(t.Context(), id, strings.Repeat("x", n+1), ignored); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := b.Accept(t.Context(), id, "one more", push("main")); err != pushhooks.ErrTooMany {
			t.Errorf("error %v", err)
		}
		b.Clock.Advance(time.Minute)
		if d, err := b.Accept(t.Context(), id, "one more", push("main")); err != nil || d.Ignored != "" {
			t.Errorf("a minute later: %+v, %v", d, err)
		}
		b.Clock.Advance(domain.PushDeliveryTime)
		if n, err := b.Sweep(t.Context()); err != nil || n != domain.MaxPushesAMinute {
			t.Errorf("forgot %d, error %v", n, err)
		}
	})
}

func TestSpaceWithPushHookIsNotEmpty(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.hook(t, "sandbox")
		b.View(t, func(tx *store.Tx) error {
			c, err := tx.SpaceContents(t.Context(), "sandbox")
			if c.Empty() || c.String() != "1 push hook" {
				t.Errorf("contents %s", c)
			}
			return err
		})
	})
}
