package runs_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/pushhooks"
	"github.com/airlock-project/airlock/internal/store"
)

// announced is a push to a stack's repository that a hook of dev brought.
func (b bench) announced(t *testing.T, id domain.StackID) (deliveries func() domain.PushDelivery) {
	t.Helper()
	s := pushhooks.New(store.Bind[pushhooks.Tx](b.Store), access.NewGate(), b.IDs, pushhooks.Config{BaseURL: base, Secret: identity.SigningSecret})
	root, name, url := b.As(t, "root-admin"), "Forge", "https://git.example.com/"+string(id)
	hook, _, err := s.Create(root, pushhooks.Input{Space: "dev", Kind: domain.PushHookGitHub, Name: &name})
	if err != nil {
		t.Fatal(err)
	}
	b.Stack(t, id, "dev", func(st *domain.Stack) { st.RepositoryURL = url })
	said := domain.Announced{Event: "push", URLs: []string{url}, Branch: "main", Commit: strings.Repeat("a", 40), By: "ann", All: true}
	if _, err := s.Accept(t.Context(), hook.ID, string(id), said); err != nil {
		t.Fatal(err)
	}
	return func() domain.PushDelivery {
		t.Helper()
		list, err := s.Deliveries(root, hook.ID)
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		return list[0]
	}
}

// again is when the only push is to be tried; zero: there is none.
func (b bench) again(t *testing.T) time.Time {
	t.Helper()
	rows := b.Rows(t, `select next_at from pushes`)
	if len(rows) == 0 {
		return time.Time{}
	}
	at, err := strconv.ParseInt(fmt.Sprint(rows[0][0]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.UnixMicro(at)
}

func (b bench) alter(t *testing.T, sql string, args ...any) {
	t.Helper()
	if err := b.Exec(t, sql, args...); err != nil {
		t.Fatal(err)
	}
}

// TestPushThatCannotBeFollowed is tried again, later each time, by whatever server
// there is, and is given up after a day. Who has the hook sees why.
func TestPushThatCannotBeFollowed(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		delivery := b.announced(t, "damaged")
		b.alter(t, `update stacks set settings = settings || '}' where id = 'damaged'`)
		servers := []bench{b, {b.Kit, service(b.Open(t), b.Kit)}}
		var pauses []time.Duration
		for tries := 0; ; {
			n, err := servers[tries%2].FollowPushes(t.Context())
			if tries++; n != 0 || err == nil {
				t.Fatalf("try %d: followed %d, %v", tries, n, err)
			}
			d, at := delivery(), b.again(t)
			if at.IsZero() {
				if !strings.Contains(err.Error(), "given up") || d.Runs == nil || *d.Runs != 0 || !strings.Contains(d.Ignored, "not tried any more: internal error") {
					t.Errorf("given up: %v; shown %+v", err, d)
				}
				break
			}
			if d.Runs != nil || !strings.Contains(d.Ignored, "tried again: internal error") || strings.Contains(d.Ignored, "settings") {
				t.Fatalf("shown %+v", d)
			}
			pause := at.Sub(b.Clock.Now())
			pauses = append(pauses, pause)
			b.Clock.Advance(pause - time.Second)
			for _, s := range servers {
				if n, err := s.FollowPushes(t.Context()); n != 0 || err != nil {
					t.Fatalf("too early, after %v: followed %d, %v", pauses, n, err)
				}
			}
			b.Clock.Advance(time.Second)
		}
		day := time.Duration(0)
		for _, p := range pauses {
			day += p
		}
		if !slices.IsSorted(pauses) || pauses[0] != 2*time.Second || pauses[1] != 4*time.Second || slices.Max(pauses) != 10*time.Minute || day < 20*time.Hour || day > 28*time.Hour {
			t.Errorf("%d pauses of %v: %v", len(pauses), day, pauses)
		}
		b.followed(t, 0)
		refused := b.Rows(t, `select actor, reason from audit_log where event = 'push.follow' and outcome = 'denied'`)
		if len(refused) != 1 || refused[0][0] != "git::ann" || refused[0][1] != delivery().Ignored {
			t.Errorf("recorded %v", refused)
		}
	})
}

// TestPushThatIsFollowedInTheEnd: what was in the way is gone, and nothing is left
// of it.
func TestPushThatIsFollowedInTheEnd(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		delivery := b.announced(t, "mended")
		b.alter(t, `update stacks set settings = settings || '}' where id = 'mended'`)
		if n, err := b.FollowPushes(t.Context()); n != 0 || err == nil || delivery().Ignored == "" {
			t.Fatalf("followed %d, %v, shown %+v", n, err, delivery())
		}
		b.alter(t, `update stacks set settings = substr(settings, 1, length(settings) - 1) where id = 'mended'`)
		b.followed(t, 0)
		b.Clock.Advance(2 * time.Second)
		b.followed(t, 1)
		if d := delivery(); d.Ignored != "" || d.Runs == nil || *d.Runs != 1 || len(b.tracked(t, "mended")) != 1 {
			t.Errorf("shown %+v", d)
		}
	})
}

// TestPushesThatAreDamagedThemselves are put off and given up as others are: one
// that cannot be read, and one whose message cannot be read any more.
func TestPushesThatAreDamagedThemselves(t *testing.T) {
	for name, damage := range map[string]string{
		"push":    `update pushes set body = '{'`,
		"message": `update push_deliveries set body = '{'`,
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b bench) {
				b.announced(t, "app")
				b.alter(t, damage)
				if n, err := b.FollowPushes(t.Context()); n != 0 || err == nil || b.again(t).Sub(b.Clock.Now()) != 2*time.Second {
					t.Errorf("followed %d, %v; again at %v", n, err, b.again(t))
				}
				b.alter(t, `update pushes set tries = $1, next_at = 0`, domain.MaxPushTries-1)
				if n, err := b.FollowPushes(t.Context()); n != 0 || err == nil || !b.again(t).IsZero() {
					t.Errorf("followed %d, %v; again at %v", n, err, b.again(t))
				}
				if rows := b.Rows(t, `select actor from audit_log where event = 'push.follow'`); len(rows) != 1 || rows[0][0] == "" {
					t.Errorf("recorded %v", rows)
				}
			})
		})
	}
}
