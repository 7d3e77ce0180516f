package worlds

import "github.com/airlock-project/airlock/authz"

// EstateSize says how large a world with an estate is.
type EstateSize struct {
	Size
	Stacks         int
	StackBindings  int // of all stacks
	RootStacks     int // stacks of root with Space admin there
	RootAdmins     int // users
	Contexts       int
	ContextsOfEach int // of each stack, at most: those that it reaches
	Pools          int
	Repos          int // every other stack has one of them as its source, where one is in reach
}

// SizePaths is the size of the world that the speed of escalation paths is
// stated on: 10,000 stacks, 2,000 users and keys, 50,000 bindings, 1,000
// contexts, 500 built-in repositories.
var SizePaths = EstateSize{
	Size: Size{
		Seed: 3, Spaces: 1_000, FanOut: 6, Depth: 8, Inherit: 70, Roles: 20,
		Groups: 200, Actors: 2_000, OwnBindings: 8, GroupsEach: 3, PerGroup: 20,
	},
	Stacks: 10_000, StackBindings: 30_000, RootStacks: 20, RootAdmins: 5, Contexts: 1_000, ContextsOfEach: 3, Pools: 60, Repos: 500,
}

// Estate makes the world of a size with its estate. Stacks live anywhere and
// hold roles anywhere; they use contexts and one pool of their own space or of
// those above.
func Estate(size EstateSize) (authz.World, authz.Estate) {
	m := estateMaker{maker: maker{Rand: Seeded(size.Seed), Size: size.Size}, EstateSize: size}
	m.spaces()
	m.roles()
	m.groups()
	m.actors()
	for _, a := range m.world.Actors[:min(size.RootAdmins, len(m.world.Actors))] {
		m.atRoot(a.Ref)
	}
	m.objects(authz.EntityContext, size.Contexts)
	m.objects(authz.EntityWorkerPool, size.Pools)
	m.stacks()
	m.repos()
	return m.world, m.estate
}

type estateMaker struct {
	maker
	EstateSize
	estate authz.Estate
	homes  map[string][]authz.EntityRef
	parent map[string]string
}

func (m *estateMaker) atRoot(who authz.ActorRef) {
	admin := m.world.Roles[2].ID // of the system roles, in their order
	m.world.Bindings = append(m.world.Bindings, authz.Binding{ID: m.ulid(), Actor: who, Role: admin, Space: authz.RootSpace})
}

func (m *estateMaker) objects(kind authz.EntityKind, n int) {
	if m.homes == nil {
		m.homes, m.parent = map[string][]authz.EntityRef{}, map[string]string{}
		for _, sp := range m.world.Spaces {
			m.parent[sp.ID] = sp.Parent
		}
	}
	for range n {
		o := authz.EntityHome{Entity: authz.EntityRef{Kind: kind, ID: m.ulid()}, Space: pick(m, m.world.Spaces).ID}
		m.estate.Objects = append(m.estate.Objects, o)
		m.homes[o.Space] = append(m.homes[o.Space], o.Entity)
	}
}

func (m *estateMaker) stacks() {
	var refs []authz.ActorRef
	for i := range m.Stacks {
		st := authz.Stack{ID: "stack-" + m.ulid(), Space: pick(m, m.world.Spaces).ID}
		ref := stack(st.ID)
		if i < m.RootStacks {
			st.Space = authz.RootSpace
			m.atRoot(ref)
		} else {
			refs = append(refs, ref)
		}
		m.world.Stacks = append(m.world.Stacks, st)
		m.estate.Stacks = append(m.estate.Stacks, authz.StackUse{ID: st.ID, Space: st.Space, Uses: m.uses(st.Space)})
	}
	for range m.StackBindings {
		m.bind(pick(m, refs), 1)
	}
}

// repos gives stacks built-in repositories of their space or of those above.
func (m *estateMaker) repos() {
	m.objects(authz.EntityRepo, m.Repos)
	for i := range m.estate.Stacks {
		st := &m.estate.Stacks[i]
		for space := st.Space; space != "" && one(m, 2); space = m.parent[space] {
			for _, o := range m.homes[space] {
				if o.Kind == authz.EntityRepo {
					st.Repo = o.ID
				}
			}
		}
	}
}

// uses chooses from what is in a space and above it.
func (m *estateMaker) uses(space string) (list []authz.EntityRef) {
	contexts, pooled := 0, false
	for ; space != ""; space = m.parent[space] {
		for _, o := range m.homes[space] {
			switch {
			case o.Kind == authz.EntityWorkerPool && !pooled:
				list, pooled = append(list, o), true
			case o.Kind == authz.EntityContext && contexts < m.ContextsOfEach && one(m, 2):
				list, contexts = append(list, o), contexts+1
			}
		}
	}
	return list
}
