package stacks

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Config returns the stack's own variables and files by id; the values of
// write-only ones are empty (access model A274).
func (s *Service) Config(ctx context.Context, id domain.StackID) (out []domain.Config, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if _, err := s.full(ctx, tx, id); err != nil {
			return err
		}
		out, err = tx.Config(ctx, access.KindStack, string(id))
		for i := range out {
			out[i] = out[i].Shown()
		}
		return err
	})
	return out, err
}

// AddConfig adds or replaces a variable or file of a stack.
func (s *Service) AddConfig(ctx context.Context, id domain.StackID, in domain.Config) (c domain.Config, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		_, permit, err := s.findToInfluence(ctx, tx, "stack_config.add", authz.ActionStackAddConfig, id)
		if err != nil {
			return err
		}
		if c, err = domain.NewConfig(in, tx.Now()); err != nil {
			return err
		}
		return tx.PutConfig(ctx, permit, access.KindStack, string(id), c)
	})
	return c.Shown(), err
}

// DeleteConfig removes a variable or file of a stack.
func (s *Service) DeleteConfig(ctx context.Context, id domain.StackID, element string) (c domain.Config, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		_, permit, err := s.findToInfluence(ctx, tx, "stack_config.delete", authz.ActionStackDeleteConfig, id)
		if err != nil {
			return err
		}
		all, err := tx.Config(ctx, access.KindStack, string(id))
		if err != nil {
			return err
		}
		for _, one := range all {
			if one.ID == element {
				c = one
			}
		}
		return tx.DeleteConfig(ctx, permit, access.KindStack, string(id), element)
	})
	return c.Shown(), err
}
