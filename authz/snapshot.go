package authz

// Snapshot is a compiled World: immutable, safe for concurrent use, and the
// only thing that answers questions. Apply makes the next one, which shares
// with it what did not change.
//
// Spaces are numbered in preorder, so that a subtree is an interval of
// numbers. Actors, and what else has an id, are nodes; the bindings of 64
// nodes lie together in a chunk, those of one node in one run, each with the
// interval it covers. So a decision reads a run or two and compares numbers.
type Snapshot struct {
	tree   *tree
	roles  *roleTable
	chunks []*chunk
	nodes  index
	count  int32 // nodes, free ones included
	free   int32 // the first free node, or nowhere
}
