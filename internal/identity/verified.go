package identity

import (
	"crypto/sha256"
	"sync"
)

// verifiedTokens is how many tokens are remembered at least; twice as many at
// most.
const verifiedTokens = 8192

// verified remembers what tokens with a good signature say, so that a client's
// thousandth request does not cost a thousandth verification. Only the
// signature is remembered: times are checked, and whether the key lives and
// the run goes on is found out, each time. Tokens themselves are not kept.
type verified struct {
	mu sync.Mutex
	// What was used lately is in young; when that is full it becomes old, and
	// what was old is forgotten.
	young, old map[[sha256.Size]byte]claims
}

func (v *verified) get(token string) (c claims, key [sha256.Size]byte, ok bool) {
	key = sha256.Sum256([]byte(token))
	v.mu.Lock()
	defer v.mu.Unlock()
	if c, ok = v.young[key]; ok {
		return c, key, true
	}
	if c, ok = v.old[key]; ok {
		v.keep(key, c)
	}
	return c, key, ok
}

func (v *verified) put(key [sha256.Size]byte, c claims) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keep(key, c)
}

// keep is called with v.mu held.
func (v *verified) keep(key [sha256.Size]byte, c claims) {
	if v.young == nil || len(v.young) >= verifiedTokens {
		v.old, v.young = v.young, make(map[[sha256.Size]byte]claims)
	}
	v.young[key] = c
}
