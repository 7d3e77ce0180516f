package authz

import (
	"fmt"
	"hash/maphash"
	"slices"
)

// index finds numbers by the hash of what they stand for: open addressing in
// many small tables, so that a changed copy shares all tables but one. It does
// not know the keys; whoever asks compares them.
type index struct {
	// Each table begins with how many of its slots are taken. A slot holds 8
	// bits of the hash above 24 bits of the number plus one; 0 is a free slot.
	tables [][]uint32
	shift  uint8 // of a hash, to the number of its table
}

// maxNumber bounds how many spaces, and how many actors and entities, one
// snapshot can have. It is a variable for tests.
var maxNumber = 1<<24 - 2

func bounded(noun string, n int) error {
	if n > maxNumber {
		return fmt.Errorf("%d %s are too many", n, noun)
	}
	return nil
}

const perTable = 128 // numbers in one table, about

var hashSeed = maphash.MakeSeed()

func hashOf(id string) uint64 { return maphash.String(hashSeed, id) }

// newIndex returns an index with room for n numbers.
func newIndex(n int) index {
	x := index{shift: 64}
	count := 1
	for count*perTable < n {
		count, x.shift = count*2, x.shift-1
	}
	size := n/count*4/3 + 9
	backing := make([]uint32, count*size)
	x.tables = make([][]uint32, count)
	for i := range x.tables {
		x.tables[i] = backing[i*size : (i+1)*size : (i+1)*size]
	}
	return x
}

// find returns the number with the hash that is the right one, or nowhere.
func (x *index) find(h uint64, is func(n int32) bool) int32 {
	slots := x.tables[h>>x.shift][1:]
	tag := uint32(h>>32) << 24
	for i := home(h, len(slots)); slots[i] != 0; i = next(i, len(slots)) {
		if v := slots[i]; v&^(1<<24-1) == tag {
			if n := int32(v&(1<<24-1)) - 1; is(n) {
				return n
			}
		}
	}
	return nowhere
}

func home(h uint64, slots int) int { return int(uint64(uint32(h)) * uint64(slots) >> 32) }

func next(i, slots int) int {
	if i++; i < slots {
		return i
	}
	return 0
}

// put enters a number that is not there, in place. hash returns the hash of a
// number that is; it is asked when a table grows.
func (x *index) put(h uint64, n int32, hash func(n int32) uint64) {
	table := &x.tables[h>>x.shift]
	if used := int((*table)[0]); (used+1)*8 > (len(*table)-1)*7 {
		*table = retable(*table, used*3/2+9, hash, func(n int32) int32 { return n })
	}
	enter(*table, h, n)
}

func enter(table []uint32, h uint64, n int32) {
	table[0]++
	slots := table[1:]
	i := home(h, len(slots))
	for slots[i] != 0 {
		i = next(i, len(slots))
	}
	slots[i] = uint32(h>>32)<<24 | uint32(n+1)
}

// retable enters the numbers of a table into one of a new size, as what they
// become; those that become nowhere are left out.
func retable(table []uint32, size int, hash func(n int32) uint64, becomes func(n int32) int32) []uint32 {
	out := make([]uint32, size)
	for _, v := range table[1:] {
		if v == 0 {
			continue
		}
		n := int32(v&(1<<24-1)) - 1
		if to := becomes(n); to != nowhere {
			enter(out, hash(n), to)
		}
	}
	return out
}

// own makes the table of a hash a copy. The list of tables must be one.
func (x *index) own(h uint64) {
	table := &x.tables[h>>x.shift]
	*table = slices.Clone(*table)
}

// drop takes a number out, in place.
func (x *index) drop(h uint64, n int32, hash func(n int32) uint64) {
	table := &x.tables[h>>x.shift]
	*table = retable(*table, len(*table), hash, func(m int32) int32 {
		if m == n {
			return nowhere
		}
		return m
	})
}

// crowded reports whether n numbers are too many for the tables: searching
// stays fast, copying one of them does not.
func (x *index) crowded(n int) bool { return n > 8*perTable*len(x.tables) }

// renumbered returns a copy in which each number is what it becomes, or is
// gone if that is nowhere.
func (x *index) renumbered(becomes []int32, hash func(n int32) uint64) index {
	size := 0
	for _, table := range x.tables {
		size += len(table)
	}
	out := index{tables: make([][]uint32, len(x.tables)), shift: x.shift}
	backing := make([]uint32, size)
	for i, table := range x.tables {
		fresh := backing[:len(table):len(table)]
		backing = backing[len(table):]
		out.tables[i] = fresh
		fresh[0] = table[0]
		for j, v := range table[1:] {
			if v == 0 {
				continue
			}
			to := becomes[int32(v&(1<<24-1))-1]
			if to == nowhere {
				out.tables[i] = retable(table, len(table), hash, func(n int32) int32 { return becomes[n] })
				break
			}
			fresh[1+j] = v&^(1<<24-1) | uint32(to+1)
		}
	}
	return out
}
