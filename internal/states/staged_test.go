package states_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/objects"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// stored lists what is in object storage.
func stored(t *testing.T, in store.Objects) (names []string) {
	t.Helper()
	err := in.Each(t.Context(), func(name string, _ time.Time) error {
		names = append(names, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// inObjects runs a test on both databases with object storage.
func inObjects(t *testing.T, test func(t *testing.T, b bench, ctx context.Context, dir string)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		dir := t.TempDir()
		in, err := objects.OpenDirectory(dir)
		if err != nil {
			t.Fatal(err)
		}
		k.Objects = in
		b := bench{k, service(k.Open(t), k)}
		ctx := b.AsStack(t, b.Run(t, "k", domain.RunApplying))
		if err := b.Lock(ctx, "k", "lock", "{}"); err != nil {
			t.Fatal(err)
		}
		test(t, b, ctx, dir)
	})
}

// TestCase129Objects: neither the database nor the storage alone tells what a
// state holds, and a body that was changed or moved is not read.
func TestCase129Objects(t *testing.T) {
	inObjects(t, func(t *testing.T, b bench, ctx context.Context, dir string) {
		const canary = "a-canary-in-a-state"
		one, two := body(1, "l", `,"x":"`+canary+`"`), body(2, "l", `,"x":"`+canary+`"`)
		for _, f := range [][]byte{one, two} {
			if err := b.Write(ctx, "k", "lock", f); err != nil {
				t.Fatal(err)
			}
		}
		names := stored(t, b.Objects)
		if len(names) != 2 {
			t.Fatalf("the storage has %v", names)
		}
		for table, content := range b.Digest(t) {
			if bytes.Contains([]byte(content), []byte(canary)) {
				t.Errorf("table %s has the state in the clear", table)
			}
		}
		first, second := filepath.Join(dir, names[0]), filepath.Join(dir, names[1])
		kept, err := os.ReadFile(second)
		if err != nil || bytes.Contains(kept, []byte(canary)) {
			t.Errorf("the storage has the state in the clear, %v", err)
		}
		if got, err := b.Read(ctx, "k"); err != nil || !bytes.Equal(got, two) {
			t.Fatalf("read %q, %v", got, err)
		}
		other, err := os.ReadFile(first)
		if err != nil {
			t.Fatal(err)
		}
		for name, damage := range map[string][]byte{"another version's": other, "a flipped bit": append(bytes.Clone(kept[:len(kept)-1]), kept[len(kept)-1]^1), "cut": kept[:9], "empty": {}} {
			for _, path := range []string{first, second} { // which is current is not told by the names
				if err := os.WriteFile(path, damage, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := b.Read(ctx, "k"); err == nil && !bytes.Equal(got, two) {
				t.Errorf("%s: read %q", name, got)
			} else if err == nil && name != "another version's" {
				t.Errorf("%s: nobody noticed", name)
			}
		}
		if err := errors.Join(os.Remove(first), os.Remove(second)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Read(ctx, "k"); !errors.Is(err, objects.ErrMissing) {
			t.Errorf("a body is gone: %v", err)
		}
	})
}

// away is a storage that cannot be reached.
type away struct{ store.Objects }

func (away) Put(context.Context, string, []byte) error {
	return domain.Unavailable("the object storage", errors.New("it is away"))
}

// unread is a storage of which nothing can be read.
type unread struct{ store.Objects }

func (unread) Get(context.Context, string) ([]byte, error) {
	return nil, domain.Unavailable("the object storage", errors.New("it is away"))
}

// TestRenamedStackKeepsItsObjects: a stack gets another id without a look at
// what the object storage has of it, while others wait.
func TestRenamedStackKeepsItsObjects(t *testing.T) {
	inObjects(t, func(t *testing.T, b bench, ctx context.Context, _ string) {
		state := body(1, "l", "")
		if err := b.Write(ctx, "k", "lock", state); err != nil {
			t.Fatal(err)
		}
		reads := b.Open(t)
		b.Objects = unread{b.Objects}
		permit, err := b.Gate.System(access.SystemRunReaper, access.KindStack, "k")
		if err != nil {
			t.Fatal(err)
		}
		rename := func(tx *store.Tx) error { return tx.RenameStack(t.Context(), permit, "k", "renamed") }
		if err := b.Open(t).ChangeAccess(t.Context(), rename); err != nil {
			t.Fatal(err)
		}
		var kept domain.Stored
		err = reads.View(t.Context(), func(tx *store.Tx) error {
			versions, err := tx.StateVersions(t.Context(), "renamed", math.MaxInt64, 10)
			if err != nil || len(versions) != 1 {
				t.Fatalf("versions %v, %v", versions, err)
			}
			kept, err = tx.StateStored(t.Context(), versions[0])
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := reads.Fetch(t.Context(), kept); err != nil || kept.Object == "" || !bytes.Equal(got, state) {
			t.Errorf("after that it is %q, %v", got, err)
		}
	})
}

// TestStorageAway: what cannot be kept is refused, and nothing is changed; what
// is refused anyway is not sent to the storage.
func TestStorageAway(t *testing.T) {
	inObjects(t, func(t *testing.T, b bench, ctx context.Context, _ string) {
		if err := b.Write(ctx, "k", "lock", body(1, "l", "")); err != nil {
			t.Fatal(err)
		}
		for _, bad := range [][]byte{body(1, "l", `,"x":1`), body(2, "m", "")} {
			wantCode(t, b.Write(ctx, "k", "lock", bad), domain.CodeConflict)
		}
		if err := b.Write(ctx, "k", "lock", body(1, "l", "")); err != nil {
			t.Errorf("the same again: %v", err)
		}
		before := but(b.Digest(t))
		if n := len(b.refusedOf(t, "k")); n != 2 || len(stored(t, b.Objects)) != 3 {
			t.Errorf("%d refused states are kept, in the storage is %v", n, stored(t, b.Objects))
		}
		b.Objects = away{b.Objects}
		cut := bench{b.Kit, service(b.Open(t), b.Kit)}
		for _, state := range [][]byte{body(2, "l", ""), body(0, "l", "")} { // one that is taken, and one that would be kept aside
			wantCode(t, cut.Write(ctx, "k", "lock", state), domain.CodeUnavailable)
		}
		for table, content := range but(b.Digest(t)) {
			if content != before[table] {
				t.Errorf("table %s changed", table)
			}
		}
		if got, err := b.Read(ctx, "k"); err != nil || !bytes.Equal(got, body(1, "l", "")) {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

// TestSettingChanges: what is in the database stays readable when bodies go to
// object storage, and the other way round.
func TestSettingChanges(t *testing.T) {
	inObjects(t, func(t *testing.T, b bench, ctx context.Context, _ string) {
		inDatabase := bench{b.Kit, service(b.Store, b.Kit)}
		if err := inDatabase.Write(ctx, "k", "lock", body(1, "l", "")); err != nil {
			t.Fatal(err)
		}
		first := b.current(t, "k")
		if err := b.Write(ctx, "k", "lock", body(2, "l", "")); err != nil {
			t.Fatal(err)
		}
		if _, err := inDatabase.Read(ctx, "k"); domain.ErrorCode(err) != domain.CodeUnavailable {
			t.Errorf("without the storage: %v", err)
		}
		back, err := store.Open(t.Context(), b.URL, store.Options{Sealer: b.Sealer, IDs: b.IDs, Now: b.Clock.Now, Objects: b.Objects, Inline: true})
		if err != nil {
			t.Fatal(err)
		}
		defer back.Close()
		again := bench{b.Kit, service(back, b.Kit)}
		if got, err := again.Read(ctx, "k"); err != nil || !bytes.Equal(got, body(2, "l", "")) {
			t.Errorf("read %q, %v", got, err)
		}
		if err := again.Write(ctx, "k", "lock", body(3, "l", "")); err != nil || len(stored(t, b.Objects)) != 1 {
			t.Errorf("%v, stored %v", err, stored(t, b.Objects))
		}
		if got, err := inDatabase.Read(ctx, "k"); err != nil || !bytes.Equal(got, body(3, "l", "")) {
			t.Errorf("read %q, %v", got, err)
		}
		err = back.View(t.Context(), func(tx *store.Tx) error {
			got, err := tx.StateBody(t.Context(), first)
			if !bytes.Equal(got, body(1, "l", "")) {
				t.Errorf("the first is %q", got)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestOrphans: a server that ends between the body and its row loses nothing
// that it had acknowledged; what it leaves is cleared away a day later, and
// nothing else is.
func TestOrphans(t *testing.T) {
	inObjects(t, func(t *testing.T, b bench, ctx context.Context, dir string) {
		with := b.Open(t)
		if err := b.Write(ctx, "k", "lock", body(1, "l", "")); err != nil {
			t.Fatal(err)
		}
		if _, err := with.StageState(t.Context(), "k", "no version", body(2, "l", "")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "incoming", "half"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := b.Objects.Put(t.Context(), "account", []byte("me")); err != nil {
			t.Fatal(err)
		}
		sweep := func(want int) {
			t.Helper()
			b.Clock.Advance(0)
			old := b.Clock.Now().Add(-25 * time.Hour)
			for _, name := range stored(t, b.Objects) {
				if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
					t.Fatal(err)
				}
			}
			if n, err := with.SweepObjects(t.Context(), 24*time.Hour); err != nil || n != want {
				t.Errorf("swept %d, want %d: %v", n, want, err)
			}
		}
		young := b.Clock.Now().Add(-23 * time.Hour)
		for _, name := range stored(t, b.Objects) {
			if err := os.Chtimes(filepath.Join(dir, name), young, young); err != nil {
				t.Fatal(err)
			}
		}
		if n, err := with.SweepObjects(t.Context(), 24*time.Hour); err != nil || n != 0 {
			t.Errorf("swept %d of what may be on its way: %v", n, err)
		}
		sweep(2)
		sweep(0)
		if got, err := b.Read(ctx, "k"); err != nil || !bytes.Equal(got, body(1, "l", "")) {
			t.Errorf("read %q, %v", got, err)
		}
	})
}
