package store

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	_ "modernc.org/sqlite" // the driver of the embedded database
)

// TestWritersInTheirOrder lets many wait for the one connection that writes:
// they get it in the order in which they came, without those who gave up.
func TestWritersInTheirOrder(t *testing.T) {
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "a.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	synctest.Test(t, func(t *testing.T) {
		line := make(turn, 1)
		first, err := line.begin(t.Context(), db)
		if err != nil {
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
				tx, err := line.begin(ctx, db)
				if err == nil {
					got = append(got, i) // one at a time: there is one connection
					err = tx.Rollback()
				}
				done <- err
			}()
			synctest.Wait() // it stands in the line
		}
		giveUp()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up got %v", err)
		}
		if err := first.Rollback(); err != nil {
			t.Fatal(err)
		}
		for range waiting - 1 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if len(got) != waiting-1 || !slices.IsSorted(got) {
			t.Errorf("in this order: %v", got)
		}
	})
}
