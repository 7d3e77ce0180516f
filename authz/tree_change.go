package authz

import (
	"fmt"
	"slices"
)

// spaceEdit is what becomes of one space.
type spaceEdit struct {
	Space
	gone bool
}

// replanted returns the tree after edits, each of another space, and what the
// numbers of its spaces become; nowhere for those that are gone. Without a
// change it returns t and nil.
func (t *tree) replanted(edits []spaceEdit) (*tree, []int32, error) {
	r := replanting{old: t, fresh: map[string]int32{}}
	r.edits = slices.DeleteFunc(slices.Clone(edits), r.idle)
	if len(r.edits) == 0 {
		return t, nil, nil
	}
	r.begin()
	if err := bounded("spaces", len(r.parent)); err != nil {
		return nil, nil, err
	}
	for _, e := range r.edits {
		if err := r.apply(e); err != nil {
			return nil, nil, err
		}
	}
	if err := r.orphans(); err != nil {
		return nil, nil, err
	}
	slices.Sort(r.crooked)
	r.crooked = slices.Compact(r.crooked)
	spaces, seeds, err := r.grow(rootNumber)
	if err != nil {
		return nil, nil, err
	}
	fresh, becomes := r.finish(spaces, seeds)
	return fresh, becomes, nil
}

// replanting is a tree that changes: the seeds of its old spaces are their
// numbers, those of new ones follow.
type replanting struct {
	planting
	old   *tree
	edits []spaceEdit
	fresh map[string]int32 // seeds of new spaces
}

// idle reports whether an edit changes nothing.
func (r *replanting) idle(e spaceEdit) bool {
	n := r.old.number(e.ID)
	if n == nowhere || e.gone {
		return n == nowhere && e.gone
	}
	if n == rootNumber {
		return e.Parent == ""
	}
	up := r.old.spaces[n].parent
	return r.old.id(up) == e.Parent && r.old.inherit(n) == e.Inherit
}

// begin gives each old and each new space its seed.
func (r *replanting) begin() {
	t, n := r.old, len(r.old.spaces)
	for _, e := range r.edits {
		if !e.gone && t.number(e.ID) == nowhere {
			r.fresh[e.ID] = int32(n + len(r.fresh))
		}
	}
	names := make([]string, len(r.fresh))
	for id, seed := range r.fresh {
		names[int(seed)-n] = id
	}
	r.id = func(seed int32) string {
		if int(seed) < n {
			return t.id(seed)
		}
		return names[int(seed)-n]
	}
	all := n + len(names)
	r.parent, r.inherit, r.dead = make([]int32, all), make([]bool, all), make([]bool, all)
	for i := range t.spaces {
		r.parent[i], r.inherit[i] = t.spaces[i].parent, t.inherit(int32(i))
	}
	r.crooked = []int32{}
}

func (r *replanting) seed(id string) int32 {
	if seed, ok := r.fresh[id]; ok {
		return seed
	}
	return r.old.number(id)
}

func (r *replanting) apply(e spaceEdit) error {
	at := r.seed(e.ID)
	switch {
	case e.ID == "":
		return fmt.Errorf("space: %w", errEmptyID)
	case at == rootNumber: // an idle edit of root does not come here
		return errNoRoot
	case e.gone:
		r.dead[at] = true
		return nil
	case e.Parent == "":
		return errNoParent(e.ID)
	}
	up := r.seed(e.Parent)
	if up == nowhere {
		return errParent(e.ID, e.Parent)
	}
	r.parent[at], r.inherit[at] = up, e.Inherit
	r.crooked = append(r.crooked, up)
	return nil
}

// orphans finds a space whose parent is gone.
func (r *replanting) orphans() error {
	for i, up := range r.parent {
		if up != nowhere && !r.dead[i] && r.dead[up] {
			return errParent(r.id(int32(i)), r.id(up))
		}
	}
	return nil
}

func (r *replanting) finish(spaces []space, seeds []int32) (*tree, []int32) {
	t := &tree{spaces: spaces}
	t.ids = textsOf(len(spaces), func(n int) string { return r.id(seeds[n]) })
	becomes := make([]int32, len(r.parent))
	for i := range becomes {
		becomes[i] = nowhere
	}
	for n, seed := range seeds {
		becomes[seed] = int32(n)
	}
	t.index = r.old.index.renumbered(becomes, r.old.hash)
	for id, seed := range r.fresh {
		t.index.put(hashOf(id), becomes[seed], t.hash)
	}
	return t, becomes[:len(r.old.spaces)]
}
