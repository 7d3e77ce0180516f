package authz

import "slices"

// nodeKind is what a node is. Actors come first, in the order of ActorKind; a
// stack is an actor and an entity.
type nodeKind uint8

const (
	nodeGroup = nodeKind(ActorGroup)
	nodeStack = nodeKind(ActorStack)
	// nodeName is a group by its name. While a Group maps it, it holds the
	// group's bindings, so that whoever belongs to the group is one step away.
	nodeName = nodeStack + nodeKind(boundKinds-EntityStack)
	nodeFree = nodeName + 1
)

func actorNode(k ActorKind) nodeKind   { return nodeKind(k) }
func entityNode(k EntityKind) nodeKind { return nodeStack + nodeKind(k-EntityStack) }

// node is one actor, entity or name. Its bindings and memberships are those
// from its first ones to those of the next node.
type node struct {
	first, member uint32
	// home is, for a stack or another entity, the number of its space; for a
	// group, the node of its name, and for a name, that of its group; for a
	// free node, the next one. It may be nowhere.
	home int32
	// refs counts the bindings that name an entity, or the memberships of a
	// name. It stays at the top when it gets there.
	refs  uint16
	kind  nodeKind
	flags uint8
}

const (
	nodeKnown          uint8 = 1 << iota // the world has an Actor or a Group of it
	nodeAdministrative                   // R1
	nodeExpires                          // the chunk knows when
	nodeLong                             // its bindings are in a ledger of their own
)

const (
	chunkBits = 6
	chunkSize = 1 << chunkBits
)

// chunk is a fixed number of nodes with what is theirs, immutable once it is
// part of a snapshot. A change copies one chunk.
type chunk struct {
	ledger              // of those that are not long
	names   texts       // ids of the nodes
	members []int32     // nodes of names
	expires []timed     // by node
	long    []*longRuns // by node
	nodes   [chunkSize + 1]node
}

// longRuns is the bindings of a node that has many.
type longRuns struct {
	ledger
	order *order
	slot  int32
}

// split returns the chunk and the place in it of a node.
func split(n int32) (chunk, slot int32) { return n >> chunkBits, n & (chunkSize - 1) }

func (s *Snapshot) node(n int32) *node {
	c, i := split(n)
	return &s.chunks[c].nodes[i]
}

func (s *Snapshot) nodeID(n int32) string {
	c, i := split(n)
	return s.chunks[c].names.at(int(i))
}

// find returns a node, or nowhere.
func (s *Snapshot) find(k nodeKind, id string) int32 {
	var w wanted
	w.parse(id)
	return s.findHashed(k, &w, nodeHash(k, &w))
}

func (s *Snapshot) findHashed(k nodeKind, w *wanted, h uint64) int32 {
	t, tag := s.nodes.table(h), tagOf(h)
	for i, left := uint8(h), reach; left > 0 && t[i] != 0; i, left = i+1, left-1 {
		if t[i]>>24 != tag {
			continue
		}
		n := numberIn(t[i])
		c, at := split(n)
		if ch := s.chunks[c]; ch.nodes[at].kind == k && ch.names.is(int(at), w) {
			return n
		}
	}
	return nowhere
}

func (s *Snapshot) findActor(a ActorRef) int32 {
	if a.Kind >= actorKinds {
		return nowhere
	}
	return s.find(actorNode(a.Kind), a.ID)
}

func (s *Snapshot) findEntity(e EntityRef) int32 {
	if e.Kind == EntityNone || e.Kind >= boundKinds {
		return nowhere
	}
	return s.find(entityNode(e.Kind), e.ID)
}

func nodeHash(k nodeKind, w *wanted) uint64 { return ofKind(k, w.hash()) }

// ofKind makes the hash of an id that of a node.
func ofKind(k nodeKind, h uint64) uint64 { return h ^ (uint64(k)+1)*0x9e3779b97f4a7c15 }

func (s *Snapshot) hashNode(n int32) uint64 {
	c, i := split(n)
	return ofKind(s.chunks[c].nodes[i].kind, s.chunks[c].names.hash(int(i)))
}

// run returns the bindings of a node.
func (s *Snapshot) run(n int32) run {
	c, i := split(n)
	ch := s.chunks[c]
	if ch.nodes[i].flags&nodeLong != 0 {
		return ch.longRun(i)
	}
	return run{&ch.ledger, int32(ch.nodes[i].first), int32(ch.nodes[i+1].first), nil}
}

func (c *chunk) longRun(slot int32) run {
	l := c.long[slices.IndexFunc(c.long, func(l *longRuns) bool { return l.slot == slot })]
	return run{&l.ledger, 0, int32(len(l.entries)), l.order}
}

// members returns the nodes of the names of the groups that a node belongs to.
func (s *Snapshot) members(n int32) []int32 {
	c, i := split(n)
	ch := s.chunks[c]
	return ch.members[ch.nodes[i].member:ch.nodes[i+1].member]
}

// notAfter returns the last instant at which a node holds anything.
func (s *Snapshot) notAfter(n int32) int64 {
	c, i := split(n)
	ch := s.chunks[c]
	if ch.nodes[i].flags&nodeExpires != 0 {
		for _, t := range ch.expires {
			if t.at == i {
				return t.until
			}
		}
	}
	return forever
}
