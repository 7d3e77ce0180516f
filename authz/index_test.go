package authz

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestIndexFollowsAMap puts, drops and renumbers at random, with hashes that
// crowd some tables, and compares with a map.
func TestIndexFollowsAMap(t *testing.T) {
	src := rand.New(rand.NewPCG(1, 2))
	hashes := make([]uint64, 20_000)
	for i := range hashes {
		hashes[i] = src.Uint64()
		if i%4 == 0 {
			hashes[i] |= 0xff << 56 // a quarter is in the last tables
		}
	}
	hash := func(n int32) uint64 { return hashes[n] }
	x, in := newIndex(10), map[int32]bool{}
	check := func() {
		t.Helper()
		for n := range int32(len(hashes)) {
			got := x.find(hash(n), func(m int32) bool { return m == n })
			if want := in[n]; want != (got == n) {
				t.Fatalf("number %d: got %d, in the map %v", n, got, want)
			}
		}
	}
	for range 6 {
		for n := range int32(len(hashes)) {
			switch {
			case !in[n] && src.IntN(2) == 0:
				x.put(hash(n), n, hash)
				in[n] = true
			case in[n] && src.IntN(3) == 0:
				x.drop(hash(n), n, hash)
				delete(in, n)
			}
		}
		check()
	}
	// A change of a copy must not show in what it is a copy of.
	old := x
	old.tables = slices.Clone(x.tables)
	for n := range in {
		x.tables = slices.Clone(x.tables)
		x.own(hash(n))
		x.drop(hash(n), n, hash)
		if old.find(hash(n), func(m int32) bool { return m == n }) != n {
			t.Fatalf("number %d left the old index, too", n)
		}
		delete(in, n)
		if len(in) < 8_000 {
			break
		}
	}
	check()
	becomes, fresh := make([]int32, len(hashes)), make([]uint64, len(hashes))
	after := map[int32]bool{}
	for n := range becomes {
		becomes[n] = int32(len(hashes) - 1 - n)
		if n%5 == 0 {
			becomes[n] = nowhere
		} else if fresh[becomes[n]] = hashes[n]; in[int32(n)] {
			after[becomes[n]] = true
		}
	}
	x = x.renumbered(becomes, hash)
	hashes, in = fresh, after
	check()
}
