package store

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
)

// TestWritersInTheirOrder lets many wait for a turn: they get it in the order
// in which they came, without those who gave up.
func TestWritersInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := &writers{free: 1}
		if err := line.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		const waiting = 50
		var got []int
		done := make(chan error, waiting)
		hurried, giveUp := context.WithCancel(t.Context())
		for i := range waiting {
			ctx := t.Context()
			if i == waiting/2 {
				ctx = hurried
			}
			go func() {
				err := line.enter(ctx)
				if err == nil {
					got = append(got, i) // one at a time
					line.leave()
				}
				done <- err
			}()
			synctest.Wait() // it stands in the line
		}
		giveUp()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up got %v", err)
		}
		line.leave()
		for range waiting - 1 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if len(got) != waiting-1 || !slices.IsSorted(got) {
			t.Errorf("in this order: %v", got)
		}
		if line.free != 1 {
			t.Errorf("%d turns are free in the end", line.free)
		}
	})
}

// TestUrgentWriters lets urgent ones come last: every second turn is theirs, and
// the others are not kept from theirs.
func TestUrgentWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := &writers{free: 2}
		for range 2 {
			if err := line.enter(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for _, name := range []string{"a", "b", "c", "A", "B", "C", "D", "E"} {
			ctx := t.Context()
			if name < "a" {
				ctx = access.Hurry(ctx)
			}
			go func() {
				if err := line.enter(ctx); err != nil {
					t.Error(err)
				}
				got = append(got, name)
			}()
			synctest.Wait()
		}
		for range 8 {
			line.leave()
			synctest.Wait()
		}
		if diff := cmp.Diff([]string{"A", "a", "B", "b", "C", "c", "D", "E"}, got); diff != "" {
			t.Error(diff)
		}
		line.leave()
		line.leave()
		if line.free != 2 {
			t.Errorf("%d turns are free in the end", line.free)
		}
	})
}
