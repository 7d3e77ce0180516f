package authz

import (
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
	at, ok := s.index[space]
	if !ok {
		return LevelNone
	}
	n := instant(now)
	h := s.resolve(&sub, n)
	if l := s.levelAt(&h, at, n); l != LevelNone {
		return l
	}
	if s.readsBelow(&h, at, n) {
		return LevelPath
	}
	for _, l := range s.heldLocally(&h, n) {
		if l.home != nowhere && s.encloses(at, l.home) && s.readsBy(l.source) {
			return LevelPath
		}
	}
	return LevelNone
}

// levelAt is the level of a space by what it shows itself, without the paths.
func (s *Snapshot) levelAt(h *holder, at int32, now int64) Level {
	w := s.weigh(h, 0, at, EntityRef{}, now)
	switch {
	case !w.readable():
		return LevelNone
	case w.tier == TierAdmin && !h.readOnly:
		return LevelAdmin
	case w.tier == TierWriter && !h.readOnly:
		return LevelWrite
	default:
		return LevelRead
	}
}

// Tree returns every space that a subject sees, in preorder with siblings by
// id: those it can access, and the bare path from them to root (A36).
func (s *Snapshot) Tree(sub Subject, now time.Time) []SpaceLevel {
	n := instant(now)
	h := s.resolve(&sub, n)
	var tree []SpaceLevel
	for at, seen := range s.visible(&h, n) {
		if !seen {
			continue
		}
		sp := &s.spaces[at]
		row := SpaceLevel{Space: sp.id, Level: max(LevelPath, s.levelAt(&h, int32(at), n))}
		if sp.parent != nowhere {
			row.Parent = s.spaces[sp.parent].id
		}
		tree = append(tree, row)
	}
	return tree
}

// visible marks the spaces of a subject's tree: the subtrees where space:read
// is bound, the homes of entities shown by themselves (R24), and the way from
// each of these to root.
func (s *Snapshot) visible(h *holder, now int64) []bool {
	seen := make([]bool, len(s.spaces))
	sources := slices.DeleteFunc(s.held(h, now), func(src source) bool { return !s.readsBy(src) })
	slices.SortFunc(sources, func(a, b source) int { return int(a.space - b.space) })
	covered := int32(0)
	for _, src := range sources {
		for at := max(covered, src.space); at < s.spaces[src.space].end; at++ {
			seen[at] = true
		}
		covered = max(covered, s.spaces[src.space].end)
		s.markPath(seen, s.spaces[src.space].parent)
	}
	for _, l := range s.heldLocally(h, now) {
		if s.readsBy(l.source) {
			s.markPath(seen, l.home)
		}
	}
	return seen
}

// markPath marks a space and what is above it; a marked space has a marked
// path already.
func (s *Snapshot) markPath(seen []bool, at int32) {
	for ; at != nowhere && !seen[at]; at = s.spaces[at].parent {
		seen[at] = true
	}
}
