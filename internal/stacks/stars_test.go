package stacks_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// TestStars: everybody who sees a stack may star it, for himself alone.
func TestStars(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		star := func(who string, id domain.StackID, on bool) func() error {
			return func() error { _, err := b.SetStar(b.As(t, who), id, on); return err }
		}
		if row := b.Allowed(t, star("will", "k2", true)); row.Event != "star.set" {
			t.Errorf("recorded %+v", row)
		}
		b.Allowed(t, star("will", "k2", true)) // twice is once
		b.Denied(t, domain.CodeNotFound, star("nobody", "k2", true))
		found := func(who string, q domain.StackSearch) string {
			t.Helper()
			q.Size = 50
			page, err := b.Search(b.As(t, who), q)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, h := range page.Hits {
				ids = append(ids, string(h.ID))
			}
			return strings.Join(ids, " ")
		}
		starred := domain.StackSearch{Predicates: []domain.StackPredicate{{Field: domain.StackFieldStarred, Values: []string{"true"}}}}
		if mine, others := found("will", starred), found("ann", starred); mine != "k2" || others != "" {
			t.Errorf("starred are %q, for others %q", mine, others)
		}
		plain := starred
		plain.Predicates = []domain.StackPredicate{{Field: domain.StackFieldStarred, Values: []string{"false"}}}
		if got := found("will", plain); strings.Contains(" "+got+" ", " k2 ") || got == "" {
			t.Errorf("not starred are %q", got)
		}
		if got := found("will", domain.StackSearch{Order: domain.StackFieldStarred, Descending: true}); !strings.HasPrefix(got, "k2 ") {
			t.Errorf("starred first: %q", got)
		}
		k2 := []domain.Stack{{ID: "k2"}, {ID: "k"}}
		if got, err := b.StarredOf(b.As(t, "will"), k2); err != nil || !got["k2"] || got["k"] {
			t.Errorf("stars %v, %v", got, err)
		}
		b.Allowed(t, b.update(t, "ann", "k2", func(s *domain.StackSettings) { s.Name = "Elsewhere" }))
		b.Allowed(t, func() error { _, err := b.Reslug(b.As(t, "ann"), "k2"); return err }) // changes nothing
		if got := found("will", starred); got != "elsewhere" {
			t.Errorf("after another id: %q", got)
		}
		b.Allowed(t, star("will", "elsewhere", false))
		if got := found("will", starred); got != "" {
			t.Errorf("without the star: %q", got)
		}
	})
}

// TestLastApplies: of applies that ended well, the last.
func TestLastApplies(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		list := []domain.Stack{{ID: "k2"}}
		if got, err := b.LastApplies(b.As(t, "will"), list); err != nil || len(got) != 0 {
			t.Errorf("before any: %v, %v", got, err)
		}
		ends := func(from, to domain.RunState) time.Time {
			b.Clock.Advance(time.Hour)
			run := b.Run(t, "k2", from)
			run.State, run.StateSerial, run.UpdatedAt = to, 2, b.Clock.Now()
			b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
				return tx.AdvanceRun(ctx, p.For(access.KindRun), run, from, "")
			})
			return b.Clock.Now()
		}
		ends(domain.RunApplying, domain.RunFinished)
		want := ends(domain.RunApplying, domain.RunFinished)
		ends(domain.RunPlanning, domain.RunFinished) // nothing to apply
		ends(domain.RunApplying, domain.RunFailed)
		got, err := b.LastApplies(b.As(t, "will"), list)
		if err != nil || !got["k2"].Equal(want) {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
	})
}
