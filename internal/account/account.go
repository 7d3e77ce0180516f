// Package account creates the account on the first start: its spaces, system
// roles, first admin key and default worker pool. Afterwards it keeps the
// account's settings, and nothing else.
package account

import (
	"context"
	"fmt"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.Reader
	AccountExists(ctx context.Context) (bool, error)
	CreateAccount(ctx context.Context, p access.Permit) error
	InsertSpace(ctx context.Context, p access.Permit, s domain.Space) error
	InsertRole(ctx context.Context, p access.Permit, r domain.Role) error
	InsertAPIKey(ctx context.Context, p access.Permit, k domain.APIKey) error
	InsertBinding(ctx context.Context, p access.Permit, b domain.Binding) error
	InsertDefaultWorkerPool(ctx context.Context, p access.Permit, tokenHash []byte) error
}

// Secrets are what the first start hands over, once.
type Secrets struct {
	AdminKeyID     domain.APIKeyID
	AdminKeySecret string
	PoolToken      string
}

// Create creates the account if there is none. deliver must keep the secrets
// before it returns: the account is committed only after it succeeded, so that
// no account exists whose key nobody has. created is false when the account
// was there already; deliver is then not called.
func Create(ctx context.Context, db access.Transactor[Tx], gate *access.Gate, ids domain.IDSource, deliver func(Secrets) error) (created bool, err error) {
	err = db.ChangeAccess(ctx, func(tx Tx) error {
		exists, err := tx.AccountExists(ctx)
		if err != nil || exists {
			return err
		}
		b := builder{tx: tx, gate: gate, ids: ids}
		secrets, err := b.build(ctx)
		if err != nil {
			return err
		}
		created = true
		return deliver(secrets)
	})
	return created && err == nil, err
}

type builder struct {
	tx   Tx
	gate *access.Gate
	ids  domain.IDSource
}

func (b builder) permit(kind access.Kind) (access.Permit, error) {
	return b.gate.System(access.SystemBootstrap, kind, "")
}

func (b builder) build(ctx context.Context) (Secrets, error) {
	if err := b.spaces(ctx); err != nil {
		return Secrets{}, fmt.Errorf("create spaces: %w", err)
	}
	admin, err := b.roles(ctx)
	if err != nil {
		return Secrets{}, fmt.Errorf("create system roles: %w", err)
	}
	secrets, err := b.key(ctx, admin)
	if err != nil {
		return Secrets{}, fmt.Errorf("create admin key: %w", err)
	}
	secrets.PoolToken = identity.NewSecret()
	p, err := b.permit(access.KindWorkerPool)
	if err != nil {
		return Secrets{}, err
	}
	return secrets, b.tx.InsertDefaultWorkerPool(ctx, p, identity.HashSecret(secrets.PoolToken))
}

func (b builder) spaces(ctx context.Context) error {
	p, err := b.permit(access.KindSpace)
	if err != nil {
		return err
	}
	if err := b.tx.CreateAccount(ctx, p); err != nil {
		return err
	}
	root := domain.Space{ID: domain.RootSpace, Name: "root", Description: "The top of the tree.", CreatedAt: b.tx.Now()}
	if err := b.tx.InsertSpace(ctx, p, root); err != nil {
		return err
	}
	return b.tx.InsertSpace(ctx, p, domain.Space{
		ID: domain.LegacySpace, Parent: domain.RootSpace, Name: "legacy", Inherit: true, CreatedAt: b.tx.Now(),
		Description: "Where stacks go that name no space.",
	})
}

func (b builder) roles(ctx context.Context) (admin domain.RoleID, err error) {
	p, err := b.permit(access.KindRole)
	if err != nil {
		return "", err
	}
	for _, r := range domain.SystemRoles() {
		r.ID, r.CreatedAt = domain.RoleID(b.ids.ULID()), b.tx.Now()
		if r.Slug == domain.RoleSpaceAdmin {
			admin = r.ID
		}
		if err := b.tx.InsertRole(ctx, p, r); err != nil {
			return "", err
		}
	}
	return admin, nil
}

func (b builder) key(ctx context.Context, admin domain.RoleID) (Secrets, error) {
	in := identity.KeyInput{Name: "root admin", Description: "Made on the first start. Replace it by keys of your own, then delete it."}
	key, secret, err := identity.NewKey(domain.APIKeyID(b.ids.ULID()), string(access.SystemBootstrap), in, b.tx.Now())
	if err != nil {
		return Secrets{}, err
	}
	p, err := b.permit(access.KindAPIKey)
	if err != nil {
		return Secrets{}, err
	}
	if err := b.tx.InsertAPIKey(ctx, p, key); err != nil {
		return Secrets{}, err
	}
	return Secrets{AdminKeyID: key.ID, AdminKeySecret: secret}, b.tx.InsertBinding(ctx, p.For(access.KindRoleBinding), domain.Binding{
		ID: domain.BindingID(b.ids.ULID()), Actor: authz.ActorRef{Kind: authz.ActorAPIKey, ID: string(key.ID)},
		Role: admin, Space: domain.RootSpace, CreatedAt: b.tx.Now(), CreatedBy: string(access.SystemBootstrap),
	})
}
