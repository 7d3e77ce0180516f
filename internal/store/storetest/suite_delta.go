package storetest

import (
	"context"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// rows is a world as a set of rows, for comparison.
type rows map[domain.WorldGone]any

func (k *Kit) world(t *testing.T) rows {
	t.Helper()
	return rowsOf(read(t, k, func(ctx context.Context, tx *store.Tx) (domain.World, error) { return tx.World(ctx) }))
}

func rowsOf(w domain.World) rows {
	out := rows{}
	for _, s := range w.Spaces {
		out[domain.WorldGone{Part: domain.PartSpace, ID: string(s.ID)}] = s
	}
	for _, r := range w.Roles {
		out[domain.WorldGone{Part: domain.PartRole, ID: string(r.ID)}] = r
	}
	for _, b := range w.Bindings {
		out[domain.WorldGone{Part: domain.PartBinding, ID: string(b.ID), Actor: b.Actor}] = b
	}
	for _, g := range w.Groups {
		out[domain.WorldGone{Part: domain.PartGroup, ID: g.ID}] = g
	}
	for _, a := range w.Actors {
		out[domain.WorldGone{Part: domain.PartActor, ID: a.Ref.ID, Actor: a.Ref}] = a
	}
	for _, s := range w.Stacks {
		out[domain.WorldGone{Part: domain.PartStack, ID: string(s.ID)}] = s
	}
	for _, e := range w.Entities {
		out[domain.WorldGone{Part: domain.PartEntity, ID: e.ID, Kind: e.Kind}] = e
	}
	return out
}

// with returns the rows after a delta.
func (r rows) with(d domain.WorldDelta) rows {
	out := maps.Clone(r)
	for _, g := range d.Gone {
		delete(out, g)
	}
	maps.Copy(out, rowsOf(d.Put))
	return out
}

// follows checks that an older world and what changed since are the world.
func (k *Kit) follows(t *testing.T, name string, old rows, since int64) {
	t.Helper()
	delta := read(t, k, func(ctx context.Context, tx *store.Tx) (domain.WorldDelta, error) {
		d, ok, err := tx.Delta(ctx, access.Stamp{Revision: since})
		if !ok && err == nil {
			t.Errorf("%s: the changes since revision %d are not known", name, since)
		}
		return d, err
	})
	if diff := cmp.Diff(k.world(t), old.with(delta)); diff != "" {
		t.Errorf("%s: (-world +followed):\n%s", name, diff)
	}
}

// followed is a change that is followed from inside its transaction, too.
func (k *Kit) followed(t *testing.T, do write) write {
	return func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		world, err := tx.World(ctx)
		if err != nil {
			return err
		}
		before, err := tx.Stamp(ctx)
		if err != nil {
			return err
		}
		if err := do(ctx, tx, p); err != nil {
			return err
		}
		delta, ok, err := tx.Delta(ctx, before)
		if err != nil || !ok {
			t.Errorf("inside: known %v, error %v", ok, err)
		}
		now, err := tx.World(ctx)
		if diff := cmp.Diff(rowsOf(now), rowsOf(world).with(delta)); diff != "" {
			t.Errorf("inside: (-world +followed):\n%s", diff)
		}
		return err
	}
}

// testDeltaBounds asks for changes that are no longer known, or too many.
func testDeltaBounds(t *testing.T, k *Kit) {
	World(t, k)
	k.must(t, access.KindSpace, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		for i := range 2100 {
			id := domain.SpaceID("many-" + string(rune('a'+i%26)) + k.IDs.ULID())
			if err := tx.InsertSpace(ctx, p, domain.Space{ID: id, Parent: "apps", Name: string(id)}); err != nil {
				return err
			}
		}
		return nil
	})
	known := func(since int64) bool {
		return read(t, k, func(ctx context.Context, tx *store.Tx) (bool, error) {
			_, ok, err := tx.Delta(ctx, access.Stamp{Revision: since})
			return ok, err
		})
	}
	now := k.revision(t)
	if known(now - 1) {
		t.Error("2,100 changed rows are followed one by one")
	}
	if !known(now) {
		t.Error("nothing has changed, which is known")
	}
	if err := k.Exec(t, `delete from access_changes where revision < $1`, now-1); err != nil {
		t.Fatal(err)
	}
	if known(now - 3) {
		t.Error("what is no longer kept is known")
	}
}
