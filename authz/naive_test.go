package authz

import (
	"slices"
	"time"
)

// naive is a second evaluator, written from the text of the access model and
// sharing no code with the snapshot: it walks the tree with maps and names.
type naive struct {
	World
	now time.Time
}

type holding struct {
	actions map[string]bool
	space   string
	entity  EntityRef
}

var (
	naiveFallback = map[string]Tier{}
	naiveReads    = map[string]bool{}
)

func init() {
	for _, info := range Actions() {
		naiveFallback[info.Name] = info.Fallback
		naiveReads[info.Name] = info.Reads
	}
}

func (n naive) space(id string) (Space, bool) {
	for _, s := range n.Spaces {
		if s.ID == id {
			return s, true
		}
	}
	return Space{}, false
}

func (n naive) roleActions(ref string) map[string]bool {
	for _, byID := range []bool{true, false} {
		for _, r := range n.Roles {
			if byID && r.ID == ref || !byID && r.Slug == ref {
				set := map[string]bool{}
				for _, a := range r.Actions.List() {
					set[a.String()] = true
				}
				if set["stack:manage"] {
					for _, v := range []string{"create", "update", "reslug", "add-config", "delete-config"} {
						set["stack:"+v] = true
					}
				}
				return set
			}
		}
	}
	return nil
}

// holdings is step 2.
func (n naive) holdings(sub Subject) []holding {
	admin := map[string]bool{"space:read": true, "space:write": true, "space:admin": true}
	isStack := sub.Actor.Kind == ActorStack
	for _, st := range n.Stacks {
		if isStack && st.ID == sub.Actor.ID && st.Administrative {
			return []holding{{actions: admin, space: st.Space}}
		}
	}
	groups := sub.Groups
	for _, a := range n.Actors {
		if a.Ref == sub.Actor {
			if !a.NotAfter.IsZero() && n.now.After(a.NotAfter) {
				return nil
			}
			groups = append(slices.Clone(groups), a.Groups...)
		}
	}
	isGroup := sub.Actor.Kind == ActorGroup
	var list []holding
	if sub.AlwaysAdmin && !isStack && !isGroup {
		list = append(list, holding{actions: admin, space: "root"})
	}
	if sub.SessionOnly && !isStack {
		for _, g := range sub.Session {
			if isGroup {
				break
			}
			_, known := n.space(g.Space)
			if set := n.roleActions(g.Role); known && set != nil {
				list = append(list, holding{actions: set, space: g.Space})
			}
		}
		return list
	}
	for _, b := range n.Bindings {
		mine := b.Actor == sub.Actor && !isGroup
		for _, g := range n.Groups {
			if b.Actor == (ActorRef{ActorGroup, g.ID}) {
				mine = isGroup && sub.Actor.ID == g.ID || !isGroup && !isStack && slices.Contains(groups, g.Name)
			}
		}
		if mine && (b.NotAfter.IsZero() || !n.now.After(b.NotAfter)) {
			list = append(list, holding{n.roleActions(b.Role), b.Space, b.Entity})
		}
	}
	return list
}

// above reports whether a is b or an ancestor of b, and whether every edge
// between them inherits.
func (n naive) above(a, b string) (above, inherits bool) {
	for inherits = true; ; {
		if a == b {
			return true, inherits
		}
		s, _ := n.space(b)
		if s.Parent == "" {
			return false, false
		}
		inherits = inherits && s.Inherit
		b = s.Parent
	}
}

// eff is step 3 and 4: what is bound, and whether space:read is derived.
func (n naive) eff(sub Subject, t Target) (bound map[string]bool, derived bool) {
	bound = map[string]bool{}
	for _, h := range n.holdings(sub) {
		applies := false
		if h.space != "" {
			applies, _ = n.above(h.space, t.Space)
			below, inherits := n.above(t.Space, h.space)
			if below && inherits && h.space != t.Space && h.actions["space:read"] && sub.Actor.Kind != ActorStack {
				derived = true
			}
		} else {
			applies = h.entity == t.Entity
		}
		for a := range h.actions {
			bound[a] = bound[a] || applies
		}
	}
	return bound, derived
}

func (n naive) tier(bound map[string]bool) Tier {
	switch {
	case bound["space:admin"]:
		return TierAdmin
	case bound["space:write"]:
		return TierWriter
	case bound["space:read"]:
		return TierReader
	}
	return TierNone
}

// decide is steps 6 and 7 with R23, R25 and R26.
func (n naive) decide(sub Subject, action string, t Target) Outcome {
	if _, ok := n.space(t.Space); !ok {
		return Hidden
	}
	bound, derived := n.eff(sub, t)
	read := bound["space:read"] || derived
	allowed := bound[action] || action == "space:read" && derived ||
		read && n.tier(bound) >= naiveFallback[action]
	if allowed && (!sub.ReadOnly || naiveReads[action]) {
		return Allowed
	}
	for a, held := range bound {
		if held && (!sub.ReadOnly || naiveReads[a]) {
			return Forbidden
		}
	}
	if derived {
		return Forbidden
	}
	return Hidden
}

func (n naive) level(sub Subject, space string) Level {
	bound, derived := n.eff(sub, Target{Space: space})
	if bound["space:read"] || derived {
		if tier := n.tier(bound); tier >= TierWriter && !sub.ReadOnly {
			return LevelWrite + Level(tier-TierWriter)
		}
		return LevelRead
	}
	for _, h := range n.holdings(sub) {
		at := h.space
		for _, st := range n.Stacks {
			if h.entity == (EntityRef{EntityStack, st.ID}) {
				at = st.Space
			}
		}
		if at == "" || !h.actions["space:read"] {
			continue
		}
		if leads, _ := n.above(space, at); leads {
			return LevelPath
		}
	}
	return LevelNone
}

func (n naive) accountView(sub Subject) bool {
	return slices.ContainsFunc(n.Spaces, func(s Space) bool { return n.admins(sub, s.ID) })
}

func (n naive) admins(sub Subject, space string) bool {
	bound, derived := n.eff(sub, Target{Space: space})
	return bound["space:admin"] && (bound["space:read"] || derived)
}
