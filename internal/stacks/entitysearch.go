package stacks

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// EntityPage is a part of what a search for entities finds.
type EntityPage struct {
	Hits []domain.EntityHit
	More bool // there are further ones
}

// SearchEntities returns a page of what the states of those stacks hold that the
// caller may list. No values are told: Entities of one stack does.
func (s *Service) SearchEntities(ctx context.Context, q domain.EntitySearch) (p EntityPage, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		scope, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityStack)
		if err != nil {
			return err
		}
		p.Hits, err = tx.SearchEntities(ctx, scope, q)
		if p.More = len(p.Hits) > q.Size; p.More {
			p.Hits = p.Hits[:q.Size]
		}
		return err
	})
	return p, err
}

// CountEntities counts what SearchEntities would find, by a field.
func (s *Service) CountEntities(ctx context.Context, q domain.EntitySearch, by domain.EntityField) (out []domain.EntityGroup, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		scope, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityStack)
		if err != nil {
			return err
		}
		out, err = tx.CountEntities(ctx, scope, q, by)
		return err
	})
	return out, err
}
