package authz

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A list of ids is a list of strings, whether it is of ULIDs or not.
func TestTexts(t *testing.T) {
	id := rapid.OneOf(
		rapid.StringMatching(`[0-7][0-9A-HJKMNP-TV-Z]{25}`),
		rapid.StringMatching(`[0-7][0-9A-HJKMNP-TV-Z]{25}`),
		rapid.StringMatching(`[89a-z][0-9A-HJKMNP-TV-Z]{25}`),
		rapid.StringMatching(`[0-7][0-9A-Z]{25}`),
		rapid.String(),
	)
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfNDistinct(id, 0, 5, rapid.ID[string]).Draw(t, "ids")
		slices.Sort(want)
		got := textsOf(len(want), func(i int) string { return want[i] })
		for range rapid.IntRange(0, 8).Draw(t, "steps") {
			if n := len(want); n > 0 && rapid.Bool().Draw(t, "remove") {
				i := rapid.IntRange(0, n-1).Draw(t, "at")
				want, got = slices.Delete(slices.Clone(want), i, i+1), got.remove(i)
				continue
			}
			w := wantedFrom(id.Draw(t, "id"))
			i, found := got.search(0, got.len(), &w)
			at, there := slices.BinarySearch(want, w.text)
			if i != at || found != there {
				t.Fatalf("%q in %q: %d, %v; want %d, %v", w.text, want, i, found, at, there)
			}
			if there {
				continue // ids are not added twice
			}
			want, got = slices.Insert(slices.Clone(want), at, w.text), got.insert(i, w.text)
		}
		if got.len() != len(want) {
			t.Fatalf("%d ids, want %d", got.len(), len(want))
		}
		other := wantedFrom(id.Draw(t, "other"))
		for i := range want {
			w := wantedFrom(want[i])
			if got.at(i) != want[i] || !got.is(i, &w) || got.is(i, &other) != (want[i] == other.text) ||
				got.compare(i, &other) != strings.Compare(want[i], other.text) {
				t.Fatalf("%d: %q, want %q", i, got.at(i), want[i])
			}
		}
	})
}

func wantedFrom(s string) wanted { return want(s) }

func TestULIDsTakeSixteenBytes(t *testing.T) {
	list := textsOf(2, func(i int) string {
		return []string{"01ARZ3NDEKTSV4RRFFQ69G5FAV", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"}[i]
	})
	if len(list.ulids) != 2 || list.blob != "" || list.at(0) != "01ARZ3NDEKTSV4RRFFQ69G5FAV" || list.at(1) != "7ZZZZZZZZZZZZZZZZZZZZZZZZZ" {
		t.Errorf("%+v", list)
	}
}
