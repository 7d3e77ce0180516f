package account

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// SettingsTx is what the settings use of a transaction.
type SettingsTx interface {
	access.Reader
	AccountSettings(ctx context.Context) (domain.AccountSettings, error)
	UpdateAccountSettings(ctx context.Context, p access.Permit, s domain.AccountSettings) error
}

// Settings answers and changes the settings of the account.
type Settings struct {
	db   access.Transactor[SettingsTx]
	gate *access.Gate
}

// NewSettings returns the use cases of the account's settings.
func NewSettings(db access.Transactor[SettingsTx], gate *access.Gate) *Settings {
	return &Settings{db: db, gate: gate}
}

// SettingsInput names what to change; what is nil stays.
type SettingsInput struct {
	DelegateSpaceManagement *bool
	StackActAs              *domain.ActAsMode
	SecurityEmail           *string
	// Images of containers for stacks that name none; empty for none.
	PrivateRunnerImage, PublicRunnerImage *string
}

// Get returns the settings to whoever may view the account (access model A78).
func (s *Settings) Get(ctx context.Context) (out domain.AccountSettings, err error) {
	err = s.db.View(ctx, func(tx SettingsTx) error {
		if err := s.gate.AccountView(ctx, tx); err != nil {
			return err
		}
		out, err = tx.AccountSettings(ctx)
		return err
	})
	return out, err
}

// Update changes the settings. Only admins of root may (A108), and no run's
// token: the settings are what holds runs back.
func (s *Settings) Update(ctx context.Context, in SettingsInput) (out domain.AccountSettings, err error) {
	op := access.Op{Event: "account.update_settings", Object: access.Object{Kind: access.KindAccount, ID: "account", Noun: "account"}}
	err = s.db.ChangeAccess(ctx, func(tx SettingsTx) error {
		permit, err := s.gate.Account(ctx, tx, op)
		if err != nil {
			return err
		}
		if out, err = tx.AccountSettings(ctx); err != nil {
			return err
		}
		if in.DelegateSpaceManagement != nil {
			out.DelegateSpaceManagement = *in.DelegateSpaceManagement
		}
		if in.StackActAs != nil {
			out.StackActAs = *in.StackActAs
		}
		if in.SecurityEmail != nil {
			out.SecurityEmail = *in.SecurityEmail
		}
		if in.PrivateRunnerImage != nil {
			out.PrivateRunnerImage = *in.PrivateRunnerImage
		}
		if in.PublicRunnerImage != nil {
			out.PublicRunnerImage = *in.PublicRunnerImage
		}
		if err := out.Check(); err != nil {
			return err
		}
		return tx.UpdateAccountSettings(ctx, permit, out)
	})
	return out, err
}
