package workers

import (
	"cmp"
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// ToolVersions says of each stack of a list which version of its tool its next
// run would use, by the workers that are there and take runs. A stack is missing
// where there are none, or where it depends on which of them takes the run. The
// caller sees the stacks.
func (s *Service) ToolVersions(ctx context.Context, list []domain.Stack) (out map[domain.StackID]string, err error) {
	var pools []domain.WorkerPoolID
	for _, st := range list {
		pools = append(pools, cmp.Or(st.WorkerPool, domain.DefaultWorkerPool))
	}
	out = map[domain.StackID]string{}
	err = s.db.View(ctx, func(tx Tx) error {
		all, err := tx.Workers(ctx, pools)
		if err != nil {
			return err
		}
		taking := map[domain.WorkerPoolID][]domain.Worker{}
		for _, w := range all {
			if !w.Drained && !w.Leaving {
				taking[w.Pool] = append(taking[w.Pool], w)
			}
		}
		for i, st := range list {
			var used []string
			for _, w := range taking[pools[i]] {
				if v := w.ToolVersion(st.Vendor); v != "" {
					used = append(used, v)
				}
			}
			if used = domain.SortVersions(used); len(used) == 1 {
				out[st.ID] = used[0]
			}
		}
		return nil
	})
	return out, err
}

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
