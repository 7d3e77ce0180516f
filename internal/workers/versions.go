package workers

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// Versions returns the versions of a tool, newest first, that there are now:
// those of the built-in pool's workers, and of those in pools that the caller may
// list.
func (s *Service) Versions(ctx context.Context, tool domain.Tool) (out []string, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		scope, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityWorkerPool)
		if err != nil {
			return err
		}
		pools, err := tx.WorkerPools(ctx, scope)
		if err != nil {
			return err
		}
		ids := []domain.WorkerPoolID{domain.DefaultWorkerPool}
		for _, p := range pools {
			ids = append(ids, p.ID)
		}
		list, err := tx.Workers(ctx, ids)
		if err != nil {
			return err
		}
		var all []string
		for _, w := range list {
			all = append(all, w.Versions(tool)...)
		}
		out = domain.SortVersions(all)
		return nil
	})
	return out, err
}
