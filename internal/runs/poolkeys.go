package runs

import (
	"context"
	"sync"

	"github.com/airlock-project/airlock/internal/domain"
)

// mostKeys bounds how many tokens are remembered.
const mostKeys = 10_000

// poolKeys remembers what tokens prove, by their hashes. Which pool and which
// generation of its token one is for never changes; whether that generation
// still counts is asked by whatever is done with the key.
type poolKeys struct {
	mu    sync.Mutex
	known map[string]domain.PoolKey
}

func (k *poolKeys) of(hash []byte) (domain.PoolKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.known[string(hash)]
	return key, ok
}

func (k *poolKeys) keep(hash []byte, key domain.PoolKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil || len(k.known) >= mostKeys {
		k.known = map[string]domain.PoolKey{}
	}
	k.known[string(hash)] = key
}

// PoolOfToken returns what a worker proves by a token. The answer may be out of
// date: whatever is done with it must ask whether the key still lives.
func (s *Service) PoolOfToken(ctx context.Context, hash []byte) (key domain.PoolKey, err error) {
	if key, ok := s.keys.of(hash); ok {
		return key, nil
	}
	err = s.db.View(ctx, func(tx Tx) error {
		key, err = tx.WorkerPoolByToken(ctx, hash)
		return err
	})
	if err == nil {
		s.keys.keep(hash, key)
	}
	return key, err
}
