package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// testLists grows a random world with bindings to spaces and to entities, some
// of which end: every list holds exactly what its caller may see one by one,
// before and after bindings end and entities move (security case 71, R24).
func testLists(t *testing.T, k *Kit) {
	w := &randomWorld{Kit: k, spaces: []domain.SpaceID{"root"}, rand: rand.New(rand.NewPCG(1, 71))} //nolint:gosec // to be repeated, not to be secret
	for round := range 4 {
		w.grow(t)
		w.compare(t, fmt.Sprintf("round %d", round))
		k.Clock.Advance(30 * time.Minute)
		w.compare(t, fmt.Sprintf("round %d, later", round))
		w.change(t)
		w.compare(t, fmt.Sprintf("round %d, changed", round))
	}
	if w.seenOnes < 50 || w.unseen < 50 {
		t.Errorf("%d objects were seen and %d were not: the world proves nothing", w.seenOnes, w.unseen)
	}
}

// randomWorld is a world that grows.
type randomWorld struct {
	*Kit
	rand     *rand.Rand
	seenOnes int
	unseen   int
	actors   []string
	spaces   []domain.SpaceID
	stacks   []domain.StackID
	contexts []domain.ContextID
}

// pick returns one of a list.
func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func (w *randomWorld) grow(t *testing.T) {
	t.Helper()
	w.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		for range 10 {
			id := domain.SpaceID("space-" + w.IDs.ULID())
			s := domain.Space{ID: id, Name: string(id), Parent: pick(w.rand, w.spaces), Inherit: w.rand.IntN(2) == 0, CreatedAt: tx.Now()}
			if err := tx.InsertSpace(ctx, p.For(access.KindSpace), s); err != nil {
				return err
			}
			w.spaces = append(w.spaces, id)
		}
		return nil
	})
	for range 12 {
		id := w.IDs.ULID() // stacks and contexts of the same ids
		w.stacks, w.contexts = append(w.stacks, domain.StackID(id)), append(w.contexts, domain.ContextID(id))
		w.Stack(t, domain.StackID(id), pick(w.rand, w.spaces), nil)
		w.Context(t, domain.ContextID(id), pick(w.rand, w.spaces))
	}
	blind, worker := "blind-"+w.IDs.ULID(), "worker-"+w.IDs.ULID()
	w.Role(t, blind, authz.ActionRunTrigger, authz.ActionStackRead)
	w.Role(t, worker, authz.ActionSpaceRead, authz.ActionRunTrigger)
	for range 6 {
		name := w.IDs.ULID()
		w.AddKey(t, name)
		w.actors = append(w.actors, name)
		for range w.rand.IntN(5) {
			w.bind(t, name, pick(w.rand, []string{"space-reader", "space-writer", blind, worker}))
		}
	}
}

// bind makes one binding of any kind, unless there is one like it.
func (w *randomWorld) bind(t *testing.T, name, role string) {
	t.Helper()
	b := domain.Binding{ID: domain.BindingID(w.IDs.ULID()), Actor: w.Actor(name), Role: w.RoleID(role), CreatedAt: w.Clock.Now()}
	switch w.rand.IntN(3) {
	case 0:
		b.Space = pick(w.rand, w.spaces)
	case 1:
		b.Entity = authz.EntityRef{Kind: authz.EntityStack, ID: string(pick(w.rand, w.stacks))}
	default:
		b.Entity = authz.EntityRef{Kind: authz.EntityContext, ID: string(pick(w.rand, w.contexts))}
	}
	if w.rand.IntN(2) == 0 {
		b.NotAfter = w.Clock.Now().Add(time.Duration(w.rand.IntN(60)) * time.Minute)
	}
	if err := w.insertBinding(t, b); err != nil && domain.ErrorCode(err) != domain.CodeConflict {
		t.Fatal(err)
	}
}

// change moves and deletes some of what bindings name.
func (w *randomWorld) change(t *testing.T) {
	t.Helper()
	w.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		for range 4 {
			st, err := tx.Stack(ctx, pick(w.rand, w.stacks))
			if err != nil {
				return err
			}
			c, other := tx.Context(ctx, pick(w.rand, w.contexts))
			st.Space, c.Space = pick(w.rand, w.spaces), pick(w.rand, w.spaces)
			err = errors.Join(other, tx.UpdateStack(ctx, p.For(access.KindStack), st), tx.UpdateContext(ctx, p.For(access.KindContext), c))
			if err != nil {
				return err
			}
		}
		return errors.Join(tx.DeleteStack(ctx, p.For(access.KindStack), w.stacks[0]), tx.DeleteContext(ctx, p.For(access.KindContext), w.contexts[0]))
	})
	w.stacks, w.contexts = w.stacks[1:], w.contexts[1:]
}

// compare holds the lists of every actor against single questions.
func (w *randomWorld) compare(t *testing.T, name string) {
	t.Helper()
	for _, who := range w.actors {
		w.View(t, func(tx *store.Tx) error {
			ctx := w.As(t, who)
			ofStacks, err := w.Gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityStack)
			ofContexts, other := w.Gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityContext)
			if err := errors.Join(err, other); err != nil {
				return err
			}
			stacks, err := tx.Stacks(ctx, ofStacks)
			contexts, other := tx.Contexts(ctx, ofContexts)
			if err := errors.Join(err, other); err != nil {
				return err
			}
			var listed, single []string
			for _, s := range stacks {
				listed = append(listed, "stack "+string(s.ID))
			}
			for _, c := range contexts {
				listed = append(listed, "context "+string(c.ID))
			}
			single, err = w.seen(ctx, tx)
			slices.Sort(listed)
			slices.Sort(single)
			if diff := cmp.Diff(single, listed); diff != "" {
				t.Errorf("%s, %s (-single +listed):\n%s", name, who, diff)
			}
			return err
		})
	}
}

// seen asks for every object by itself, and for the way to what is seen.
func (w *randomWorld) seen(ctx context.Context, tx *store.Tx) (out []string, err error) {
	ask := func(noun string, space domain.SpaceID, e authz.EntityRef) error {
		ok, err := w.Gate.Holds(ctx, tx, authz.ActionSpaceRead, access.Object{Space: space, Entity: e})
		if err != nil || !ok {
			w.unseen++
			return err
		}
		w.seenOnes++
		out = append(out, noun+" "+e.ID)
		level, err := w.Gate.Level(ctx, tx, space)
		if err == nil && level == authz.LevelNone {
			return fmt.Errorf("%s %s is seen and its space %s is not", noun, e.ID, space)
		}
		return err
	}
	for _, id := range w.stacks {
		s, err := tx.Stack(ctx, id)
		if err = errors.Join(err, ask("stack", s.Space, authz.EntityRef{Kind: authz.EntityStack, ID: string(id)})); err != nil {
			return nil, err
		}
	}
	for _, id := range w.contexts {
		c, err := tx.Context(ctx, id)
		if err = errors.Join(err, ask("context", c.Space, authz.EntityRef{Kind: authz.EntityContext, ID: string(id)})); err != nil {
			return nil, err
		}
	}
	return out, nil
}
