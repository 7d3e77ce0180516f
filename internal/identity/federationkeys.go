package identity

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// How keys follow each other. A key is shown before it signs, so that whoever
// keeps our keys for a day knows it by then, and afterwards for as long.
const (
	federationKeyLife   = 90 * 24 * time.Hour
	federationKeyNotice = 24 * time.Hour
	federationKeyBits   = 2048
)

// federationTx is what the keys of federation tokens need of a transaction.
type federationTx interface {
	// FederationKeys returns the keys, the one that signs last first.
	FederationKeys(ctx context.Context) ([]domain.FederationKey, error)
	InsertFederationKey(ctx context.Context, p access.Permit, k domain.FederationKey) error
	DeleteFederationKey(ctx context.Context, p access.Permit, id string) error
}

// signing returns the key of an ordered list that signs now. When the clock was
// set back before the first key's time, that one signs all the same.
func signing(keys []domain.FederationKey, now time.Time) (key domain.FederationKey) {
	for _, key = range keys {
		if !key.SignsFrom.After(now) {
			break
		}
	}
	return key
}

// shown reports whether others still need the i-th key of an ordered list: it
// signs, will sign, or what it has signed may still be good.
func shown(keys []domain.FederationKey, i int, now time.Time) bool {
	return i == 0 || now.Before(keys[i-1].SignsFrom.Add(FederationTTL+federationKeyNotice))
}

// federationKeys reads the keys, and makes the first one.
func (s *Service) federationKeys(ctx context.Context) ([]domain.FederationKey, error) {
	read := func() (keys []domain.FederationKey, err error) {
		err = s.db.View(ctx, func(tx Tx) error {
			keys, err = tx.FederationKeys(ctx)
			return err
		})
		return keys, err
	}
	keys, err := read()
	if err != nil || len(keys) > 0 {
		return keys, err
	}
	if err := s.RotateFederationKeys(ctx); err != nil {
		return nil, err
	}
	return read()
}

func (s *Service) federationSigner(ctx context.Context) (key domain.FederationKey, err error) {
	keys, err := s.federationKeys(ctx)
	if err != nil {
		return key, err
	}
	if len(keys) == 0 { // somebody has removed them by hand
		return key, domain.Unavailable("the keys of federation tokens", nil)
	}
	return signing(keys, s.now()), nil
}

// FederationKeySet returns the public keys that verify federation tokens.
func (s *Service) FederationKeySet(ctx context.Context) (set jose.JSONWebKeySet, err error) {
	keys, err := s.federationKeys(ctx)
	if err != nil {
		return set, err
	}
	for i, k := range keys {
		if !shown(keys, i, s.now()) {
			continue
		}
		private, err := s.federation.private(k)
		if err != nil {
			return set, err
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &private.PublicKey, KeyID: k.ID, Algorithm: string(jose.RS256), Use: "sig"})
	}
	return set, nil
}

// RotateFederationKeys makes the first key, and the next one a day before it is
// to sign, and removes those that nobody needs any more. It is called again and
// again; with nothing to do it only reads.
func (s *Service) RotateFederationKeys(ctx context.Context) error {
	var keys []domain.FederationKey
	err := s.db.View(ctx, func(tx Tx) (err error) {
		keys, err = tx.FederationKeys(ctx)
		return err
	})
	now := s.now()
	if err != nil || !s.rotationDue(keys, now) {
		return err
	}
	fresh, err := newFederationKey(s.ids.ULID(), now) // outside of the transaction: it takes its time
	if err != nil {
		return err
	}
	// Alone, so that of several servers only one makes a key.
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		keys, err := tx.FederationKeys(ctx)
		if err != nil {
			return err
		}
		return s.rotate(ctx, tx, keys, fresh)
	})
	if err != nil {
		return fmt.Errorf("rotate the keys of federation tokens: %w", err)
	}
	return nil
}

// nextFrom says from when another key is to sign, if one is to be made now.
func (s *Service) nextFrom(keys []domain.FederationKey, now time.Time) (from time.Time, due bool) {
	if len(keys) == 0 {
		return now, true
	}
	end := keys[0].SignsFrom.Add(s.federation.life)
	if now.Before(end.Add(-federationKeyNotice)) {
		return from, false
	}
	if soonest := now.Add(federationKeyNotice); end.Before(soonest) {
		return soonest, true
	}
	return end, true
}

func (s *Service) rotationDue(keys []domain.FederationKey, now time.Time) bool {
	for i := range keys {
		if !shown(keys, i, now) {
			return true
		}
	}
	_, due := s.nextFrom(keys, now)
	return due
}

func (s *Service) rotate(ctx context.Context, tx Tx, keys []domain.FederationKey, fresh domain.FederationKey) error {
	permit := func(event, id, why string) (access.Permit, error) {
		op := access.Op{Event: event, Object: access.Object{Kind: access.KindAccount, ID: id}}
		return s.gate.SystemOp(ctx, tx, access.SystemKeyRotation, op, why)
	}
	for i, k := range keys {
		if shown(keys, i, fresh.CreatedAt) {
			continue
		}
		p, err := permit("federation_key.delete", k.ID, "nothing that it has signed is good any more")
		if err == nil {
			err = tx.DeleteFederationKey(ctx, p, k.ID)
		}
		if err != nil {
			return err
		}
	}
	from, due := s.nextFrom(keys, fresh.CreatedAt)
	if !due {
		return nil
	}
	fresh.SignsFrom = from
	p, err := permit("federation_key.create", fresh.ID, "it signs from "+from.UTC().Format(time.RFC3339))
	if err != nil {
		return err
	}
	return tx.InsertFederationKey(ctx, p, fresh)
}

func newFederationKey(id string, now time.Time) (domain.FederationKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, federationKeyBits)
	if err != nil {
		return domain.FederationKey{}, fmt.Errorf("make a federation key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return domain.FederationKey{}, fmt.Errorf("make a federation key: %w", err)
	}
	return domain.FederationKey{ID: id, Private: der, CreatedAt: now}, nil
}
