package authz

// tree is the spaces under their preorder numbers: a subtree is an interval of
// numbers, and "is bound at an ancestor" one comparison.
type tree struct {
	spaces []space
	ids    texts
	index  index
}

const (
	rootNumber int32 = 0
	nowhere    int32 = -1
)

// space is one space under its number. Its subtree is the size numbers from
// its own on.
//
// Spaces joined by inherit-on edges form a component. climb numbers spaces
// component by component, in preorder within each: the descendants from which
// every edge up to here inherits are the climb numbers after its own, span of
// them with its own. So derived read (R14) is one comparison, too.
type space struct {
	parent, size int32
	climb, span  int32
}

func (sp *space) inherits(parent *space) bool {
	return uint32(sp.climb-parent.climb) < uint32(parent.span)
}

// number returns the number of a space, or nowhere.
func (t *tree) number(id string) int32 {
	return t.numberHashed(id, hashOf(id))
}

func (t *tree) numberHashed(id string, h uint64) int32 {
	slots, tag := t.index.table(h), tagOf(h)
	for i, left := uint8(h), reach; left > 0 && slots[i] != 0; i, left = i+1, left-1 {
		n := numberIn(slots[i])
		if slots[i]>>24 == tag && t.ids.blob[t.ids.start(int(n)):t.ids.ends[n]] == id {
			return n
		}
	}
	return nowhere
}

func (t *tree) id(n int32) string { return t.ids.at(int(n)) }

func (t *tree) hash(n int32) uint64 { return hashOf(t.id(n)) }

// encloses reports whether space b is a or below it.
func (t *tree) encloses(a, b int32) bool {
	return uint32(b-a) < uint32(t.spaces[a].size)
}

// inherit reports whether the edge from a space up to its parent inherits.
func (t *tree) inherit(n int32) bool {
	sp := &t.spaces[n]
	return sp.parent != nowhere && sp.inherits(&t.spaces[sp.parent])
}
