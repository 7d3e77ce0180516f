package secrets

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

const record = "account|state|net|body|3"

func seal(t *testing.T, b *Box, plain string) []byte {
	t.Helper()
	sealed, err := b.Seal(record, []byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealAndOpen(t *testing.T) {
	b := NewBox(NewKey())
	for _, plain := range []string{"", "x", strings.Repeat("long", 10_000)} {
		sealed := seal(t, b, plain)
		got, err := b.Open(record, sealed)
		if err != nil || string(got) != plain {
			t.Errorf("open: %v, %d bytes", err, len(got))
		}
		if len(plain) > 10 && bytes.Contains(sealed, []byte("longlong")) {
			t.Error("the plain text shows")
		}
		if bytes.Equal(sealed, seal(t, b, plain)) {
			t.Error("two seals are equal")
		}
	}
	if _, err := b.Seal("", nil); err == nil {
		t.Error("sealed without an identity")
	}
}

func TestOpenRefusesDamage(t *testing.T) {
	b := NewBox(NewKey())
	sealed := seal(t, b, "plain")
	for i := range sealed {
		for bit := range 8 {
			damaged := bytes.Clone(sealed)
			damaged[i] ^= 1 << bit
			if _, err := b.Open(record, damaged); err == nil {
				t.Fatalf("bit %d of byte %d was flipped and nobody noticed", bit, i)
			} else if i >= wrappedAt && !errors.Is(err, ErrSealed) {
				t.Fatalf("byte %d: %v", i, err)
			}
		}
		if _, err := b.Open(record, sealed[:i]); !errors.Is(err, ErrSealed) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
	for _, other := range []string{"", "account|state|net|body|4", record + "\x00"} {
		if _, err := b.Open(other, sealed); !errors.Is(err, ErrSealed) {
			t.Errorf("opened as %q: %v", other, err)
		}
	}
	if _, err := NewBox(NewKey()).Open(record, sealed); err == nil || !strings.Contains(err.Error(), "not loaded") {
		t.Errorf("wrong key: %v", err)
	}
	sealed[0] = 9
	if _, err := b.Open(record, sealed); err == nil || !strings.Contains(err.Error(), "unknown version 9") {
		t.Errorf("version: %v", err)
	}
}

func TestPartsOfTwoRecordsDoNotMix(t *testing.T) {
	b := NewBox(NewKey())
	one, two := seal(t, b, "aaaaa"), seal(t, b, "bbbbb")
	mixed := append(bytes.Clone(one[:bodyAt]), two[bodyAt:]...)
	if _, err := b.Open(record, mixed); !errors.Is(err, ErrSealed) {
		t.Errorf("err = %v", err)
	}
}

func TestRewrap(t *testing.T) {
	old, next := NewKey(), NewKey()
	sealed := seal(t, NewBox(old), "plain")
	both := NewBox(next, old)
	if both.CurrentKey() != next.ID() {
		t.Error("the current key is not the new one")
	}
	head, err := both.Rewrap(record, sealed[:both.HeadSize()])
	if err != nil {
		t.Fatal(err)
	}
	moved := append(head, sealed[both.HeadSize():]...)
	if id, err := SealedBy(moved); err != nil || id != next.ID() {
		t.Errorf("sealed by %v, %v", id, err)
	}
	if got, err := NewBox(next).Open(record, moved); err != nil || string(got) != "plain" {
		t.Errorf("open with the new key alone: %q, %v", got, err)
	}
	if _, err := both.Rewrap("another", sealed[:both.HeadSize()]); !errors.Is(err, ErrSealed) {
		t.Errorf("rewrap of another record: %v", err)
	}
}

func TestAEADNeedsAKey(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a short key was taken")
		}
	}()
	newAEAD([]byte("short"))
}

func FuzzOpen(f *testing.F) {
	b := NewBox(NewKey())
	sealed, _ := b.Seal(record, []byte("plain"))
	f.Add(sealed)
	f.Fuzz(func(t *testing.T, body []byte) {
		plain, err := b.Open(record, body)
		if err == nil && !bytes.Equal(body, sealed) {
			t.Fatalf("opened a forgery: %q", plain)
		}
	})
}
