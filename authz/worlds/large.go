package worlds

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/airlock-project/airlock/authz"
)

// Size says how large a world is. Actors are users and, every seventh, API
// keys.
type Size struct {
	Seed        uint64
	Spaces      int
	FanOut      int // children of a space, about
	Depth       int // of the deepest space; root has 0
	Inherit     int // per cent of the spaces that inherit
	Roles       int // the system roles and custom ones; the first ones are bound most
	Groups      int
	Actors      int
	OwnBindings int // of each actor
	GroupsEach  int // of each actor
	PerGroup    int // bindings of each group
}

// SizeL and SizeXL are the sizes of the worlds that the project states its
// speed on: 210,000 and 500,000 bindings.
var (
	SizeL = Size{
		Seed: 1, Spaces: 100_000, FanOut: 8, Depth: 8, Inherit: 70, Roles: 20,
		Groups: 5_000, Actors: 50_000, OwnBindings: 4, GroupsEach: 3, PerGroup: 2,
	}
	SizeXL = Size{
		Seed: 2, Spaces: 100_000, FanOut: 8, Depth: 8, Inherit: 70, Roles: 20,
		Groups: 10_000, Actors: 120_000, OwnBindings: 4, GroupsEach: 3, PerGroup: 2,
	}
)

// L returns the world of SizeL.
func L() authz.World { return New(SizeL) }

// XL returns the world of SizeXL.
func XL() authz.World { return New(SizeXL) }

// New makes a world. Spaces are bound uniformly, so most bindings are near the
// leaves; the n-th role is bound as often as n to the power of -1.5.
func New(size Size) authz.World {
	m := maker{Rand: Seeded(size.Seed), Size: size}
	m.spaces()
	m.roles()
	m.groups()
	m.actors()
	return m.world
}

type maker struct {
	*rand.Rand
	Size
	world  authz.World
	shares []float64 // of the roles, summed up
	made   uint64    // ids
}

func (m *maker) spaces() {
	names := []string{"apps", "dev", "prod", "net", "data", "vault", "edge", "ml", "team", "shop", "core", "lab"}
	m.world.Spaces = append(make([]authz.Space, 0, m.Spaces), authz.Space{ID: authz.RootSpace})
	depth := make([]int, 1, m.Spaces)
	for i := 1; i < m.Spaces; i++ {
		// Around the parent that a complete tree would have.
		p := i
		for p >= i || depth[p] >= m.Depth {
			middle := (i - 1) / m.FanOut
			p = max(0, middle-middle/4+m.IntN(middle/2+1))
		}
		m.world.Spaces = append(m.world.Spaces, authz.Space{
			ID: pick(m, names) + "-" + m.ulid(), Parent: m.world.Spaces[p].ID, Inherit: m.IntN(100) < m.Inherit,
		})
		depth = append(depth, depth[p]+1)
	}
}

func (m *maker) roles() {
	for _, r := range authz.SystemRoles() {
		m.world.Roles = append(m.world.Roles, authz.Role{ID: m.ulid(), Slug: r.Slug, Actions: r.Actions})
	}
	catalogue := authz.Actions()
	for i := len(m.world.Roles); i < m.Roles; i++ {
		var set authz.ActionSet
		for range 3 + m.IntN(20) {
			set = set.With(pick(m, catalogue).Action)
		}
		if !one(m, 4) {
			set = set.With(authz.ActionSpaceRead)
		}
		m.world.Roles = append(m.world.Roles, authz.Role{ID: m.ulid(), Slug: fmt.Sprintf("custom-%d", i), Actions: set})
	}
	total := 0.0
	for i := range m.world.Roles {
		total += math.Pow(float64(i+1), -1.5)
		m.shares = append(m.shares, total)
	}
}

func (m *maker) role() string {
	at := m.Float64() * m.shares[len(m.shares)-1]
	i := 0
	for m.shares[i] < at {
		i++
	}
	return m.world.Roles[i].ID
}

func (m *maker) bind(who authz.ActorRef, n int) {
	for range n {
		m.world.Bindings = append(m.world.Bindings, authz.Binding{
			ID: m.ulid(), Actor: who, Role: m.role(), Space: pick(m, m.world.Spaces).ID,
		})
	}
}

func (m *maker) groups() {
	for i := range m.Groups {
		g := authz.Group{ID: m.ulid(), Name: fmt.Sprintf("team-%d", i)}
		m.world.Groups = append(m.world.Groups, g)
		m.bind(authz.ActorRef{Kind: authz.ActorGroup, ID: g.ID}, m.PerGroup)
	}
}

func (m *maker) actors() {
	for i := range m.Actors {
		a := authz.Actor{Ref: authz.ActorRef{Kind: authz.ActorUser, ID: m.ulid()}}
		if i%7 == 6 {
			a.Ref.Kind = authz.ActorAPIKey
		}
		for range min(m.GroupsEach, m.Groups) {
			a.Groups = append(a.Groups, pick(m, m.world.Groups).Name)
		}
		m.world.Actors = append(m.world.Actors, a)
		m.bind(a.Ref, m.OwnBindings)
	}
}

// ulid returns an id of the form that the product gives out: later ones are
// larger.
func (m *maker) ulid() string {
	const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	id := []byte("01K00000000000000000000000")
	m.made++
	for i, bits := 9, m.made; i > 2; i, bits = i-1, bits>>5 {
		id[i] = digits[bits&31]
	}
	for i := 10; i < len(id); i++ {
		id[i] = digits[m.IntN(32)]
	}
	return string(id)
}

// Questions returns n questions about a world of New: any actor and any
// action, in every second one in a space where the actor or a group of its has
// a binding, else anywhere. Names are copies beside each other, as if they had
// come in requests: a question must not cost a look into the memory of the
// world.
func Questions(w authz.World, seed uint64, n int) []Question {
	src := Seeded(seed)
	names := make(map[string]authz.ActorRef, len(w.Groups))
	for _, g := range w.Groups {
		names[g.Name] = authz.ActorRef{Kind: authz.ActorGroup, ID: g.ID}
	}
	bound := make(map[authz.ActorRef][]string, len(w.Actors)+len(w.Groups))
	for _, b := range w.Bindings {
		bound[b.Actor] = append(bound[b.Actor], b.Space)
	}
	catalogue := authz.Actions()
	list := make([]Question, n)
	for i := range list {
		actor := pick(src, w.Actors)
		q := Question{Subject: authz.Subject{Actor: actor.Ref}, Action: pick(src, catalogue).Action}
		q.Target.Space = pick(src, w.Spaces).ID
		who := actor.Ref
		if g := src.IntN(len(actor.Groups) + 1); g > 0 {
			who = names[actor.Groups[g-1]]
		}
		if held := bound[who]; i%2 == 0 && len(held) > 0 {
			q.Target.Space = pick(src, held)
		}
		q.Subject.Actor.ID, q.Target.Space = strings.Clone(q.Subject.Actor.ID), strings.Clone(q.Target.Space)
		list[i] = q
	}
	return list
}
