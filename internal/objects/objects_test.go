package objects_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/objects"
	"github.com/airlock-project/airlock/internal/objects/s3test"
)

// each runs a test on every kind of storage: the directory, and S3 as a real
// server speaks it. The server is a program of its own, which tools/s3 pins.
func each(t *testing.T, test func(t *testing.T, open func() objects.Storage)) {
	t.Helper()
	t.Run("file", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "objects")
		test(t, func() objects.Storage { return opened(t, "file:"+dir) })
	})
	t.Run("s3", func(t *testing.T) {
		endpoint, _ := s3test.Start(t)
		test(t, func() objects.Storage {
			return opened(t, "s3://airlock/below/here?region=us-east-1&endpoint="+endpoint)
		})
	})
}

func opened(t *testing.T, setting string) objects.Storage {
	t.Helper()
	s, err := objects.Open(setting)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func names(t *testing.T, s objects.Storage) (out []string) {
	t.Helper()
	err := s.Each(t.Context(), func(name string, written time.Time) error {
		if age := time.Since(written); age < -time.Minute || age > time.Minute {
			t.Errorf("%s was written %s ago", name, age)
		}
		out = append(out, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func TestStorage(t *testing.T) {
	each(t, func(t *testing.T, open func() objects.Storage) {
		s, ctx := open(), t.Context()
		bodies := map[string][]byte{"states/01A": []byte("one"), "states/01B": {}, "logs/01C": bytes.Repeat([]byte{0, 255, 'x'}, 3<<20), "account": []byte("me")}
		for name, body := range bodies {
			if err := s.Put(ctx, name, body); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		s = open() // another server
		for name, want := range bodies {
			if got, err := s.Get(ctx, name); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
		}
		if got := names(t, s); !slices.Equal(got, []string{"account", "logs/01C", "states/01A", "states/01B"}) {
			t.Errorf("there are %v", got)
		}
		if err := s.Put(ctx, "states/01A", []byte("two")); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(ctx, "states/01A"); err != nil || string(got) != "two" {
			t.Errorf("replaced: %q, %v", got, err)
		}
		for range 2 {
			if err := s.Delete(ctx, "states/01A"); err != nil {
				t.Error(err)
			}
		}
		for _, name := range []string{"states/01A", "other/01A", "states/nothing"} {
			if _, err := s.Get(ctx, name); !errors.Is(err, objects.ErrMissing) {
				t.Errorf("%s: %v, want that it is missing", name, err)
			}
		}
		for _, name := range []string{"", ".", "/etc/passwd", "../x", "a/../../x", "a/b/c"} {
			if err := s.Put(ctx, name, nil); err == nil {
				t.Errorf("%q was taken for a name", name)
			}
		}
		if err := s.Each(ctx, func(string, time.Time) error { return io.ErrUnexpectedEOF }); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("each: %v", err)
		}
	})
}

func TestOpenRefusesBadSettings(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]string{
		"": "must be", "ftp://x": "must be", "file:relative": "absolute", "s3://": "names a bucket", "s3://user:secret@bucket": "must not contain credentials",
		"s3://bucket?region=x&color=red": `no parameter "color"`, "s3://bucket?endpoint=host": "endpoint must be", "s3://bucket?endpoint=https://h/path": "endpoint must be",
		"s3://bucket?endpoint=https://u:secret@h": "endpoint must be",
	} {
		err := objects.Check(setting)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, want %q", setting, err, want)
		}
		if _, opened := objects.Open(setting); fmt.Sprint(opened) != fmt.Sprint(err) {
			t.Errorf("%q: checked %v, opened %v", setting, err, opened)
		}
	}
}

// TestUnreachable: who needs a storage that is away is told so, at once after
// some tries, and it is used again when it is back.
func TestUnreachable(t *testing.T) {
	endpoint, stop := s3test.Start(t)
	g := objects.NewGuard(opened(t, "s3://airlock/x?region=us-east-1&endpoint="+endpoint), nil)
	if err := g.Claim(t.Context(), "me"); err != nil {
		t.Fatal(err)
	}
	if err := g.Put(t.Context(), "states/01A", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Get(t.Context(), "states/01B"); !errors.Is(err, objects.ErrMissing) || g.Health() != nil {
		t.Errorf("missing: %v, health %v", err, g.Health())
	}
	stop()
	for i := range 4 {
		began := time.Now()
		err := g.Put(t.Context(), "states/01C", []byte("x"))
		if domain.ErrorCode(err) != domain.CodeUnavailable {
			t.Errorf("try %d: %v", i, err)
		}
		if i == 3 && time.Since(began) > 100*time.Millisecond {
			t.Errorf("it took %s to say what is known", time.Since(began))
		}
	}
	if g.Health() == nil {
		t.Error("it is away, and nobody knows")
	}
}

// broken is a storage that is away while it is told to be.
type broken struct {
	objects.Storage
	mu   sync.Mutex
	away error
}

func (b *broken) set(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = err
}

func (b *broken) Get(ctx context.Context, name string) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away != nil {
		return nil, b.away
	}
	return b.Storage.Get(ctx, name)
}

func TestOneFailureIsNoOutage(t *testing.T) {
	t.Parallel()
	b := &broken{Storage: opened(t, "file:"+t.TempDir())}
	g := objects.NewGuard(b, nil)
	if err := g.Put(t.Context(), "states/01A", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		b.set(io.ErrUnexpectedEOF)
		for range 2 {
			if _, err := g.Get(t.Context(), "states/01A"); domain.ErrorCode(err) != domain.CodeUnavailable || g.Health() != nil {
				t.Errorf("%v, health %v", err, g.Health())
			}
		}
		b.set(nil)
		if _, err := g.Get(t.Context(), "states/01A"); err != nil {
			t.Error(err)
		}
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for range 5 {
		if _, err := g.Get(canceled, "states/01A"); err == nil {
			t.Error("nobody waits any more")
		}
	}
	if g.Health() != nil {
		t.Errorf("those who hang up are no failure of the storage: %v", g.Health())
	}
}

// TestOldStorage: what was kept elsewhere before is found, and stays there.
func TestOldStorage(t *testing.T) {
	t.Parallel()
	old, now := opened(t, "file:"+t.TempDir()), opened(t, "file:"+t.TempDir())
	if err := errors.Join(old.Put(t.Context(), "states/01A", []byte("old")), old.Put(t.Context(), "states/01B", []byte("old"))); err != nil {
		t.Fatal(err)
	}
	g := objects.NewGuard(now, old)
	if err := g.Put(t.Context(), "states/01B", []byte("new")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"states/01A": "old", "states/01B": "new"} {
		if got, err := g.Get(t.Context(), name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if err := g.Delete(t.Context(), "states/01A"); err != nil {
		t.Fatal(err)
	}
	if _, err := old.Get(t.Context(), "states/01A"); err != nil {
		t.Errorf("the old storage was changed: %v", err)
	}
}

// TestOneAccountAStorage: two databases in one storage would clear away what
// the other one needs.
func TestOneAccountAStorage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := objects.NewGuard(opened(t, "file:"+dir), nil)
	for range 2 {
		if err := g.Claim(t.Context(), "one"); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Claim(t.Context(), "two"); err == nil || !strings.Contains(err.Error(), "belongs to another account") {
		t.Errorf("err = %v", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := g.Claim(t.Context(), "one"); err == nil {
		t.Error("a directory that is gone was claimed")
	}
	if _, err := g.Get(t.Context(), "states/01A"); errors.Is(err, objects.ErrMissing) {
		t.Error("a directory that is gone is no missing object")
	}
}

// TestWrongCredentials: the server does not start with them, and says why.
func TestWrongCredentials(t *testing.T) {
	endpoint, _ := s3test.Start(t)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not the password")
	err := objects.NewGuard(opened(t, "s3://airlock/x?region=us-east-1&endpoint="+endpoint), nil).Claim(t.Context(), "me")
	if err == nil || !strings.Contains(err.Error(), "s3://airlock/x") || strings.Contains(err.Error(), "not the password") {
		t.Errorf("err = %v", err)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.Secret)
	err = objects.NewGuard(opened(t, "s3://nowhere/x?region=us-east-1&endpoint="+endpoint), nil).Claim(t.Context(), "me")
	if err == nil || !strings.Contains(err.Error(), "s3://nowhere/x") {
		t.Errorf("err = %v", err)
	}
}
