package authz

// Intersect returns the spaces that are in both sets. They must be of one
// snapshot; sets of two have nothing in common.
func (ss SpaceSet) Intersect(other SpaceSet) SpaceSet {
	out := SpaceSet{All: ss.All && other.All, s: ss.s}
	if ss.s != other.s {
		return SpaceSet{}
	}
	for i, j := 0, 0; i < len(ss.in) && j < len(other.in); {
		a, b := ss.in[i], other.in[j]
		if from, to := max(a.from, b.from), min(a.to, b.to); from < to {
			out.in = append(out.in, span{from, to})
		}
		if a.to < b.to {
			i++
		} else {
			j++
		}
	}
	return out
}

// Everywhere returns every space of the snapshot.
func (s *Snapshot) Everywhere() SpaceSet {
	return SpaceSet{All: true, s: s, in: []span{{0, int32(len(s.tree.spaces))}}}
}
