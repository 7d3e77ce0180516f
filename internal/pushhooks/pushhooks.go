// Package pushhooks holds the use cases of push hooks: who may see, create,
// change and delete one, and what follows from a message that came to one and
// was found to be signed. It reads no message of a git host; the pushes package
// does. It starts no runs; it leaves word of a push, and the runs package follows.
package pushhooks

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.Reader
	PushHook(ctx context.Context, id domain.PushHookID) (domain.PushHook, error)
	LockPushHook(ctx context.Context, id domain.PushHookID) (domain.PushHook, error)
	PushHooks(ctx context.Context, scope access.Scope) ([]domain.PushHook, error)
	PushHookSecrets(ctx context.Context, id domain.PushHookID) (domain.PushHookSecrets, error)
	InsertPushHook(ctx context.Context, p access.Permit, h domain.PushHook, s domain.PushHookSecrets) error
	UpdatePushHook(ctx context.Context, p access.Permit, h domain.PushHook) error
	SetPushHookSecrets(ctx context.Context, p access.Permit, h domain.PushHook, s domain.PushHookSecrets) error
	DeletePushHook(ctx context.Context, p access.Permit, id domain.PushHookID) error
	PushDelivered(ctx context.Context, id domain.PushHookID, key string) (bool, error)
	PushesSince(ctx context.Context, id domain.PushHookID, at time.Time) (int, error)
	PushDeliveries(ctx context.Context, id domain.PushHookID, limit int) ([]domain.PushDelivery, error)
	InsertPushDelivery(ctx context.Context, p access.Permit, d domain.PushDelivery) error
	DropPushDeliveries(ctx context.Context, p access.Permit, before time.Time) (int, error)
	InsertPush(ctx context.Context, p access.Permit, push domain.Push) error
}

// Config is what push hooks need to know of the installation.
type Config struct {
	BaseURL string        // where git hosts reach the server
	Secret  func() string // makes a secret that nobody can guess
}

// Service answers and changes push hooks.
type Service struct {
	db     access.Ledger[Tx]
	gate   *access.Gate
	ids    domain.IDSource
	config Config
}

// New returns the use cases of push hooks.
func New(db access.Ledger[Tx], gate *access.Gate, ids domain.IDSource, c Config) *Service {
	return &Service{db: db, gate: gate, ids: ids, config: c}
}

// Path is where messages come in; the id of the hook follows.
const Path = "/push-hooks/"

// URL is the address of a hook.
func (s *Service) URL(id domain.PushHookID) string { return s.config.BaseURL + Path + string(id) }

// Input is what a caller sets of a hook. What is nil stays as it is.
type Input struct {
	Space        domain.SpaceID // of a new one; it never moves
	Kind         domain.PushHookKind
	Name         *string
	Repositories []string
}

// Get returns a hook that the caller may see.
func (s *Service) Get(ctx context.Context, id domain.PushHookID) (h domain.PushHook, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		h, err = s.see(ctx, tx, id)
		return err
	})
	return h, err
}

func (s *Service) see(ctx context.Context, tx Tx, id domain.PushHookID) (domain.PushHook, error) {
	h, err := tx.PushHook(ctx, id)
	if err != nil {
		return h, err
	}
	return h, s.gate.See(ctx, tx, authz.ActionSpaceRead, object(h))
}

// List returns the hooks that the caller may list, oldest first.
func (s *Service) List(ctx context.Context) (out []domain.PushHook, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		scope, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityNone)
		if err == nil {
			out, err = tx.PushHooks(ctx, scope)
		}
		return err
	})
	return out, err
}

// shownDeliveries is how many messages of a hook are shown.
const shownDeliveries = 50

// Deliveries returns what came to a hook lately, newest first.
func (s *Service) Deliveries(ctx context.Context, id domain.PushHookID) (out []domain.PushDelivery, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if _, err := s.see(ctx, tx, id); err != nil {
			return err
		}
		out, err = tx.PushDeliveries(ctx, id, shownDeliveries)
		return err
	})
	return out, err
}

// Create makes a hook and its secret, which is shown this once.
func (s *Service) Create(ctx context.Context, in Input) (h domain.PushHook, secret string, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		o := access.Object{Kind: access.KindPushHook, Noun: "space", Space: in.Space}
		permit, err := s.gate.Permit(ctx, tx, operation("pushHook.create", authz.ActionWebhookCreate, o))
		if err != nil {
			return err
		}
		h = domain.PushHook{ID: domain.PushHookID(s.ids.ULID()), Space: in.Space, Kind: in.Kind, CreatedAt: tx.Now()}
		if err := in.fill(&h, tx); err != nil {
			return err
		}
		secret = s.config.Secret()
		return tx.InsertPushHook(ctx, permit.About(string(h.ID)), h, domain.PushHookSecrets{Current: secret})
	})
	return h, secret, err
}

func (in Input) fill(h *domain.PushHook, tx Tx) error {
	if in.Name != nil {
		h.Name = *in.Name
	}
	if in.Repositories != nil {
		h.Repositories = in.Repositories
	}
	h.UpdatedAt = tx.Now()
	return h.Check()
}

// Update changes what a hook is called and what it may speak of.
func (s *Service) Update(ctx context.Context, id domain.PushHookID, in Input) (h domain.PushHook, err error) {
	err = s.db.Change(ctx, func(tx Tx) (err error) {
		var permit access.Permit
		if h, permit, err = s.find(ctx, tx, "pushHook.update", authz.ActionWebhookUpdate, id); err != nil {
			return err
		}
		if err := in.fill(&h, tx); err != nil {
			return err
		}
		return tx.UpdatePushHook(ctx, permit, h)
	})
	return h, err
}

// Rotate gives a hook a new secret, which is shown this once. The one before
// works for as long as overlap says; one that is older does not any more.
func (s *Service) Rotate(ctx context.Context, id domain.PushHookID, overlap time.Duration) (h domain.PushHook, secret string, err error) {
	err = s.db.Change(ctx, func(tx Tx) (err error) {
		var permit access.Permit
		if h, permit, err = s.find(ctx, tx, "pushHook.rotate", authz.ActionWebhookUpdate, id); err != nil {
			return err
		}
		if overlap < 0 || overlap > domain.MaxSecretOverlap {
			return domain.Invalid("keepPrevious", "must be 0 to %d seconds", int(domain.MaxSecretOverlap.Seconds()))
		}
		old, err := tx.PushHookSecrets(ctx, id)
		if err != nil {
			return err
		}
		secret = s.config.Secret()
		secrets := domain.PushHookSecrets{Current: secret}
		h.PreviousUntil, h.UpdatedAt = time.Time{}, tx.Now()
		if overlap > 0 {
			secrets.Previous, h.PreviousUntil = old.Current, tx.Now().Add(overlap)
		}
		return tx.SetPushHookSecrets(ctx, permit, h, secrets)
	})
	return h, secret, err
}

// Delete removes a hook: what still comes to its address is refused.
func (s *Service) Delete(ctx context.Context, id domain.PushHookID) (h domain.PushHook, err error) {
	err = s.db.Change(ctx, func(tx Tx) (err error) {
		var permit access.Permit
		if h, permit, err = s.find(ctx, tx, "pushHook.delete", authz.ActionWebhookDelete, id); err != nil {
			return err
		}
		return tx.DeletePushHook(ctx, permit, id)
	})
	return h, err
}

func (s *Service) find(ctx context.Context, tx Tx, event string, action authz.Action, id domain.PushHookID) (domain.PushHook, access.Permit, error) {
	h, err := tx.LockPushHook(ctx, id)
	h.ID = id
	op := operation(event, action, object(h))
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return h, access.Permit{}, s.gate.Missing(ctx, tx, op)
	}
	if err != nil {
		return h, access.Permit{}, err
	}
	permit, err := s.gate.Permit(ctx, tx, op)
	return h, permit, err
}

func object(h domain.PushHook) access.Object {
	return access.Object{Kind: access.KindPushHook, ID: string(h.ID), Noun: "push hook", Space: h.Space}
}

func operation(event string, action authz.Action, o access.Object) access.Op {
	return access.Op{Event: event, Action: action, See: authz.ActionSpaceRead, Object: o}
}
