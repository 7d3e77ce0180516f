package store

import (
	"errors"
	"testing"
)

// TestRevisionsInDoubt follows what is known of the revision around commits.
func TestRevisionsInDoubt(t *testing.T) {
	r := &revisions{}
	expect := func(when string, want int64) {
		t.Helper()
		if got, ok := r.current(); got != want || ok != (want != 0) {
			t.Errorf("%s: %d %v, want %d", when, got, ok, want)
		}
	}
	expect("at first", 0)
	r.answered(r.asking(), 5)
	expect("once asked", 5)

	r.begin()
	expect("while a commit is under way", 0)
	r.answered(r.asking(), 5)
	expect("asked meanwhile", 0)
	r.begin()
	r.end(7, nil)
	expect("while the slower of two commits is under way", 0)
	r.end(6, nil)
	expect("after both", 7)

	before := r.asking()
	r.begin()
	during := r.asking()
	r.end(8, errors.New("disk full"))
	expect("after a commit that failed", 0)
	r.answered(before, 7)
	expect("by an answer from before it", 0)
	r.answered(during, 7)
	expect("by an answer from within it", 0)
	r.begin()
	r.end(9, nil)
	expect("after another commit", 0)
	r.answered(r.asking(), 9)
	expect("once asked again", 9)
	r.answered(before, 7)
	expect("after a late answer", 9)

	var none *revisions
	none.begin()
	none.end(1, nil)
	none.answered(none.asking(), 1)
	if _, ok := none.current(); ok {
		t.Error("a database that others change, too, is believed to be known")
	}
}
