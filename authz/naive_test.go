package authz_test

import (
	"cmp"
	"slices"
	"time"

	"github.com/airlock-project/airlock/authz"
)

// naive is a second evaluator, written from the text of the access model and
// sharing no code with the snapshot: it walks the tree with maps and names.
type naive struct {
	authz.World
	now    time.Time
	spaces map[string]authz.Space
	roles  map[string]map[string]bool // actions by id, with what they imply
}

type holding struct {
	binding string
	actions map[string]bool
	space   string
	entity  authz.EntityRef
}

var (
	naiveFallback = map[string]authz.Tier{}
	naiveReads    = map[string]bool{}
	naiveAdmin    = map[string]bool{"space:read": true, "space:write": true, "space:admin": true}
)

func init() {
	for _, info := range authz.Actions() {
		naiveFallback[info.Name] = info.Fallback
		naiveReads[info.Name] = info.Reads
	}
}

func newNaive(w authz.World, now time.Time) naive {
	n := naive{w, now, map[string]authz.Space{}, map[string]map[string]bool{}}
	for _, s := range w.Spaces {
		n.spaces[s.ID] = s
	}
	for _, r := range w.Roles {
		set := map[string]bool{}
		for _, a := range r.Actions.List() {
			set[a.String()] = true
		}
		if set["stack:manage"] {
			for _, v := range []string{"create", "update", "reslug", "add-config", "delete-config"} {
				set["stack:"+v] = true
			}
		}
		n.roles[r.ID] = set
	}
	return n
}

// role finds a role by id or, where there is none, by slug.
func (n naive) role(ref string) map[string]bool {
	if set, ok := n.roles[ref]; ok {
		return set
	}
	for _, r := range n.Roles {
		if r.Slug == ref {
			return n.roles[r.ID]
		}
	}
	return nil
}

// groups returns the names of a subject's groups; expired is true if the
// subject holds nothing any more.
func (n naive) groups(sub authz.Subject) (names []string, expired bool) {
	names = sub.Groups
	for _, a := range n.Actors {
		if a.Ref == sub.Actor {
			expired = !a.NotAfter.IsZero() && n.now.After(a.NotAfter)
			names = append(slices.Clone(names), a.Groups...)
		}
	}
	return names, expired
}

// holdings is step 2.
func (n naive) holdings(sub authz.Subject) []holding {
	isStack, isGroup := sub.Actor.Kind == authz.ActorStack, sub.Actor.Kind == authz.ActorGroup
	for _, st := range n.Stacks {
		if isStack && st.ID == sub.Actor.ID && st.Administrative {
			return []holding{{actions: naiveAdmin, space: st.Space}}
		}
	}
	groups, expired := n.groups(sub)
	if expired {
		return nil
	}
	var list []holding
	if sub.AlwaysAdmin && !isStack && !isGroup {
		list = append(list, holding{actions: naiveAdmin, space: "root"})
	}
	if sub.SessionOnly && !isStack {
		for _, g := range sub.Session {
			_, known := n.spaces[g.Space]
			if set := n.role(g.Role); known && set != nil && !isGroup {
				list = append(list, holding{actions: set, space: g.Space})
			}
		}
		return list
	}
	for _, b := range n.Bindings {
		mine := b.Actor == sub.Actor && !isGroup
		for _, g := range n.Groups {
			if b.Actor == (authz.ActorRef{Kind: authz.ActorGroup, ID: g.ID}) {
				mine = isGroup && sub.Actor.ID == g.ID || !isGroup && !isStack && slices.Contains(groups, g.Name)
			}
		}
		if mine && (b.NotAfter.IsZero() || !n.now.After(b.NotAfter)) {
			list = append(list, holding{b.ID, n.roles[b.Role], b.Space, b.Entity})
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
		s := n.spaces[b]
		if s.Parent == "" {
			return false, false
		}
		inherits = inherits && s.Inherit
		b = s.Parent
	}
}

// eff is step 3 and 4: what is bound, and whether space:read is derived.
func (n naive) eff(sub authz.Subject, t authz.Target) (bound map[string]bool, derived bool) {
	return n.effOf(n.holdings(sub), sub, t)
}

func (n naive) effOf(holdings []holding, sub authz.Subject, t authz.Target) (bound map[string]bool, derived bool) {
	bound = map[string]bool{}
	for _, h := range holdings {
		applies := false
		if h.space != "" {
			applies, _ = n.above(h.space, t.Space)
			below, inherits := n.above(t.Space, h.space)
			if below && inherits && h.space != t.Space && h.actions["space:read"] && sub.Actor.Kind != authz.ActorStack {
				derived = true
			}
		} else {
			applies = h.entity == t.Entity
		}
		if applies {
			for a := range h.actions {
				bound[a] = true
			}
		}
	}
	return bound, derived
}

func (n naive) tier(bound map[string]bool) authz.Tier {
	switch {
	case bound["space:admin"]:
		return authz.TierAdmin
	case bound["space:write"]:
		return authz.TierWriter
	case bound["space:read"]:
		return authz.TierReader
	}
	return authz.TierNone
}

// decide is steps 6 and 7 with R23, R25 and R26.
func (n naive) decide(sub authz.Subject, action string, t authz.Target) authz.Outcome {
	if _, ok := n.spaces[t.Space]; !ok {
		return authz.Hidden
	}
	bound, derived := n.eff(sub, t)
	if n.allows(bound, derived, action) && (!sub.ReadOnly || naiveReads[action]) {
		return authz.Allowed
	}
	for a, held := range bound {
		if held && (!sub.ReadOnly || naiveReads[a]) {
			return authz.Forbidden
		}
	}
	if derived {
		return authz.Forbidden
	}
	return authz.Hidden
}

func (n naive) allows(bound map[string]bool, derived bool, action string) bool {
	read := bound["space:read"] || derived
	return bound[action] || action == "space:read" && derived || read && n.tier(bound) >= naiveFallback[action]
}

// lists reports whether objects of a space are listed under an action.
func (n naive) lists(sub authz.Subject, action, space string) bool {
	return n.level(sub, space) >= authz.LevelRead && n.decide(sub, action, authz.Target{Space: space}) == authz.Allowed
}

func (n naive) level(sub authz.Subject, space string) authz.Level {
	bound, derived := n.eff(sub, authz.Target{Space: space})
	if bound["space:read"] || derived {
		if tier := n.tier(bound); tier >= authz.TierWriter && !sub.ReadOnly {
			return authz.LevelWrite + authz.Level(tier-authz.TierWriter)
		}
		return authz.LevelRead
	}
	for _, h := range n.holdings(sub) {
		at := h.space
		for _, st := range n.Stacks {
			if h.entity == (authz.EntityRef{Kind: authz.EntityStack, ID: st.ID}) {
				at = st.Space
			}
		}
		for _, e := range n.Entities {
			if h.entity == e.Entity {
				at = e.Space
			}
		}
		if at == "" || !h.actions["space:read"] {
			continue
		}
		if leads, _ := n.above(space, at); leads {
			return authz.LevelPath
		}
	}
	return authz.LevelNone
}

// who lists everybody that the world speaks of and who may.
func (n naive) who(action string, t authz.Target) []authz.ActorRef {
	var all []authz.ActorRef
	for _, a := range n.Actors {
		all = append(all, a.Ref)
	}
	for _, b := range n.Bindings {
		all = append(all, b.Actor)
	}
	for _, st := range n.Stacks {
		all = append(all, authz.ActorRef{Kind: authz.ActorStack, ID: st.ID})
	}
	slices.SortFunc(all, func(a, b authz.ActorRef) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	return slices.DeleteFunc(slices.Compact(all), func(a authz.ActorRef) bool {
		return n.decide(authz.Subject{Actor: a}, action, t) != authz.Allowed
	})
}

func (n naive) accountView(sub authz.Subject) bool {
	return slices.ContainsFunc(n.Spaces, func(s authz.Space) bool { return n.admins(sub, s.ID) })
}

func (n naive) admins(sub authz.Subject, space string) bool {
	bound, derived := n.eff(sub, authz.Target{Space: space})
	return bound["space:admin"] && (bound["space:read"] || derived)
}
