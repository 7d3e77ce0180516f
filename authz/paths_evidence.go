package authz

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// proof is a binding that applies in a place, and what it gives there alone.
type proof struct {
	*liveGrant
	actor int32
	role  *role
	gives ActionSet
}

// explain appends bindings of actors that together allow actions in a place, as
// few as a greedy choice finds, the nearest first. It does not repeat one that
// is in the list.
func (q *query) explain(list []Evidence, who []int32, at place, need ActionSet) []Evidence {
	proofs := q.proofs(who, at)
	use := func(p *proof) { list = q.cite(list, p.actor, p.liveGrant, at) }
	for {
		best := most(proofs, need, func(p *proof) ActionSet { return p.gives })
		if best == nil {
			break
		}
		use(best)
		need = need.without(best.gives)
	}
	if need.Empty() {
		return list
	}
	// What is left takes space:read of one binding, and maybe a tier of another.
	need = need.without(SetOf(ActionSpaceRead))
	if tier := most(proofs, need, func(p *proof) ActionSet { return tierActions[p.role.tier] }); tier != nil {
		use(tier)
	}
	if reading := most(proofs, SetOf(ActionSpaceRead), func(p *proof) ActionSet { return p.gives }); reading != nil {
		use(reading)
	} else if actor, g := q.climbing(who, at); g != nil {
		list = q.cite(list, actor, g, at)
	}
	return list
}

func (s ActionSet) without(other ActionSet) ActionSet {
	for i := range s {
		s[i] &^= other[i]
	}
	return s
}

// most returns the proof that gives the most of what is needed; nil if none
// gives anything.
func most(proofs []proof, need ActionSet, gives func(p *proof) ActionSet) (best *proof) {
	top := 0
	for i := range proofs {
		if n := need.Intersect(gives(&proofs[i])).Len(); n > top {
			best, top = &proofs[i], n
		}
	}
	return best
}

// proofs returns the bindings of actors that apply in a place, nearest first.
func (q *query) proofs(who []int32, at place) (list []proof) {
	for _, i := range who {
		grants := q.p.actors[i].grants
		for j := range grants {
			g := &grants[j]
			near := g.entity.Kind != EntityNone && g.entity == at.entity
			if !near && (g.space == nowhere || at.space < g.space || at.space >= g.end) {
				continue
			}
			r := q.s.roleOf(g)
			alone := held{set: r.actions, tier: r.tier}
			list = append(list, proof{g, i, r, alone.allowed()})
		}
	}
	slices.SortFunc(list, func(a, b proof) int {
		return cmp.Or(
			cmp.Compare(b.entity.Kind, a.entity.Kind), cmp.Compare(b.space, a.space), cmp.Compare(a.actor, b.actor),
			strings.Compare(a.binding(), b.binding()))
	})
	return list
}

// climbing returns a binding below a space from which space:read climbs there
// (R14): one to the first such space in preorder; nil if there is none.
func (q *query) climbing(who []int32, at place) (actor int32, best *liveGrant) {
	for _, i := range who {
		grants := q.p.actors[i].grants
		for j := range grants {
			g := &grants[j]
			if !q.climbs(i, g, at.space) || best != nil && g.space > best.space {
				continue
			}
			if best == nil || g.space < best.space || g.binding() < best.binding() {
				actor, best = i, g
			}
		}
	}
	return actor, best
}

// climbs reports whether space:read of a grant climbs to a space.
func (q *query) climbs(actor int32, g *liveGrant, space int32) bool {
	if g.space == nowhere || q.p.actors[actor].ref.Kind == ActorStack || !q.s.roleOf(g).actions.Has(ActionSpaceRead) {
		return false
	}
	at := g.space
	for at > space && q.s.tree.inherit(at) {
		at = q.s.tree.spaces[at].parent
	}
	return at == space
}

// cite appends a binding as seen from a place, unless it is in the list.
func (q *query) cite(list []Evidence, actor int32, g *liveGrant, at place) []Evidence {
	a, r := &q.p.actors[actor], q.s.roleOf(g)
	e := Evidence{Kind: EvidenceFlag, Relation: RelationEntity, Role: r.id, RoleSlug: r.slug, Entity: g.entity}
	if g.ledger != nil {
		e.Kind, e.Binding = EvidenceBinding, g.binding()
		if until := g.ledger.until(g.at); until != forever {
			e.NotAfter = time.Unix(0, until).UTC()
		}
	}
	if a.ref.Kind == ActorGroup {
		e.Group, e.GroupName = a.ref.ID, q.s.nodeID(q.s.node(a.node).home)
	}
	home := g.space
	if home == nowhere {
		home = q.home(g.entity)
	} else {
		p := q.s.placeAt(at.space)
		e.Relation = q.s.relation(home, &p)
	}
	if home != nowhere {
		e.Space = q.s.tree.id(home)
	}
	same := func(old Evidence) bool { return old.Kind == e.Kind && old.Binding == e.Binding && old.Group == e.Group }
	if slices.ContainsFunc(list, same) {
		return list
	}
	return append(list, e)
}

// explainActAs appends the bindings that let actors act as stacks that lend
// them something which they do not hold.
func (q *query) explainActAs(list []Evidence, who []int32, g guard) []Evidence {
	for i := range g {
		if h := q.p.holds(who, g[i].at); !h.lasting().Contains(g[i].actions) {
			list = q.explain(list, who, g[i].at, SetOf(ActionStackActAs))
		}
	}
	return list
}
