package authz

import (
	"fmt"
	"hash/maphash"
	"math/bits"
	"slices"
)

// index finds numbers by the hash of what they stand for: open addressing in
// many small tables, so that a changed copy shares all tables but one. It does
// not know the keys; whoever asks compares them.
//
// The top bits of a hash choose the table, and tables split when they are
// full: until then, neighbours in the list may be one and the same.
type index struct {
	tables []*table
	shift  uint8 // of a hash, to the number of its table
}

// table is slots that hold 8 bits of the hash above 24 bits of the number plus
// one; 0 is a free slot. A number is at the slot that the low bits of its hash
// name, or less than reach behind it with no free one between.
type table [256]uint32

const (
	reach    = 48
	perTable = 200 // numbers in one table, at most, when an index is made
)

// maxNumber bounds how many spaces, and how many actors and entities, one
// snapshot can have. It is a variable for tests.
var maxNumber = 1<<24 - 2

func bounded(noun string, n int) error {
	if n > maxNumber {
		return fmt.Errorf("%d %s are too many", n, noun)
	}
	return nil
}

var (
	hashSeed = maphash.MakeSeed()
	ulidSeed = ulid{hashOf("hi"), hashOf("lo")}
)

func hashOf(id string) uint64 { return maphash.String(hashSeed, id) }

func (u ulid) hash() uint64 {
	hi, lo := bits.Mul64(u.hi^ulidSeed.hi, u.lo^ulidSeed.lo)
	return hi ^ lo
}

// newIndex returns an index with room for n numbers.
func newIndex(n int) index {
	x := index{shift: 64}
	count := 1
	for count*perTable < n {
		count, x.shift = count*2, x.shift-1
	}
	backing := make([]table, count)
	x.tables = make([]*table, count)
	for i := range x.tables {
		x.tables[i] = &backing[i]
	}
	return x
}

func (x *index) table(h uint64) *table { return x.tables[h>>x.shift] }

func slotOf(h uint64, n int32) uint32 { return tagOf(h)<<24 | uint32(n+1) }
func tagOf(h uint64) uint32           { return uint32(h>>32) & 255 }
func numberIn(slot uint32) int32      { return int32(slot&(1<<24-1)) - 1 }

// find returns the number with the hash that is the right one, or nowhere.
func (x *index) find(h uint64, is func(n int32) bool) int32 {
	t, tag := x.table(h), tagOf(h)
	at := uint8(h)
	for range reach {
		v := t[at]
		if v == 0 {
			break
		}
		if n := numberIn(v); v>>24 == tag && is(n) {
			return n
		}
		at++
	}
	return nowhere
}

// put enters a number that is not there, in place. hash returns the hash of a
// number that is; it is asked when a table splits.
func (x *index) put(h uint64, n int32, hash func(n int32) uint64) {
	for !x.table(h).put(h, n) {
		x.split(h, hash)
	}
}

// put reports false if there is no free slot within reach.
func (t *table) put(h uint64, n int32) bool {
	at := uint8(h)
	for range reach {
		if t[at] == 0 {
			t[at] = slotOf(h, n)
			return true
		}
		at++
	}
	return false
}

// same returns the part of the list that is the table of a hash.
func (x *index) same(h uint64) (from, to int) {
	from = int(h >> x.shift)
	for to = from + 1; to < len(x.tables) && x.tables[to] == x.tables[from]; {
		to++
	}
	for from > 0 && x.tables[from-1] == x.tables[from] {
		from--
	}
	return from, to
}

// split makes two tables of the one of a hash.
func (x *index) split(h uint64, hash func(n int32) uint64) {
	from, to := x.same(h)
	if to-from == 1 {
		list := make([]*table, 0, 2*len(x.tables))
		for _, t := range x.tables {
			list = append(list, t, t)
		}
		x.tables, x.shift = list, x.shift-1
		from, to = 2*from, 2*to
	}
	old, low, high := x.tables[from], new(table), new(table)
	middle := (from + to) / 2
	for i := range x.tables[from:to] {
		if x.tables[from+i] = low; from+i >= middle {
			x.tables[from+i] = high
		}
	}
	for _, v := range old {
		if v != 0 {
			n := numberIn(v)
			x.put(hash(n), n, hash)
		}
	}
}

// own makes the table of a hash a copy. The list of tables must be one.
func (x *index) own(h uint64) {
	fresh := *x.table(h)
	from, to := x.same(h)
	for i := range x.tables[from:to] {
		x.tables[from+i] = &fresh
	}
}

// drop takes a number out, in place.
func (x *index) drop(h uint64, n int32, hash func(n int32) uint64) { x.table(h).drop(h, n, hash) }

// drop takes a number out and moves up those behind it that are not at home.
func (t *table) drop(h uint64, n int32, hash func(n int32) uint64) {
	gap := uint8(slices.Index(t[:], slotOf(h, n)))
	for at := gap + 1; t[at] != 0 && at != gap; at++ {
		if home := uint8(hash(numberIn(t[at]))); at-home >= at-gap {
			t[gap], gap = t[at], at
		}
	}
	t[gap] = 0
}

// renumbered returns a copy in which each number is what it becomes, or is
// gone if that is nowhere. hash returns the hash of a number of the old ones.
func (x *index) renumbered(becomes []int32, hash func(n int32) uint64) index {
	out := index{tables: make([]*table, len(x.tables)), shift: x.shift}
	for i, old := range x.tables {
		if i > 0 && old == x.tables[i-1] {
			out.tables[i] = out.tables[i-1]
			continue
		}
		out.tables[i] = old.renumbered(becomes, hash)
	}
	return out
}

func (t *table) renumbered(becomes []int32, hash func(n int32) uint64) *table {
	out := *t
	for _, v := range t {
		if n := numberIn(v); v != 0 && becomes[n] == nowhere {
			out.drop(hash(n), n, hash)
		}
	}
	for i, v := range out {
		if v != 0 {
			out[i] = v&^(1<<24-1) | uint32(becomes[numberIn(v)]+1)
		}
	}
	return &out
}
