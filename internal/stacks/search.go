package stacks

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// Page is a part of what a search finds.
type Page struct {
	Hits []domain.StackHit
	More bool // there are further ones
}

// Search returns a page of the stacks that List would return and that a
// search finds, so that nothing can be guessed by searching.
func (s *Service) Search(ctx context.Context, q domain.StackSearch) (p Page, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		scope, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityStack)
		if err != nil {
			return err
		}
		if q.By, err = starrer(ctx, tx); err != nil {
			return err
		}
		p.Hits, err = tx.SearchStacks(ctx, scope, q)
		if p.More = len(p.Hits) > q.Size; p.More {
			p.Hits = p.Hits[:q.Size]
		}
		return err
	})
	return p, err
}
