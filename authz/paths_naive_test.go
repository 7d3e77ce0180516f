package authz_test

import (
	"slices"
	"strings"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
)

// maze is a second analysis, written from the text of the rules: it walks the
// tree with names, goes forward from one actor, and knows everything that it
// can act as. It shares no code with the first.
type maze struct {
	authz.World
	authz.Estate
	mode authz.ActAsMode
	goal authz.Goal
	memo map[question]map[string]bool
	ways map[authz.PathNode][]authz.PathNode
}

type question struct {
	who     [4]authz.ActorRef
	at      authz.Target
	lasting bool
}

// The ways to influence a stack, by what they are done to (security rule G2).
var mazeWays = map[authz.EntityKind]string{
	authz.EntityStack: `task:create stack:add-config stack:delete-config run:trigger-with-custom-runtime-config
		stack:update stack:manage stack:set-current-commit stack:sync-commit run:trigger run:promote run:confirm run:targeted-replan
		run:retry+run:trigger run:retry-blocking+run:trigger stack:managed-state-import stack:managed-state-rollback
		schedule:create schedule:update`,
	authz.EntityContext:    `context:update context:delete`,
	authz.EntityWorkerPool: `worker-pool:reset`,
	authz.EntityRepo:       `spacelift-vcs:commit-files`,
}

var catalogue = authz.Actions()

const mazePlanWays = `run:propose-local-workspace run:propose-with-overrides`

func over(end time.Time) bool { return !end.IsZero() && worlds.Now.After(end) }

func (m *maze) roleActions(id string) (list []string) {
	for _, r := range m.Roles {
		if r.ID == id || r.Slug == id {
			for _, a := range r.Actions.List() {
				list = append(list, a.String())
			}
		}
	}
	if slices.Contains(list, "stack:manage") {
		list = append(list, "stack:create", "stack:update", "stack:reslug", "stack:add-config", "stack:delete-config")
	}
	return list
}

// bindings are the live ones of some actors.
func (m *maze) bindings(who []authz.ActorRef) (list []authz.Binding) {
	for _, w := range who {
		for _, a := range m.Actors {
			if a.Ref == w && over(a.NotAfter) {
				return nil
			}
		}
	}
	for _, st := range m.World.Stacks {
		if st.Administrative && slices.Contains(who, stackRef(st.ID)) {
			return []authz.Binding{{Actor: stackRef(st.ID), Role: "space-admin", Space: st.Space}}
		}
	}
	for _, b := range m.Bindings {
		if slices.Contains(who, b.Actor) && !over(b.NotAfter) {
			list = append(list, b)
		}
	}
	return list
}

func stackRef(id string) authz.ActorRef { return authz.ActorRef{Kind: authz.ActorStack, ID: id} }

// up is a space and those above it, and how many of them it reaches by edges
// that inherit.
func (m *maze) up(space string) (list []string, inherited int) {
	for stopped := false; space != ""; {
		list = append(list, space)
		for _, s := range m.Spaces {
			if s.ID == space {
				if !stopped {
					inherited = len(list)
				}
				stopped = stopped || !s.Inherit
				space = s.Parent
				break
			}
		}
	}
	return list, inherited
}

// allowed is all that some actors together may do in a place, without derived
// read if it must last below.
func (m *maze) allowed(who []authz.ActorRef, at authz.Target, lasting bool) map[string]bool {
	key := question{at: at, lasting: lasting}
	copy(key.who[:], who)
	if set, ok := m.memo[key]; ok {
		return set
	}
	set, above := map[string]bool{}, []string{}
	if at.Space != "" {
		above, _ = m.up(at.Space)
	}
	reads := false
	for _, b := range m.bindings(who) {
		actions := m.roleActions(b.Role)
		if slices.Contains(above, b.Space) || b.Entity.ID != "" && b.Entity == at.Entity {
			for _, a := range actions {
				set[a] = true
			}
		} else if b.Space != "" && b.Actor.Kind != authz.ActorStack && slices.Contains(actions, "space:read") && !lasting {
			way, inherited := m.up(b.Space)
			reads = reads || slices.Contains(way[:inherited], at.Space)
		}
	}
	tier := authz.TierNone
	for t, a := range []string{"space:read", "space:write", "space:admin"} {
		if set[a] {
			tier = authz.Tier(t + 1)
		}
	}
	if reads = reads || set["space:read"]; reads {
		set["space:read"] = true
		for _, info := range catalogue {
			set[info.Name] = set[info.Name] || info.Fallback <= tier && info.Fallback > authz.TierNone
		}
	}
	m.memo[key] = set
	return set
}

func (m *maze) home(e authz.EntityRef) string {
	for _, st := range m.World.Stacks {
		if e == (authz.EntityRef{Kind: authz.EntityStack, ID: st.ID}) {
			return st.Space
		}
	}
	for _, o := range m.Objects {
		if o.Entity == e {
			return o.Space
		}
	}
	return ""
}

// users are the stacks that change with an object.
func (m *maze) users(o authz.EntityRef) (list []authz.StackUse) {
	for _, st := range m.Estate.Stacks {
		switch {
		case o.Kind == authz.EntityRepo:
			if way, inherited := m.up(st.Space); st.Repo != o.ID || !slices.Contains(way[:inherited], m.home(o)) {
				continue
			}
		case o != (authz.EntityRef{Kind: authz.EntityStack, ID: st.ID}) && !slices.Contains(st.Uses, o):
			continue
		}
		list = append(list, st)
	}
	return list
}

// asked are the stacks whose roles ENFORCE asks for: those that change with an
// object, and those that name a repository which they do not reach.
func (m *maze) asked(o authz.EntityRef) (list []authz.StackUse) {
	if o.Kind != authz.EntityRepo {
		return m.users(o)
	}
	for _, st := range m.Estate.Stacks {
		if st.Repo == o.ID {
			list = append(list, st)
		}
	}
	return list
}

// influences reports whether some actors together influence an object in one
// way: by an action, or two.
func (m *maze) influences(who []authz.ActorRef, o authz.EntityRef, way string) bool {
	may := m.allowed(who, authz.Target{Space: m.home(o), Entity: o}, false)
	for _, st := range m.asked(o) {
		if m.mode == authz.ActAsEnforce && o.Kind != authz.EntityWorkerPool && !m.actsAs(who, st.ID) {
			return false
		}
		if o.Kind == authz.EntityWorkerPool && !m.allowed(who, authz.Target{Space: st.Space}, false)["space:admin"] {
			return false
		}
	}
	return !slices.ContainsFunc(strings.Split(way, "+"), func(a string) bool { return !may[a] })
}

func (m *maze) actsAs(who []authz.ActorRef, stack string) bool {
	for _, b := range m.bindings([]authz.ActorRef{stackRef(stack)}) {
		at := authz.Target{Space: b.Space, Entity: b.Entity}
		if b.Space == "" {
			at.Space = m.home(b.Entity)
		}
		held := m.allowed(who, at, true)
		lacks := slices.ContainsFunc(m.roleActions(b.Role), func(a string) bool { return !held[a] })
		if lacks && !m.allowed(who, at, false)["stack:act-as"] {
			return false
		}
	}
	return true
}

// edges are where a path can go from an actor or an object in one hop.
func (m *maze) edges(from authz.PathNode) []authz.PathNode {
	list, ok := m.ways[from]
	if !ok {
		list = m.findEdges(from)
		m.ways[from] = list
	}
	return list
}

func (m *maze) findEdges(from authz.PathNode) (list []authz.PathNode) {
	if from.Object.ID != "" {
		for _, st := range m.users(from.Object) {
			list = append(list, authz.PathNode{Actor: stackRef(st.ID)})
		}
		return list
	}
	for _, g := range m.groups(from.Actor) {
		list = append(list, authz.PathNode{Actor: g})
	}
	for _, st := range m.Estate.Stacks {
		o := authz.EntityRef{Kind: authz.EntityStack, ID: st.ID}
		if m.changes(from.Actor, o, mazeWays[o.Kind]) {
			list = append(list, authz.PathNode{Actor: stackRef(st.ID)})
		}
	}
	for _, o := range m.Objects {
		if m.changes(from.Actor, o.Entity, mazeWays[o.Entity.Kind]) {
			list = append(list, authz.PathNode{Object: o.Entity})
		}
	}
	return list
}

func (m *maze) groups(who authz.ActorRef) (list []authz.ActorRef) {
	for _, a := range m.Actors {
		for _, g := range m.Groups {
			if a.Ref == who && slices.Contains(a.Groups, g.Name) && !over(a.NotAfter) {
				list = append(list, authz.ActorRef{Kind: authz.ActorGroup, ID: g.ID})
			}
		}
	}
	return list
}

// self reports whether an actor does it without going by way of one group.
func (m *maze) self(who authz.ActorRef, does func(who []authz.ActorRef) bool) bool {
	groups, own := m.groups(who), []authz.ActorRef{who}
	byGroup := slices.ContainsFunc(groups, func(g authz.ActorRef) bool { return does([]authz.ActorRef{g}) })
	return does(own) || !byGroup && does(append(own, groups...))
}

// changes reports whether an actor influences an object in one of some ways.
func (m *maze) changes(who authz.ActorRef, o authz.EntityRef, ways string) bool {
	return slices.ContainsFunc(strings.Fields(ways), func(way string) bool {
		return m.self(who, func(who []authz.ActorRef) bool { return m.influences(who, o, way) })
	})
}

// holds reports whether actors together hold the goal.
func (m *maze) holds(who []authz.ActorRef) bool {
	need := append([]string{m.goal.Action.String()}, m.roleActions(m.goal.Role)...)
	at := m.goal.Target
	switch {
	case m.goal.Account:
		at, need = authz.Target{Space: "root"}, []string{"space:read", "space:admin"}
	case m.goal.Role != "":
		need = need[1:]
	}
	may := m.allowed(who, at, false)
	return !slices.ContainsFunc(need, func(a string) bool { return !may[a] })
}

// plans reports whether an actor can make a plan of a stack that holds the
// goal, which then only reads.
func (m *maze) plans(who authz.ActorRef, stack string) bool {
	o := authz.EntityRef{Kind: authz.EntityStack, ID: stack}
	for _, name := range append([]string{m.goal.Action.String()}, m.roleActions(m.goal.Role)...) {
		if a, ok := authz.ParseAction(name); m.goal.Account || ok && !a.Reads() {
			return false
		}
	}
	return m.holds([]authz.ActorRef{stackRef(stack)}) && m.changes(who, o, mazePlanWays)
}

// hops returns the length of a shortest path from an actor to the goal; 0 if
// there is none.
func (m *maze) hops(from authz.ActorRef) int {
	front := []authz.PathNode{{Actor: from}}
	for seen, n := slices.Clone(front), 1; len(front) > 0; n++ {
		var next []authz.PathNode
		plans := false
		for _, node := range front {
			if node.Object.ID == "" && m.self(node.Actor, m.holds) {
				return n
			}
			for _, to := range m.edges(node) {
				if !slices.Contains(seen, to) {
					seen, next = append(seen, to), append(next, to)
				}
			}
			plans = plans || node.Object.ID == "" && slices.ContainsFunc(m.Estate.Stacks, func(st authz.StackUse) bool {
				return m.plans(node.Actor, st.ID)
			})
		}
		if plans {
			return n + 1
		}
		front = next
	}
	return 0
}
