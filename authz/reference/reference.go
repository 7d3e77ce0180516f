// Package reference answers access questions a second time, so that package
// authz can be compared with it.
//
// It is written from the text of docs/access-model.md and shares nothing with
// the snapshots of authz but the types of a World and the catalogue: it walks
// the tree by names, with maps of strings. It is slow, and must stay short
// enough to be read beside the text. Each rule can be taken away, to see
// whether a comparison would notice.
package reference

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/airlock-project/airlock/authz"
)

// Rules are the rules that Without knows.
var Rules = []string{
	"A8", "A17", "A20", "A22", "A23", "A27", "A28", "A30", "A33", "A36", "A93", "A135", "A142", "A143", "A155", "A157",
	"A184", "R4", "R5", "R10", "R14", "R14 tier", "R24", "R24 end", "R25", "R26",
}

// Evaluator answers questions about one world at one time.
type Evaluator struct {
	World authz.World
	Now   time.Time

	without  string
	spaces   map[string]authz.Space
	roles    map[string]map[string]bool // actions by role, with what they imply
	bindings map[authz.ActorRef][]authz.Binding
	actors   map[authz.ActorRef]authz.Actor
	groups   map[string]string // names to ids
	flagged  map[string]bool   // administrative stacks
	homes    map[authz.EntityRef]string
}

// Held is one role that a subject holds in one space or on one entity.
type Held struct {
	Actions map[string]bool
	Space   string
	Entity  authz.EntityRef
}

var (
	fallback   = map[string]authz.Tier{}
	reads      = map[string]bool{}
	spaceAdmin = map[string]bool{"space:read": true, "space:write": true, "space:admin": true}
)

func init() {
	for _, info := range authz.Actions() {
		fallback[info.Name], reads[info.Name] = info.Fallback, info.Reads
	}
}

// New returns an evaluator of a world.
func New(w authz.World, now time.Time) *Evaluator { return Without("", w, now) }

// Without returns one that does not know one of Rules.
func Without(rule string, w authz.World, now time.Time) *Evaluator {
	e := &Evaluator{
		World: w, Now: now, without: rule, spaces: map[string]authz.Space{}, roles: map[string]map[string]bool{},
		bindings: map[authz.ActorRef][]authz.Binding{}, actors: map[authz.ActorRef]authz.Actor{}, groups: map[string]string{},
		flagged: map[string]bool{}, homes: map[authz.EntityRef]string{},
	}
	for _, s := range w.Spaces {
		e.spaces[s.ID] = s
	}
	for _, a := range w.Actors {
		e.actors[a.Ref] = a
	}
	for _, b := range w.Bindings {
		e.bindings[b.Actor] = append(e.bindings[b.Actor], b)
	}
	for _, g := range w.Groups {
		e.groups[e.name(g.Name)] = g.ID
	}
	for _, h := range w.Entities {
		e.homes[h.Entity] = h.Space
	}
	for _, st := range w.Stacks {
		e.flagged[st.ID] = st.Administrative && e.holds("A142")
		e.homes[authz.EntityRef{Kind: authz.EntityStack, ID: st.ID}] = st.Space
	}
	for _, r := range w.Roles {
		set := map[string]bool{}
		for _, a := range r.Actions.List() {
			set[a.String()] = true
		}
		if set["stack:manage"] && e.holds("R4") {
			for _, v := range []string{"create", "update", "reslug", "add-config", "delete-config"} {
				set["stack:"+v] = true
			}
		}
		e.roles[r.ID] = set
	}
	for _, r := range w.Roles { // R10: by slug where no role has it as an id
		if _, taken := e.roles[r.Slug]; !taken && e.holds("R10") {
			e.roles[r.Slug] = e.roles[r.ID]
		}
	}
	return e
}

func (e *Evaluator) holds(rule string) bool { return e.without != rule }

// name is what the names of groups are compared by (A157).
func (e *Evaluator) name(group string) string {
	if e.holds("A157") {
		return group
	}
	return strings.ToLower(group)
}

func (e *Evaluator) over(end time.Time) bool { return !end.IsZero() && e.Now.After(end) }

// Held is step 2 of the procedure: what a subject holds.
func (e *Evaluator) Held(sub authz.Subject) (list []Held) {
	isStack, isGroup := sub.Actor.Kind == authz.ActorStack, sub.Actor.Kind == authz.ActorGroup
	if isStack && e.flagged[sub.Actor.ID] {
		home := e.homes[authz.EntityRef{Kind: authz.EntityStack, ID: sub.Actor.ID}]
		if list = append(list, Held{Actions: spaceAdmin, Space: home}); e.holds("A143") {
			return list
		}
	}
	actor := e.actors[sub.Actor]
	if e.over(actor.NotAfter) && e.holds("A184") {
		return nil
	}
	if sub.AlwaysAdmin && !isStack && !isGroup && e.holds("A93") {
		list = append(list, Held{Actions: spaceAdmin, Space: "root"})
	}
	if sub.SessionOnly && !isStack && e.holds("A155") {
		return append(list, e.session(sub)...)
	}
	known := func(g authz.Group) bool { return g.ID == sub.Actor.ID }
	if isGroup && e.holds("A8") && !slices.ContainsFunc(e.World.Groups, known) {
		return nil
	}
	list = append(list, e.bound(sub.Actor)...)
	for _, name := range slices.Concat(sub.Groups, actor.Groups) {
		if id, ok := e.groups[e.name(name)]; ok && !isStack && !isGroup && e.holds("A20") {
			list = append(list, e.bound(authz.ActorRef{Kind: authz.ActorGroup, ID: id})...)
		}
	}
	return list
}

// session is what a login policy gave; what it names must exist (R10).
func (e *Evaluator) session(sub authz.Subject) (list []Held) {
	for _, g := range sub.Session {
		_, known := e.spaces[g.Space]
		if set := e.roles[g.Role]; known && set != nil && sub.Actor.Kind != authz.ActorGroup {
			list = append(list, Held{Actions: set, Space: g.Space})
		}
	}
	return list
}

// bound are the bindings of one actor or group that are not over.
func (e *Evaluator) bound(actor authz.ActorRef) (list []Held) {
	for _, b := range e.bindings[actor] {
		if !e.over(b.NotAfter) || !e.holds("R24 end") {
			list = append(list, Held{e.roles[b.Role], b.Space, b.Entity})
		}
	}
	if !e.holds("A17") {
		return list[:min(1, len(list))]
	}
	return list
}

// Above tells whether a is b or an ancestor of b, and whether every edge
// between them inherits.
func (e *Evaluator) Above(a, b string) (above, inherits bool) {
	for inherits = true; ; {
		if a == b {
			return true, inherits
		}
		s := e.spaces[b]
		if s.Parent == "" {
			return false, false
		}
		inherits = inherits && s.Inherit
		b = s.Parent
	}
}

// Effective is steps 3 and 4: what is bound, by name, and whether space:read
// climbed from below.
func (e *Evaluator) Effective(sub authz.Subject, t authz.Target) (bound map[string]bool, derived bool) {
	bound = map[string]bool{}
	isStack := sub.Actor.Kind == authz.ActorStack
	cascades, climbs := e.holds("A27") && (!isStack || e.holds("A135")), e.holds("A28") && (!isStack || !e.holds("R14"))
	for _, h := range e.Held(sub) {
		above, _ := e.Above(h.Space, t.Space)
		below, inherits := e.Above(t.Space, h.Space)
		applies := above && (below || cascades)
		if h.Space == "" {
			applies, below = h.Entity == t.Entity && e.holds("R24"), false
		}
		for a := range h.Actions {
			bound[a] = bound[a] || applies
		}
		reads := h.Actions["space:read"] || !e.holds("A33")
		derived = derived || climbs && below && !above && reads && (inherits || !e.holds("A30"))
	}
	return bound, derived
}

// Tier is the highest tier among bound actions.
func (e *Evaluator) Tier(bound map[string]bool) (tier authz.Tier) {
	for i, action := range []string{"space:read", "space:write", "space:admin"} {
		if bound[action] {
			tier = authz.TierReader + authz.Tier(i)
		}
	}
	return tier
}

// Allows is steps 6 and 7.
func (e *Evaluator) Allows(bound map[string]bool, derived bool, action string) bool {
	read, tier := bound["space:read"] || derived || !e.holds("R5"), e.Tier(bound)
	if derived && tier == authz.TierNone && !e.holds("R14 tier") {
		tier = authz.TierReader
	}
	return bound[action] && (read || e.holds("A22")) || action == "space:read" && derived ||
		read && tier >= fallback[action] && e.holds("A23")
}

// Decide answers a question with the outcomes of R23 and R26.
func (e *Evaluator) Decide(sub authz.Subject, action string, t authz.Target) authz.Outcome {
	if _, ok := e.spaces[t.Space]; !ok {
		return authz.Hidden
	}
	bound, derived := e.Effective(sub, t)
	if e.Allows(bound, derived, action) && e.may(sub, action) {
		return authz.Allowed
	}
	for a, held := range bound {
		derived = derived || held && e.may(sub, a) && e.holds("R26")
	}
	if derived {
		return authz.Forbidden
	}
	return authz.Hidden
}

// may is what R25 leaves to a token that only reads.
func (e *Evaluator) may(sub authz.Subject, action string) bool {
	return !sub.ReadOnly || reads[action] || !e.holds("R25")
}

// Lists tells whether objects of a space are listed under an action.
func (e *Evaluator) Lists(sub authz.Subject, action, space string) bool {
	return e.Level(sub, space) >= authz.LevelRead && e.Decide(sub, action, authz.Target{Space: space}) == authz.Allowed
}

// Level is what the card of a space shows (A36, A37, R27).
func (e *Evaluator) Level(sub authz.Subject, space string) authz.Level {
	bound, derived := e.Effective(sub, authz.Target{Space: space})
	if bound["space:read"] || derived {
		if e.may(sub, "space:write") {
			return max(authz.LevelRead, authz.LevelPath+authz.Level(e.Tier(bound)))
		}
		return authz.LevelRead
	}
	for _, h := range e.Held(sub) {
		at := cmp.Or(h.Space, e.homes[h.Entity])
		if at == "" || !h.Actions["space:read"] || !e.holds("A36") {
			continue
		}
		if leads, _ := e.Above(space, at); leads {
			return authz.LevelPath
		}
	}
	return authz.LevelNone
}

// AdminSomewhere is the account-wide view of A78.
func (e *Evaluator) AdminSomewhere(sub authz.Subject) bool {
	return slices.ContainsFunc(e.World.Spaces, func(s authz.Space) bool { return e.Admins(sub, s.ID) })
}

// Admins tells whether a subject reads and administers a space (step 5).
func (e *Evaluator) Admins(sub authz.Subject, space string) bool {
	bound, derived := e.Effective(sub, authz.Target{Space: space})
	return bound["space:admin"] && (bound["space:read"] || derived)
}
