package store

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// TestLooksAreShared: whoever arrives while the database is being asked gets
// the next answer, together with all who wait, and never the one under way.
func TestLooksAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l looks
		var asks []sought
		answers := make(chan error)
		ask := func(_ context.Context, what sought) (f found, err error) {
			asks = append(asks, what)
			f.Revision = int64(len(asks))
			return f, <-answers
		}
		got := make([]string, 6)
		request := func(i int, ids ...string) {
			go func() {
				var refs []access.Ref
				for _, id := range ids {
					refs = append(refs, access.Ref{Kind: access.KindStack, ID: id})
				}
				f, err := l.share(t.Context(), seek(refs), ask)
				got[i] = fmt.Sprint(f.Revision, err)
			}()
			synctest.Wait()
		}
		request(0, "a")
		request(1)
		request(2, "b", "c")
		request(3, "d")
		if len(asks) != 1 {
			t.Fatalf("asked %d times while the first question is open", len(asks))
		}
		answers <- nil
		synctest.Wait()
		if len(asks) != 2 || fmt.Sprint(asks[1][0]) != "[b c d]" || got[0] != "1 <nil>" {
			t.Fatalf("then asked %v; answered %q", asks, got)
		}
		request(4, "e")
		answers <- errors.New("down")
		synctest.Wait()
		answers <- nil
		synctest.Wait()
		if want := []string{"1 <nil>", "2 down", "2 down", "2 down", "3 <nil>", ""}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("answered %q, want %q", got, want)
		}
		request(5)
		answers <- nil
		synctest.Wait()
		if got[5] != "4 <nil>" || l.asking || len(l.waiting) != 0 {
			t.Errorf("later answered %q; asking %v, %d wait", got[5], l.asking, len(l.waiting))
		}
	})
}

// TestLooksHangUp: who asks for others and goes away does not take their
// answer along, and who waits and goes away does not wait on.
func TestLooksHangUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l looks
		answers := make(chan error)
		ask := func(ctx context.Context, _ sought) (found, error) {
			err := <-answers
			return found{}, errors.Join(err, ctx.Err())
		}
		ctx, cancel := context.WithCancel(t.Context())
		errs := make([]error, 3)
		for i := range errs {
			go func() { _, errs[i] = l.share(ctx, nil, ask) }()
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		for i, err := range errs[1:] {
			if domain.ErrorCode(err) != domain.CodeUnavailable {
				t.Errorf("waiting request %d: %v", i+1, err)
			}
		}
		answers <- nil
		answers <- nil
		synctest.Wait()
		if l.asking {
			t.Error("still asking")
		}
	})
}

// TestLooksAreBounded: a question does not grow without end.
func TestLooksAreBounded(t *testing.T) {
	l := looks{asking: true}
	many := make([]access.Ref, lookIDs/2)
	for i := range many {
		many[i] = access.Ref{Kind: access.KindRun, ID: fmt.Sprint(i)}
	}
	for range 5 {
		l.join(seek(many))
	}
	if len(l.waiting) != 3 || l.waiting[0].ids != lookIDs || l.waiting[2].ids != lookIDs/2 {
		t.Errorf("%d questions, the first for %d ids", len(l.waiting), l.waiting[0].ids)
	}
}
