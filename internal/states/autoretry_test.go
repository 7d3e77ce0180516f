package states_test

import (
	"context"
	"testing"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/states"
	"github.com/airlock-project/airlock/internal/store"
)

type noTokens struct{}

func (noTokens) RunToken(domain.Run) (string, error) { return "", nil }

// TestAutoretryOfChanges: an import and a rollback make plans outdated as an
// apply does; what is refused does not.
func TestAutoretryOfChanges(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		planner := runs.New(store.Bind[runs.Tx](b.Store), b.Gate, b.IDs, noTokens{}, runs.Config{})
		b.Changed = func(ctx context.Context, tx states.Tx, id domain.StackID) error {
			return planner.StateChanged(ctx, tx.(runs.Tx), id)
		}
		for _, id := range []domain.StackID{"auto", "plain"} {
			b.Stack(t, id, "apps", func(st *domain.Stack) { st.Autoretry = id == "auto" })
			b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
				r := domain.Run{
					ID: domain.RunID(b.IDs.ULID()), StackID: id, Type: domain.RunProposed, State: domain.RunQueued, StateSerial: 1,
					CreatedAt: tx.Now(), UpdatedAt: tx.Now(), Branch: "feature",
				}
				if err := tx.InsertRun(ctx, p.For(access.KindRun), r); err != nil {
					return err
				}
				r.State, r.Delta = domain.RunFinished, &domain.Delta{Added: 1}
				return tx.SaveRun(ctx, p.For(access.KindRun), r)
			})
			b.lockBy(t, id, "ann")
		}
		plans := func(id domain.StackID) int {
			return len(b.Rows(t, `select id from runs where stack_id = '`+string(id)+`'`))
		}
		end := func() { // of what was started, so that nothing is open
			if err := b.Exec(t, `update runs set state = 'FINISHED', delta = '{"Added":1}' where state <> 'FINISHED'`); err != nil {
				t.Fatal(err)
			}
		}
		ann := b.As(t, "ann")
		bring := func(id domain.StackID, serial int) (domain.StateVersion, error) {
			return b.Import(ann, states.ImportInput{Stack: id, State: string(body(serial, "l", ""))})
		}
		for _, id := range []domain.StackID{"auto", "plain"} {
			want := 1
			if _, err := bring(id, 3); err != nil {
				t.Fatal(err)
			}
			if id == "auto" {
				want++
			}
			if n := plans(id); n != want {
				t.Errorf("%s has %d plans after an import, want %d", id, n, want)
			}
			end()
			if _, err := bring(id, 2); err == nil || plans(id) != want {
				t.Errorf("%s has %d plans after a refused import (%v)", id, plans(id), err)
			}
			first := b.current(t, id)
			b.keep(t, id, body(4, "l", ""))
			if _, err := b.Rollback(ann, id, first.ID); err != nil {
				t.Fatal(err)
			}
			if id == "auto" {
				want++
			}
			if n := plans(id); n != want {
				t.Errorf("%s has %d plans after a rollback, want %d", id, n, want)
			}
			end()
		}
	})
}
