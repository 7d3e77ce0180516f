package contexts

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Config returns a context's variables and files by id; the values of
// write-only ones are empty (access model A274).
func (s *Service) Config(ctx context.Context, id domain.ContextID) (out []domain.Config, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if _, err := s.see(ctx, tx, id); err != nil {
			return err
		}
		out, err = tx.Config(ctx, access.KindContext, string(id))
		for i := range out {
			out[i] = out[i].Shown()
		}
		return err
	})
	return out, err
}

// AddConfig adds or replaces a variable or file of a context.
func (s *Service) AddConfig(ctx context.Context, id domain.ContextID, in domain.Config) (c domain.Config, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		_, permit, err := s.findToInfluence(ctx, tx, "context_config.add", authz.ActionContextUpdate, id)
		if err != nil {
			return err
		}
		if c, err = domain.NewConfig(in, tx.Now()); err != nil {
			return err
		}
		return tx.PutConfig(ctx, permit, access.KindContext, string(id), c)
	})
	return c.Shown(), err
}

// DeleteConfig removes a variable or file of a context.
func (s *Service) DeleteConfig(ctx context.Context, id domain.ContextID, element string) (c domain.Config, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		_, permit, err := s.findToInfluence(ctx, tx, "context_config.delete", authz.ActionContextUpdate, id)
		if err != nil {
			return err
		}
		all, err := tx.Config(ctx, access.KindContext, string(id))
		if err != nil {
			return err
		}
		for _, one := range all {
			if one.ID == element {
				c = one
			}
		}
		return tx.DeleteConfig(ctx, permit, access.KindContext, string(id), element)
	})
	return c.Shown(), err
}
