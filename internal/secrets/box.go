package secrets

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"sync/atomic"
)

// boxVersion is the first byte of every sealed record.
const boxVersion = 1

// A sealed record is
//
//	version (1) | id of the key-encryption key (8) | wrapped data key (60) | nonce (12) | ciphertext | tag (16)
//
// where the wrapped data key is nonce (12), ciphertext (32) and tag (16).
const (
	wrappedAt = 1 + len(KeyID{})
	gcmExtra  = 12 + 16
	bodyAt    = wrappedAt + KeySize + gcmExtra
	minSealed = bodyAt + gcmExtra
)

// ErrSealed says that a sealed record cannot be opened: it was changed, cut
// short, or belongs to another record. Which of these cannot be known.
var ErrSealed = errors.New("sealed record is damaged or belongs to another record")

// Box seals and opens records under key-encryption keys (AES-256-GCM, a random
// data key for each record). It is safe for concurrent use.
type Box struct{ ring atomic.Pointer[ring] }

// ring is a set of keys; it does not change.
type ring struct {
	current KeyID
	keys    map[KeyID]cipher.AEAD
}

// NewBox returns a box that seals under current and also opens what older
// keys sealed.
func NewBox(current Key, older ...Key) *Box {
	b := &Box{}
	b.Use(current, older...)
	return b
}

// Use replaces the keys, for whatever is sealed or opened from now on.
func (b *Box) Use(current Key, older ...Key) {
	r := &ring{current: current.ID(), keys: map[KeyID]cipher.AEAD{}}
	for _, k := range append(older[:len(older):len(older)], current) {
		r.keys[k.ID()] = newAEAD(k.raw[:])
	}
	b.ring.Store(r)
}

// Has reports whether the box can open what that key has sealed.
func (b *Box) Has(id KeyID) bool {
	_, ok := b.ring.Load().keys[id]
	return ok
}

// newAEAD cannot fail for a key of KeySize bytes.
func newAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, _ := cipher.NewGCMWithRandomNonce(block) // fails only for a block that is not AES
	return aead
}

// Seal encrypts plain. The aad is the record's identity, such as
// "account|state|<stack>|body|3": Open succeeds only under the same one.
func (b *Box) Seal(aad string, plain []byte) ([]byte, error) {
	if aad == "" {
		return nil, errors.New("seal: a record without an identity")
	}
	data := make([]byte, KeySize)
	_, _ = rand.Read(data) // never fails: crypto/rand ends the process instead
	sealed := b.wrap(aad, data, minSealed+len(plain))
	return newAEAD(data).Seal(sealed, nil, plain, bodyAAD(aad)), nil
}

// Open decrypts what Seal returned for the same aad. The error is ErrSealed
// for any damage, or names the key that is missing.
func (b *Box) Open(aad string, sealed []byte) ([]byte, error) {
	if len(sealed) < minSealed {
		return nil, ErrSealed
	}
	data, err := b.unwrap(aad, sealed)
	if err != nil {
		return nil, err
	}
	plain, err := newAEAD(data).Open(nil, nil, sealed[bodyAt:], bodyAAD(aad))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// Rewrap returns the head of a record, its first HeadSize bytes, with its data
// key wrapped under the box's current key. The rest stays as it is.
func (b *Box) Rewrap(aad string, head []byte) ([]byte, error) {
	if len(head) != bodyAt {
		return nil, ErrSealed
	}
	data, err := b.unwrap(aad, head)
	if err != nil {
		return nil, err
	}
	return b.wrap(aad, data, bodyAt), nil
}

// SealedBy returns the id of the key that a record, or its head, needs.
func SealedBy(sealed []byte) (KeyID, error) {
	if len(sealed) < bodyAt {
		return KeyID{}, ErrSealed
	}
	if sealed[0] != boxVersion {
		return KeyID{}, fmt.Errorf("sealed record has unknown version %d", sealed[0])
	}
	return KeyID(sealed[1:wrappedAt]), nil
}

// HeadSize is how many bytes at the beginning of a sealed record hold its
// wrapped data key. Neither these nor the rest are of use alone.
func (b *Box) HeadSize() int { return bodyAt }

// CurrentKey returns the id of the key that Seal uses.
func (b *Box) CurrentKey() KeyID { return b.ring.Load().current }

// CurrentID is CurrentKey as the header of a record has it.
func (b *Box) CurrentID() []byte {
	id := b.CurrentKey()
	return id[:]
}

func (b *Box) wrap(aad string, data []byte, size int) []byte {
	r := b.ring.Load()
	header := append(make([]byte, 0, size), boxVersion)
	header = append(header, r.current[:]...)
	return r.keys[r.current].Seal(header, nil, data, wrapAAD(header, aad))
}

func (b *Box) unwrap(aad string, sealed []byte) ([]byte, error) {
	id, err := SealedBy(sealed)
	if err != nil {
		return nil, err
	}
	kek, ok := b.ring.Load().keys[id]
	if !ok {
		return nil, fmt.Errorf("sealed record needs key %s, which is not loaded", id)
	}
	data, err := kek.Open(nil, nil, sealed[wrappedAt:bodyAt], wrapAAD(sealed[:wrappedAt], aad))
	if err != nil {
		return nil, ErrSealed
	}
	return data, nil
}

// The two uses of one aad differ by a prefix, so that a wrapped key can never
// pass for a body.
func wrapAAD(header []byte, aad string) []byte {
	return append(append([]byte("airlock key\x00"), header...), aad...)
}

func bodyAAD(aad string) []byte { return append([]byte("airlock body\x00\x01"), aad...) }
