package workers

import (
	"context"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Input is what a caller sets of a worker pool.
type Input struct {
	Name          string
	Description   string
	Labels        []string
	Space         domain.SpaceID // empty: root for a new pool, unchanged for an old one
	DriftRunLimit *int
	Request       string // certificate signing request; of a new pool only
}

func (in Input) fill(w *domain.WorkerPool, tx Tx) error {
	w.Name, w.Description, w.Labels, w.DriftRunLimit = in.Name, in.Description, in.Labels, in.DriftRunLimit
	w.UpdatedAt = tx.Now()
	return w.Check()
}

// Create makes a worker pool. Its token is in the answer.
func (s *Service) Create(ctx context.Context, in Input) (v View, err error) {
	if in.Space == "" {
		in.Space = domain.RootSpace
	}
	op := operation("worker_pool.create", authz.ActionWorkerPoolCreate, access.Object{Kind: access.KindWorkerPool, Noun: "space", Space: in.Space})
	err = s.db.Change(ctx, func(tx Tx) error {
		permit, err := s.gate.Permit(ctx, tx, op)
		if err != nil {
			return err
		}
		w := domain.WorkerPool{ID: domain.WorkerPoolID(s.ids.ULID()), Space: in.Space, CreatedAt: tx.Now()}
		if err := in.fill(&w, tx); err != nil {
			return err
		}
		if w.Certificate, err = certify(ctx, tx, permit, w, in.Request); err != nil {
			return err
		}
		token := s.tokens.New()
		v = View{WorkerPool: w, Config: s.config(w, token)}
		return tx.InsertWorkerPool(ctx, permit.About(string(w.ID)), w, token, s.tokens.Hash(token))
	})
	return v, err
}

// Update changes a worker pool. Another space moves it.
func (s *Service) Update(ctx context.Context, id domain.WorkerPoolID, in Input) (v View, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		w, permit, err := s.find(ctx, tx, "worker_pool.update", authz.ActionWorkerPoolUpdate, id)
		if err != nil {
			return err
		}
		if in.Space != "" && in.Space != w.Space {
			if err := s.guardMove(ctx, tx, w, in.Space); err != nil {
				return err
			}
			if permit, err = s.gate.ForetoldMove(ctx, tx, permit, object(w).Entity, w.Space, in.Space); err != nil {
				return err
			}
			w.Space = in.Space
		}
		if err := in.fill(&w, tx); err != nil {
			return err
		}
		v.WorkerPool = w
		if err := tx.UpdateWorkerPool(ctx, permit, w); err != nil {
			return err
		}
		return v.look(ctx, tx)
	})
	return v, err
}

// guardMove checks a move: Space admin at both ends, and every stack that uses
// the pool still reaches it (access model R18, A116).
func (s *Service) guardMove(ctx context.Context, tx Tx, w domain.WorkerPool, to domain.SpaceID) error {
	op := operation("worker_pool.update", authz.ActionSpaceAdmin, object(w))
	op.With = []domain.SpaceID{w.Space, to}
	for _, there := range []access.Object{op.Object, {Kind: access.KindWorkerPool, ID: string(w.ID), Noun: "space", Space: to}} {
		op.Object = there
		p, err := s.gate.Permit(ctx, tx, op)
		if err != nil {
			return err
		}
		tx.Also(p)
	}
	uses, err := tx.UsesOfEntity(ctx, access.KindWorkerPool, string(w.ID))
	if err != nil {
		return err
	}
	reaches := map[domain.SpaceID]bool{}
	for _, u := range uses {
		if _, asked := reaches[u.StackSpace]; asked {
			continue
		}
		path, err := tx.Path(ctx, u.StackSpace)
		if err != nil {
			return err
		}
		reaches[u.StackSpace] = path.Reaches(to)
	}
	lost := slices.DeleteFunc(uses, func(u domain.Use) bool { return reaches[u.StackSpace] })
	return s.gate.KeepUses(ctx, tx, operation("worker_pool.update", authz.ActionWorkerPoolUpdate, object(w)), lost)
}

// Delete removes a worker pool that no stack uses.
func (s *Service) Delete(ctx context.Context, id domain.WorkerPoolID) (v View, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		w, permit, err := s.find(ctx, tx, "worker_pool.delete", authz.ActionWorkerPoolDelete, id)
		if err != nil {
			return err
		}
		uses, err := tx.UsesOfEntity(ctx, access.KindWorkerPool, string(id))
		if err != nil {
			return err
		}
		op := operation("worker_pool.delete", authz.ActionWorkerPoolDelete, object(w))
		if err := s.gate.KeepUses(ctx, tx, op, uses); err != nil {
			return err
		}
		v.WorkerPool = w
		return tx.DeleteWorkerPool(ctx, permit, id)
	})
	return v, err
}

// find returns a worker pool, held until the commit, and the permit to change
// it. One that does not exist is refused like one that is hidden.
func (s *Service) find(ctx context.Context, tx Tx, event string, action authz.Action, id domain.WorkerPoolID) (domain.WorkerPool, access.Permit, error) {
	w, err := tx.LockWorkerPool(ctx, id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return w, access.Permit{}, s.gate.Missing(ctx, tx, operation(event, action, object(domain.WorkerPool{ID: id})))
	}
	if err != nil {
		return w, access.Permit{}, err
	}
	permit, err := s.gate.Permit(ctx, tx, operation(event, action, object(w)))
	return w, permit, err
}
