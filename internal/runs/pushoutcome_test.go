package runs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/pushhooks"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/schedules"
	"github.com/airlock-project/airlock/internal/store"
)

// TestDeliveriesSayWhatFollowed looks at pushes after they were followed: how
// many runs there are of each, and why of some there are none.
func TestDeliveriesSayWhatFollowed(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Service = runs.New(store.Bind[runs.Tx](b.Store), access.NewGate(), b.IDs, tokens{}, runs.Config{BaseURL: base, Next: schedules.Next, RunsPerPush: 2})
		s := pushhooks.New(store.Bind[pushhooks.Tx](b.Store), access.NewGate(), b.IDs, pushhooks.Config{BaseURL: base, Secret: identity.SigningSecret})
		root, name := b.As(t, "root-admin"), "Forge"
		hook, _, err := s.Create(root, pushhooks.Input{Space: "dev", Kind: domain.PushHookGitHub, Name: &name})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []domain.StackID{"one-1", "two-1", "two-2", "three-1", "three-2", "three-3", "off-1"} {
			b.Stack(t, id, "dev", func(st *domain.Stack) {
				code, _, _ := strings.Cut(string(id), "-")
				st.RepositoryURL, st.Disabled = "https://git.example.com/code/"+code, code == "off"
			})
		}
		pushed := func(code string) domain.PushDelivery {
			t.Helper()
			said := domain.Announced{Event: "push", URLs: []string{"https://git.example.com/code/" + code}, Branch: "main", Commit: strings.Repeat("a", 40), By: "ann", All: true}
			b.Clock.Advance(time.Second) // deliveries are told apart by their time
			if _, err := s.Accept(t.Context(), hook.ID, fmt.Sprint(code, b.Clock.Now().UnixNano()), said); err != nil {
				t.Fatal(err)
			}
			before, _ := s.Deliveries(root, hook.ID)
			if before[0].Runs != nil || before[0].Ignored != "" {
				t.Errorf("%s, before it is followed: %+v", code, before[0])
			}
			b.followed(t, 1)
			after, err := s.Deliveries(root, hook.ID)
			if err != nil || after[0].Runs == nil {
				t.Fatalf("%s: %+v, error %v", code, after, err)
			}
			return after[0]
		}
		for _, c := range []struct {
			code, ignored string
			runs          int
		}{
			{code: "one", runs: 1},
			{code: "two", runs: 2},
			{code: "two", ignored: "has a run that waits"},
			{code: "off", ignored: "disabled"},
			{code: "none", ignored: "no stack that the push can reach"},
			{code: "three", ignored: "it concerns 3 stacks, and at most 2 runs"},
		} {
			if d := pushed(c.code); *d.Runs != c.runs || !strings.Contains(d.Ignored, c.ignored) || (c.ignored == "") != (d.Ignored == "") {
				t.Errorf("%s: %d runs, ignored %q; want %d, %q", c.code, *d.Runs, d.Ignored, c.runs, c.ignored)
			}
		}
		if n := len(b.tracked(t, "three-1")); n != 0 {
			t.Errorf("a push of too many stacks has started %d runs of one", n)
		}
		refused := b.Rows(t, `select actor from audit_log where event = 'push.follow' and outcome = 'denied'`)
		if len(refused) != 1 || refused[0][0] != "git::ann" {
			t.Errorf("recorded %v", refused)
		}
	})
}
