package access_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/contexts"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/roles"
	"github.com/airlock-project/airlock/internal/spaces"
	"github.com/airlock-project/airlock/internal/stacks"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
	"github.com/airlock-project/airlock/internal/workers"
)

// estate is an account that random changes are made to by the use cases, and
// the world that it must be by now: what was asked for and not refused. Of
// what comes back only ids are believed.
type estate struct {
	*storetest.Kit
	ctx   context.Context // of the first admin
	world authz.World
	src   *rand.Rand
	names func() string
	known map[string]string // ids that change from run to run, by what they are called here

	spaces   *spaces.Service
	roles    *roles.Service
	bindings *bindings.Service
	people   *identity.Service
	stacks   *stacks.Service
	contexts *contexts.Service
	pools    *workers.Service
}

func newEstate(t *testing.T, url string) *estate {
	t.Helper()
	k := storetest.New(t, url)
	people, err := identity.New(t.Context(), store.Bind[identity.Tx](k.Store), k.Gate, k.IDs, k.Clock.Now,
		identity.Config{BaseURL: "http://airlock.test", TokenTTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	e := &estate{
		Kit: k, known: map[string]string{}, ctx: k.As(t, "root-admin"), people: people,
		spaces:   spaces.New(store.Bind[spaces.Tx](k.Store), k.Gate, k.IDs),
		roles:    roles.New(store.Bind[roles.Tx](k.Store), k.Gate, k.IDs),
		bindings: bindings.New(store.Bind[bindings.Tx](k.Store), k.Gate, k.IDs),
		stacks:   stacks.New(store.Bind[stacks.Tx](k.Store), k.Gate, k.IDs, func(string, string) error { return nil }),
		contexts: contexts.New(store.Bind[contexts.Tx](k.Store), k.Gate, k.IDs),
		pools:    workers.New(store.Bind[workers.Tx](k.Store), k.Gate, k.IDs, workers.Tokens{New: identity.NewSecret, Hash: identity.HashSecret}, ""),
	}
	e.begin(t)
	return e
}

// begin is what every account begins with (A2, A42-A47).
func (e *estate) begin(t *testing.T) {
	t.Helper()
	e.world.Spaces = []authz.Space{{ID: "root"}, {ID: "legacy", Parent: "root", Inherit: true}}
	for slug, actions := range map[string][]authz.Action{
		"space-reader": {authz.ActionSpaceRead},
		"space-writer": {authz.ActionSpaceRead, authz.ActionSpaceWrite},
		"space-admin":  {authz.ActionSpaceRead, authz.ActionSpaceWrite, authz.ActionSpaceAdmin},
		"worker-pool-controller": {
			authz.ActionSpaceRead, authz.ActionWorkerPoolCreate, authz.ActionWorkerPoolUpdate, authz.ActionWorkerPoolDelete,
		},
	} {
		e.world.Roles = append(e.world.Roles, authz.Role{ID: string(e.RoleID(slug)), Slug: slug, Actions: authz.SetOf(actions...)})
	}
	slices.SortFunc(e.world.Roles, func(a, b authz.Role) int { return strings.Compare(a.Slug, b.Slug) })
	admin := e.Actor("root-admin")
	e.world.Actors = []authz.Actor{{Ref: admin}}
	e.View(t, func(tx *store.Tx) error {
		list, err := tx.BindingsOf(t.Context(), admin)
		for _, b := range list {
			e.world.Bindings = append(e.world.Bindings, authz.Binding{ID: string(b.ID), Actor: admin, Role: string(e.RoleID("space-admin")), Space: "root"})
		}
		if len(list) != 1 {
			err = errors.Join(err, fmt.Errorf("the first admin has %d bindings", len(list)))
		}
		return err
	})
}

// step makes one random change, which depends on the number of the step and
// the world only: what is refused is followed by another try. tries holds the
// number of the one that went well, and is obeyed where it holds one already.
// It returns what was done.
func (e *estate) step(t *testing.T, seed uint64, number int, tries map[int]uint64) (name string, err error) {
	draw := seed<<32 + uint64(number)<<8
	defer func() { e.src = worlds.Seeded(draw + 255) }() // for the questions
	made := 0
	e.names = func() string { made++; return fmt.Sprint("n", number, string(rune('`'+made))) }
	from, to := uint64(0), uint64(20)
	if only, ok := tries[number]; ok {
		from, to = only, only+1
	}
	for try := from; try < to; try++ {
		e.src = worlds.Seeded(draw + try)
		change := changes[e.src.IntN(len(changes))]
		put, err := change.try(t, e)
		if err == nil {
			tries[number] = try
			e.world = worlds.After(e.world, put...)
			e.remember(number, put)
			return change.name, nil
		}
		if code := domain.ErrorCode(err); code != domain.CodeConflict && code != domain.CodeInvalid {
			return "", fmt.Errorf("%s: %w", change.name, err)
		}
	}
	return "nothing", nil
}

func (e *estate) one(n int) bool { return e.src.IntN(n) == 0 }

// pick chooses by name, not by position: the same one is chosen when some of
// the others are not there.
func pick[T any](e *estate, list []T) T {
	draw := e.src.Uint64()
	best, most := 0, uint64(0)
	for i, v := range list {
		h := fnv.New64a()
		_, _ = fmt.Fprint(h, draw, e.called(v))
		if n := h.Sum64(); n >= most {
			best, most = i, n
		}
	}
	return list[best]
}

// called is what something is called in every run.
func (e *estate) called(v any) string {
	id := fmt.Sprint(v)
	switch v := v.(type) {
	case authz.Space:
		id = v.ID
	case authz.Role:
		id = v.Slug
	case authz.Binding:
		id = v.ID
	case authz.Group:
		id = v.Name
	case authz.ActorRef:
		id = v.ID
	case authz.Target:
		id = v.Entity.ID
	case authz.Stack:
		id = v.ID
	}
	if name, ok := e.known[id]; ok {
		return name
	}
	return id
}

// remember gives what a step made a name that the next run can find.
func (e *estate) remember(step int, put []authz.Change) {
	for _, c := range put {
		switch c := c.(type) {
		case authz.PutSpace:
			e.known[c.ID], _, _ = strings.Cut(c.ID, "-")
		case authz.PutBinding:
			e.makeKnown(c.ID, step)
		case authz.PutActor:
			e.makeKnown(c.Ref.ID, step)
		case authz.PutGroup:
			e.makeKnown(c.ID, step)
		default: // is called by its name in every run
		}
	}
}

func (e *estate) makeKnown(id string, step int) {
	if _, ok := e.known[id]; !ok {
		e.known[id] = fmt.Sprint("made by ", step)
	}
}

func (e *estate) name() string { return e.names() }

func (e *estate) space() string { return pick(e, e.world.Spaces).ID }

// groupNames are sometimes mapped, sometimes by another spelling.
var groupNames = []string{"ops", "Ops", "dev team", "sre"}

func (e *estate) groups() (names []string) {
	for _, g := range groupNames {
		if e.one(3) {
			names = append(names, g)
		}
	}
	return names
}

// ends is a moment on either side of which questions will be asked; zero for
// most.
func (e *estate) ends() time.Time {
	if !e.one(3) {
		return time.Time{}
	}
	return e.Clock.Now().Truncate(time.Second).Add(time.Duration(1+e.src.IntN(20)) * time.Minute)
}

// actors are all of a kind that the world knows, the first admin left out: he
// makes the changes.
func (e *estate) actors(kind authz.ActorKind) (list []authz.ActorRef) {
	for _, a := range e.world.Actors {
		if a.Ref.Kind == kind && a.Ref != e.Actor("root-admin") {
			list = append(list, a.Ref)
		}
	}
	return list
}

func (e *estate) everybody() (list []authz.ActorRef) {
	list = append(e.actors(authz.ActorUser), e.actors(authz.ActorAPIKey)...)
	list = append(list, e.groupActors()...)
	for _, st := range e.world.Stacks {
		list = append(list, authz.ActorRef{Kind: authz.ActorStack, ID: st.ID})
	}
	return list
}

func (e *estate) groupActors() (list []authz.ActorRef) {
	for _, g := range e.world.Groups {
		list = append(list, authz.ActorRef{Kind: authz.ActorGroup, ID: g.ID})
	}
	return list
}

// homes are all things that bindings may name.
func (e *estate) homes() (list []authz.Target) {
	for _, st := range e.world.Stacks {
		list = append(list, authz.Target{Space: st.Space, Entity: authz.EntityRef{Kind: authz.EntityStack, ID: st.ID}})
	}
	for _, h := range e.world.Entities {
		list = append(list, authz.Target{Space: h.Space, Entity: h.Entity})
	}
	return list
}

func (e *estate) homesOf(kind authz.EntityKind) (list []authz.Target) {
	for _, h := range e.homes() {
		if h.Entity.Kind == kind {
			list = append(list, h)
		}
	}
	return list
}

// without are the changes that the end of an actor or an entity brings along:
// its bindings go.
func (e *estate) without(gone func(authz.Binding) bool) (list []authz.Change) {
	for _, b := range e.world.Bindings {
		if gone(b) {
			list = append(list, authz.DeleteBinding{Actor: b.Actor, ID: b.ID})
		}
	}
	return list
}

// caller returns a context in which a subject calls.
func (e *estate) caller(t *testing.T, sub authz.Subject) context.Context {
	return access.WithCaller(t.Context(), access.Caller{Subject: sub, Name: sub.Actor.Kind.String() + "::" + sub.Actor.ID})
}
