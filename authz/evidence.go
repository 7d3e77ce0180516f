package authz

import "time"

// EvidenceKind says what a right comes from.
type EvidenceKind uint8

const (
	// EvidenceNone stands for nothing.
	EvidenceNone EvidenceKind = iota
	// EvidenceBinding is a role binding, of the subject or of a group of its.
	EvidenceBinding
	// EvidenceSession is a grant that the subject's session carries (A40).
	EvidenceSession
	// EvidenceFlag is the administrative flag of a stack (R1).
	EvidenceFlag
	// EvidenceAlwaysAdmin is A93.
	EvidenceAlwaysAdmin
)

// String returns "none", "binding", "session", "flag" or "always-admin".
func (k EvidenceKind) String() string {
	names := [...]string{"none", "binding", "session", "flag", "always-admin"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Relation is where something is bound, as seen from the target.
type Relation uint8

const (
	// RelationElsewhere is neither above nor below the target.
	RelationElsewhere Relation = iota
	// RelationHere is the target's own space.
	RelationHere
	// RelationAbove is a space above, from which roles cascade (A27).
	RelationAbove
	// RelationClimbs is a space below, from which every edge up to the target
	// inherits: of its roles, space:read climbs (A28).
	RelationClimbs
	// RelationBelow is another space below.
	RelationBelow
	// RelationEntity is the targeted entity itself (R24).
	RelationEntity
)

// String returns "elsewhere", "here", "above", "climbs", "below" or "entity".
func (r Relation) String() string {
	names := [...]string{"elsewhere", "here", "above", "climbs", "below", "entity"}
	if int(r) < len(names) {
		return names[r]
	}
	return "unknown"
}

// Evidence is one thing that a subject has: a role in a space or on an entity,
// and where it comes from. The zero value is none.
type Evidence struct {
	Kind     EvidenceKind
	Relation Relation
	Binding  string // id; empty unless Kind is EvidenceBinding
	Role     string // id
	RoleSlug string
	// Space is the bound space; for an entity the one that it lives in, if the
	// snapshot knows.
	Space  string
	Entity EntityRef // zero for a binding to a space
	// Group and GroupName are the group whose binding it is, if it is one's.
	Group, GroupName string
	NotAfter         time.Time // zero if it does not expire
	Expired          bool
}

// evidence describes a source for a holder, as seen from a place.
func (s *Snapshot) evidence(h *Holder, src source, p *Place, now int64) Evidence {
	r := &s.roles.list[src.role]
	e := Evidence{Kind: EvidenceBinding, Role: r.id, RoleSlug: r.slug}
	switch {
	case src.carrier != nowhere:
		s.cite(&e, src, now)
	case src.at != nowhere:
		e.Kind = EvidenceSession
	case h.kind == ActorStack:
		e.Kind = EvidenceFlag
	default:
		e.Kind = EvidenceAlwaysAdmin
	}
	at := src.space
	if at == nowhere {
		en := s.entryOf(src)
		e.Entity = s.entityRef(en.pre)
		if at = s.node(en.pre).home; en.pre == p.entity {
			e.Relation = RelationEntity
		}
	} else {
		e.Relation = s.relation(at, p)
	}
	if at != nowhere {
		e.Space = s.tree.id(at)
	}
	return e
}

// cite fills in what only a binding has.
func (s *Snapshot) cite(e *Evidence, src source, now int64) {
	r := s.run(src.carrier)
	e.Binding = r.ids.at(int(r.from + src.at))
	if until := r.until(r.from + src.at); until != forever {
		e.NotAfter, e.Expired = time.Unix(0, until).UTC(), until < now
	}
	if n := s.node(src.carrier); n.kind == nodeName {
		e.Group, e.GroupName = s.nodeID(n.home), s.nodeID(src.carrier)
	}
}

func (s *Snapshot) entryOf(src source) *entry {
	r := s.run(src.carrier)
	return &r.entries[r.from+src.at]
}

func (s *Snapshot) entityRef(n int32) EntityRef {
	return EntityRef{EntityKind(s.node(n).kind-nodeStack) + EntityStack, s.nodeID(n)}
}

// relation is that of a bound space to a place.
func (s *Snapshot) relation(bound int32, p *Place) Relation {
	switch {
	case bound == p.at:
		return RelationHere
	case s.tree.encloses(bound, p.at):
		return RelationAbove
	case uint32(s.tree.spaces[bound].climb-p.below) < p.width:
		return RelationClimbs
	case s.tree.encloses(p.at, bound):
		return RelationBelow
	default:
		return RelationElsewhere
	}
}
