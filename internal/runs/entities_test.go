package runs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/store"
)

// told takes the next leased run through an apply that tells what a state holds.
func (b bench) told(t *testing.T, to domain.RunState, changes []domain.ResourceChange, p runs.Progress) domain.RunID {
	t.Helper()
	a := b.lease(t)
	b.advance(t, a.Lease, domain.RunInitializing, domain.RunPlanning)
	if err := b.Advance(t.Context(), a.Lease, runs.Progress{To: domain.RunConfirmed, Delta: &domain.Delta{}, Changes: changes}); err != nil {
		t.Fatal(err)
	}
	b.advance(t, a.Lease, domain.RunApplying)
	p.To = to
	if err := b.Advance(t.Context(), a.Lease, p); err != nil {
		t.Fatal(err)
	}
	b.Clock.Advance(time.Second)
	return a.Run.ID
}

func holding(addresses ...string) *[]domain.ManagedEntity {
	out := []domain.ManagedEntity{}
	for _, a := range addresses {
		a, tainted := strings.CutSuffix(a, "!")
		kind, name, _ := strings.Cut(a, ".")
		out = append(out, domain.ManagedEntity{Address: a, Type: kind, Name: name, Output: kind == "output", Tainted: tainted})
	}
	return &out
}

// TestEntitiesOfAForeignState: by the plan of the run that tells them it is
// known in which run they last changed.
func TestEntitiesOfAForeignState(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "own", "apps", func(s *domain.Stack) { s.Autodeploy, s.ManagesState = true, false })
		want := func(format string, args ...any) {
			t.Helper()
			var list []domain.ManagedEntity
			b.View(t, func(tx *store.Tx) (err error) {
				list, err = tx.ManagedEntities(t.Context(), "own")
				return err
			})
			got := ""
			for _, e := range list {
				got += fmt.Sprintf("%s %s %s\n", e.Address, e.CreatedBy, e.UpdatedBy)
			}
			if want := fmt.Sprintf(format, args...); got != want {
				t.Errorf("kept\n%swant\n%s", got, want)
			}
		}
		trigger := func() { b.trigger(t, "own") }
		value := func(v string) []domain.Output {
			return []domain.Output{{Name: "o", Value: v}, {Name: "s", Sensitive: true}}
		}

		trigger()
		first := b.told(t, domain.RunFinished, nil, runs.Progress{Entities: holding("output.o", "output.s", "t.a", "t.b", "t."+strings.Repeat("x", 3000)), Outputs: value("1")})
		want("output.o %[1]s %[1]s\noutput.s %[1]s %[1]s\nt.a %[1]s %[1]s\nt.b %[1]s %[1]s\n", first)

		trigger()
		second := b.told(t, domain.RunFinished, []domain.ResourceChange{{Address: "t.b", Action: "update"}, {Address: "t.c", Action: "create"}},
			runs.Progress{Entities: holding("output.o", "output.s", "t.a", "t.b", "t.c"), Outputs: value("1")})
		want("output.o %[1]s %[1]s\noutput.s %[1]s %[1]s\nt.a %[1]s %[1]s\nt.b %[1]s %[2]s\nt.c %[2]s %[2]s\n", first, second)

		// Of an apply that failed nobody knows how far it came.
		trigger()
		third := b.told(t, domain.RunFailed, []domain.ResourceChange{{Address: "t.b", Action: "update"}, {Address: "t.d", Action: "create"}},
			runs.Progress{Entities: holding("output.o", "output.s", "t.a!", "t.b", "t.c", "t.d")})
		want("output.o %[1]s %[1]s\noutput.s %[1]s %[1]s\nt.a %[1]s %[3]s\nt.b %[1]s %[2]s\nt.c %[2]s %[2]s\nt.d %[3]s %[3]s\n", first, second, third)

		trigger()
		fourth := b.told(t, domain.RunFinished, nil, runs.Progress{Entities: holding("output.o", "t.a"), Outputs: value("2")})
		want("output.o %[1]s %[2]s\nt.a %[1]s %[2]s\n", first, fourth)

		trigger()
		b.told(t, domain.RunFinished, nil, runs.Progress{}) // what it holds could not be found out
		want("output.o %[1]s %[2]s\nt.a %[1]s %[2]s\n", first, fourth)

		trigger()
		b.told(t, domain.RunFinished, nil, runs.Progress{Entities: holding()})
		want("")
	})
}

// TestEntitiesOfAKeptState: a worker cannot tell what a state holds that is
// kept here, nor can the worker of a plan tell anything.
func TestEntitiesOfAKeptState(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "kept", "apps", func(s *domain.Stack) { s.Autodeploy = true })
		b.trigger(t, "kept")
		b.told(t, domain.RunFinished, nil, runs.Progress{Entities: holding("t.a")})
		b.Stack(t, "own", "apps", func(s *domain.Stack) { s.ManagesState = false })
		if _, err := b.Trigger(b.As(t, "ann"), runs.TriggerInput{Stack: "own", Type: domain.RunProposed}); err != nil {
			t.Fatal(err)
		}
		a := b.lease(t)
		b.advance(t, a.Lease, domain.RunInitializing, domain.RunPlanning)
		if err := b.Advance(t.Context(), a.Lease, runs.Progress{To: domain.RunFinished, Entities: holding("t.a")}); err != nil {
			t.Fatal(err)
		}
		b.View(t, func(tx *store.Tx) error {
			for _, id := range []domain.StackID{"kept", "own"} {
				if list, err := tx.ManagedEntities(t.Context(), id); err != nil || len(list) > 0 {
					t.Errorf("of %s: %+v, %v", id, list, err)
				}
			}
			return nil
		})
	})
}
