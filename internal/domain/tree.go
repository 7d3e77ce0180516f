package domain

// Tree answers questions about the shape of the space tree.
type Tree map[SpaceID]Space

// NewTree indexes spaces by id.
func NewTree(spaces []Space) Tree {
	t := make(Tree, len(spaces))
	for _, s := range spaces {
		t[s.ID] = s
	}
	return t
}

// Inside reports whether id is top or lies below it.
func (t Tree) Inside(id, top SpaceID) bool {
	for id != "" {
		if id == top {
			return true
		}
		id = t[id].Parent
	}
	return false
}

// Reaches reports whether an object in space from may use an entity of space
// to: its own space, or an ancestor over inherit-on edges (access model A114).
func (t Tree) Reaches(from, to SpaceID) bool {
	for {
		if from == to {
			return true
		}
		s, ok := t[from]
		if !ok || !s.Inherit || s.Parent == "" {
			return false
		}
		from = s.Parent
	}
}

// Use says that a stack uses an entity of some space.
type Use struct {
	Stack       StackID
	StackSpace  SpaceID
	EntityKind  string
	Entity      string
	EntitySpace SpaceID
}
