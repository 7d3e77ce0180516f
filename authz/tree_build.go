package authz

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// planting is a tree whose spaces are not numbered yet: each has some seed
// number, by which these lists are indexed.
type planting struct {
	id      func(seed int32) string
	parent  []int32 // seeds; nowhere for root
	inherit []bool
	dead    []bool // seeds that are not part of the tree; may be nil
	// crooked are the parents whose children's seeds may be out of order; nil
	// means all of them.
	crooked []int32
}

var (
	errNoRoot  = errors.New("no root space")
	errEmptyID = errors.New("empty id")
)

func errNoParent(id string) error {
	return fmt.Errorf("space %q has no parent; only %q may have none", id, RootSpace)
}

func errParent(id, parent string) error {
	return fmt.Errorf("space %q has unknown parent %q", id, parent)
}

// grow numbers the tree in preorder with siblings by id, so that equal worlds
// give equal trees whatever the order of their rows. It returns the spaces and
// the seed of each.
func (p *planting) grow(root int32) (spaces []space, seeds []int32, err error) {
	first, next := p.children()
	alive := len(p.parent)
	for _, dead := range p.dead {
		if dead {
			alive--
		}
	}
	spaces = make([]space, 0, alive)
	seeds = make([]int32, 0, alive)
	inherit := make([]bool, 0, alive)
	number := nowhere // of the parent of the space to come
	for at := root; at != nowhere; {
		n := int32(len(spaces))
		spaces = append(spaces, space{parent: number, size: 1})
		seeds = append(seeds, at)
		inherit = append(inherit, p.inherit[at] && number != nowhere)
		if first[at] != nowhere {
			at, number = first[at], n
			continue
		}
		// The walk needs no stack: trees may be as deep as they are large.
		for at != root && next[at] == nowhere {
			at = p.parent[at]
			number = spaces[number].parent
		}
		if at == root {
			break
		}
		at = next[at]
	}
	if len(spaces) < alive {
		return nil, nil, fmt.Errorf("%d spaces are in a cycle or below one", alive-len(spaces))
	}
	measure(spaces, inherit)
	return spaces, seeds, nil
}

// children returns the first child of each seed and its next sibling.
func (p *planting) children() (first, next []int32) {
	n := len(p.parent)
	lists := make([]int32, 2*n)
	for i := range lists {
		lists[i] = nowhere
	}
	first, next = lists[:n], lists[n:]
	for i := n - 1; i >= 0; i-- {
		if up := p.parent[i]; up != nowhere && (p.dead == nil || !p.dead[i]) {
			next[i], first[up] = first[up], int32(i)
		}
	}
	var siblings []int32
	sorted := func(up int32) {
		siblings = siblings[:0]
		for i := first[up]; i != nowhere; i = next[i] {
			siblings = append(siblings, i)
		}
		slices.SortFunc(siblings, func(a, b int32) int { return strings.Compare(p.id(a), p.id(b)) })
		last := nowhere
		for _, i := range slices.Backward(siblings) {
			next[i], last = last, i
		}
		first[up] = last
	}
	if p.crooked == nil {
		for up := range int32(n) {
			if i := first[up]; i != nowhere && next[i] != nowhere {
				sorted(up)
			}
		}
	}
	for _, up := range p.crooked {
		sorted(up)
	}
	return first, next
}

// measure fills in the sizes of the subtrees and the climb numbers.
func measure(spaces []space, inherit []bool) {
	for i := range spaces {
		spaces[i].span = 1
	}
	for n := len(spaces) - 1; n > 0; n-- {
		sp := &spaces[n]
		up := &spaces[sp.parent]
		up.size += sp.size
		if inherit[n] {
			up.span += sp.span
		}
	}
	// next is the climb number for the next space of a component, kept at the
	// component's top; a component's numbers are reserved when its top is met.
	next := make([]int32, len(spaces))
	top := make([]int32, len(spaces))
	reserved := int32(0)
	for n := range spaces {
		sp := &spaces[n]
		top[n] = int32(n)
		if inherit[n] {
			top[n] = top[sp.parent]
		} else {
			next[n] = reserved
			reserved += sp.span
		}
		sp.climb = next[top[n]]
		next[top[n]]++
	}
}

// plant compiles the spaces of a world.
func plant(input []Space) (*tree, error) {
	if err := bounded("spaces", len(input)); err != nil {
		return nil, err
	}
	p := planting{
		id:      func(i int32) string { return input[i].ID },
		parent:  make([]int32, len(input)),
		inherit: make([]bool, len(input)),
	}
	x := newIndex(len(input))
	hash := func(i int32) uint64 { return hashOf(input[i].ID) }
	for i := range input {
		id := input[i].ID
		if id == "" {
			return nil, fmt.Errorf("space: %w", errEmptyID)
		}
		h := hashOf(id)
		if x.find(h, func(n int32) bool { return input[n].ID == id }) != nowhere {
			return nil, fmt.Errorf("space %q occurs twice", id)
		}
		x.put(h, int32(i), hash)
		p.inherit[i] = input[i].Inherit
	}
	root := nowhere
	for i := range input {
		id, up := input[i].ID, input[i].Parent
		if up == "" {
			if id != RootSpace {
				return nil, errNoParent(id)
			}
			root, p.parent[i] = int32(i), nowhere
			continue
		}
		if p.parent[i] = x.find(hashOf(up), func(n int32) bool { return input[n].ID == up }); p.parent[i] == nowhere {
			return nil, errParent(id, up)
		}
	}
	if root == nowhere {
		return nil, errNoRoot
	}
	spaces, seeds, err := p.grow(root)
	if err != nil {
		return nil, err
	}
	return newTree(spaces, seeds, p.id, &x), nil
}

// newTree makes a tree from spaces that are numbered. x finds their seeds.
func newTree(spaces []space, seeds []int32, id func(seed int32) string, x *index) *tree {
	t := &tree{spaces: spaces}
	t.ids = textsOf(len(spaces), func(n int) string { return id(seeds[n]) })
	becomes := make([]int32, len(spaces))
	for n, seed := range seeds {
		becomes[seed] = int32(n)
	}
	t.index = x.renumbered(becomes, nil)
	return t
}
