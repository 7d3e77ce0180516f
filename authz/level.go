package authz

import (
	"cmp"
	"slices"
	"time"
)

// Level is what a space shows of a subject's access to it (R27, A36).
type Level uint8

const (
	// LevelNone means that the subject does not see the space.
	LevelNone Level = iota
	// LevelPath means that only name and position show: the space leads to
	// something that the subject sees (A37).
	LevelPath
	// LevelRead means that space:read is effective, derived read included.
	LevelRead
	// LevelWrite is the Writer tier, where space:read is effective.
	LevelWrite
	// LevelAdmin is the Admin tier, where space:read is effective.
	LevelAdmin
)

// String returns "none", "path", "read", "write" or "admin".
func (l Level) String() string {
	names := [...]string{"none", "path", "read", "write", "admin"}
	if int(l) < len(names) {
		return names[l]
	}
	return "unknown"
}

// SpaceLevel is one space that a subject sees.
type SpaceLevel struct {
	Space  string
	Parent string // "" for root
	Level  Level  // never LevelNone
}

// Level returns a subject's level in a space; LevelNone for a space that is
// not in the snapshot. A read-only subject has at most LevelRead.
func (s *Snapshot) Level(sub Subject, space string, now time.Time) Level {
	p := s.placeAt(s.tree.number(space))
	if p.at == nowhere {
		return LevelNone
	}
	h := s.Holder(sub)
	w := standing{now: instant(now)}
	s.weigh(&h, &w, &p)
	if w.readable() {
		return h.level(w.tier)
	}
	for _, e := range s.live(&h, nil, w.now) {
		if at := s.shownAt(&e); at != nowhere && s.tree.encloses(p.at, at) {
			return LevelPath
		}
	}
	return LevelNone
}

// level is that of a readable space.
func (h *Holder) level(t Tier) Level {
	switch {
	case t == TierAdmin && !h.readOnly:
		return LevelAdmin
	case t == TierWriter && !h.readOnly:
		return LevelWrite
	default:
		return LevelRead
	}
}

// shownAt returns the space to which the bare path leads by a binding: the
// bound one, or that of the bound entity; nowhere if its role does not show it.
func (s *Snapshot) shownAt(e *entry) int32 {
	switch {
	case !s.roles.reads(e.role):
		return nowhere
	case e.local():
		return s.node(e.pre).home
	default:
		return e.pre
	}
}

// Tree returns every space that a subject sees, in preorder with siblings by
// id: those it can access, and the bare path from them to root (A36).
func (s *Snapshot) Tree(sub Subject, now time.Time) []SpaceLevel {
	h := s.Holder(sub)
	live := s.live(&h, nil, instant(now))
	paths := s.paths(live)
	f := s.flatten(&h, flat{}, live)
	var tree []SpaceLevel
	// bare adds the paths, which are spaces not readable or only by climbing.
	bare := func(to int32) {
		for ; len(paths) > 0 && paths[0] < to; paths = paths[1:] {
			level := LevelPath
			if _, derived := slices.BinarySearch(f.points, paths[0]); derived {
				level = LevelRead
				if st := stretchAt(f.stretches, paths[0]); st != nil {
					level = h.level(st.tier)
				}
			}
			tree = append(tree, s.row(paths[0], level))
		}
	}
	for i := range f.stretches {
		st := &f.stretches[i]
		if !st.reads() {
			continue
		}
		bare(st.from)
		for at := st.from; at < st.to; at++ {
			tree = append(tree, s.row(at, h.level(st.tier)))
		}
		for len(paths) > 0 && paths[0] < st.to {
			paths = paths[1:]
		}
	}
	bare(int32(len(s.tree.spaces)))
	return tree
}

func (s *Snapshot) row(at int32, l Level) SpaceLevel {
	row := SpaceLevel{Space: s.tree.id(at), Level: l}
	if up := s.tree.spaces[at].parent; up != nowhere {
		row.Parent = s.tree.id(up)
	}
	return row
}

// paths returns the spaces, ascending, from those that bindings show to root.
func (s *Snapshot) paths(live []entry) []int32 {
	var shown, paths []int32
	for i := range live {
		if at := s.shownAt(&live[i]); at != nowhere {
			shown = append(shown, at)
		}
	}
	slices.Sort(shown)
	last := nowhere
	for _, space := range shown {
		// What is above this one and not after the last one is above that, too.
		for at := space; at > last; at = s.tree.spaces[at].parent {
			paths = append(paths, at)
		}
		last = space
	}
	slices.SortFunc(paths, cmp.Compare[int32])
	return paths
}
