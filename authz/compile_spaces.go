package authz

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// compileSpaces numbers the tree. Siblings are ordered by id, so that equal
// worlds give equal snapshots whatever the order of their rows.
func (s *Snapshot) compileSpaces(w World) error {
	input := slices.Clone(w.Spaces)
	slices.SortFunc(input, func(a, b Space) int { return cmp.Compare(a.ID, b.ID) })
	s.index = make(map[string]int32, len(input))
	for i, sp := range input {
		if err := claim(s.index, "space", sp.ID, int32(i)); err != nil {
			return err
		}
	}
	children, err := s.childLists(input)
	if err != nil {
		return err
	}
	if err := s.number(input, children); err != nil {
		return err
	}
	s.measure()
	return nil
}

// childLists returns, for each input position, the positions of the children
// in descending order of id.
func (s *Snapshot) childLists(input []Space) ([][]int32, error) {
	children := make([][]int32, len(input))
	roots := 0
	for i := len(input) - 1; i >= 0; i-- {
		sp := input[i]
		if sp.Parent == "" {
			if roots++; roots > 1 || sp.ID != RootSpace {
				return nil, fmt.Errorf("space %q has no parent; only %q may have none", sp.ID, RootSpace)
			}
			continue
		}
		p, ok := s.index[sp.Parent]
		if !ok {
			return nil, fmt.Errorf("space %q has unknown parent %q", sp.ID, sp.Parent)
		}
		children[p] = append(children[p], int32(i))
	}
	if roots == 0 {
		return nil, errors.New("no root space")
	}
	return children, nil
}

// number walks the tree from root without recursion (trees may be as deep as
// they are large), fills s.spaces in preorder, and renumbers s.index.
func (s *Snapshot) number(input []Space, children [][]int32) error {
	type visit struct{ at, parent int32 }
	stack := []visit{{s.index[RootSpace], nowhere}}
	s.spaces = make([]space, 0, len(input))
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		n := int32(len(s.spaces))
		sp := input[v.at]
		s.spaces = append(s.spaces, space{
			id: sp.ID, parent: v.parent, end: n + 1, inherit: sp.Inherit && v.parent != nowhere,
		})
		for _, c := range children[v.at] {
			stack = append(stack, visit{c, n})
		}
	}
	if len(s.spaces) < len(input) {
		return fmt.Errorf("%d spaces are in a cycle or below one", len(input)-len(s.spaces))
	}
	for n := range s.spaces {
		s.index[s.spaces[n].id] = int32(n)
	}
	return nil
}

// measure fills in the ends of the subtrees and the climb numbers.
func (s *Snapshot) measure() {
	size := make([]int32, len(s.spaces)) // of the subtree within its component
	for n := len(s.spaces) - 1; n >= 0; n-- {
		sp := &s.spaces[n]
		size[n]++
		if sp.parent == nowhere {
			continue
		}
		parent := &s.spaces[sp.parent]
		parent.end = max(parent.end, sp.end)
		if sp.inherit {
			size[sp.parent] += size[n]
		}
	}
	// next is the climb number for the next space of a component, kept at the
	// component's top; a component's numbers are reserved when its top is met.
	next := make([]int32, len(s.spaces))
	top := make([]int32, len(s.spaces))
	reserved := int32(0)
	for n := range s.spaces {
		sp := &s.spaces[n]
		top[n] = int32(n)
		if sp.inherit {
			top[n] = top[sp.parent]
		} else {
			next[n] = reserved
			reserved += size[n]
		}
		sp.climb = next[top[n]]
		sp.climbEnd = sp.climb + size[n]
		next[top[n]]++
	}
}
