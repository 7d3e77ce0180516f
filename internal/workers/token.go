package workers

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// config is what a worker of a pool is started with: where the server is, the
// pool's token and its certificate, as JSON in base64.
func (s *Service) config(w domain.WorkerPool, token string) string {
	texts := map[string]string{"endpoint": s.endpoint, "token": token}
	if w.Certificate != "" { // pools from before there were any keep the config that they had
		texts["pool"], texts["certificate"] = string(w.ID), w.Certificate
	}
	body, _ := json.Marshal(texts) // cannot fail: texts only
	return base64.StdEncoding.EncodeToString(body)
}

// Config returns what workers of a pool are started with, empty for a caller
// who may see the pool and not take it over.
func (s *Service) Config(ctx context.Context, id domain.WorkerPoolID) (out string, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		w, err := tx.WorkerPool(ctx, id)
		if err != nil {
			return err
		}
		ok, err := s.gate.Holds(ctx, tx, authz.ActionWorkerPoolReset, object(w))
		if err != nil || !ok {
			return err
		}
		op := operation("worker_pool.reset", authz.ActionWorkerPoolReset, object(w))
		_, err = s.permitTakeover(ctx, tx, op, access.Permit{})
		if refusal := (*access.Denial)(nil); errors.As(err, &refusal) {
			return nil // he sees the pool, without its token
		}
		if err != nil {
			return err
		}
		token, err := tx.WorkerPoolToken(ctx, id)
		if err == nil {
			out = s.config(w, token)
		}
		return err
	})
	return out, err
}

// permitTakeover decides beyond the action whether the caller may have a pool's
// token: whoever holds it receives the secrets of all its runs and decides what
// they do. So he must be Space admin of every space whose stacks use the pool
// (security path E12), and the act-as rule holds for each of them (rule G2). An
// admin of the pool's own space is one of those of its stacks, too, because they
// lie below it.
func (s *Service) permitTakeover(ctx context.Context, tx Tx, op access.Op, p access.Permit) (access.Permit, error) {
	uses, err := tx.UsesOfEntity(ctx, access.KindWorkerPool, op.Object.ID)
	if err != nil {
		return p, err
	}
	asked := map[domain.SpaceID]bool{}
	for _, u := range uses {
		if asked[u.StackSpace] {
			continue
		}
		asked[u.StackSpace] = true
		held, missing, err := s.gate.Hold(ctx, tx, p, access.Object{Space: u.StackSpace}, authz.ActionSpaceAdmin)
		if err != nil {
			return p, err
		}
		p = held
		if missing != 0 {
			refusal := access.Forbidden(access.Name(ctx), authz.ActionSpaceAdmin, op.Object.Space)
			refusal.Message += ": stacks of other spaces use the worker pool, and its token gives their secrets away"
			op.With = []domain.SpaceID{u.StackSpace}
			return p, s.gate.Refuse(ctx, tx, op, refusal)
		}
	}
	actors, err := tx.ActorsUsing(ctx, access.KindWorkerPool, op.Object.ID)
	if err != nil {
		return p, err
	}
	return s.gate.ActAs(ctx, tx, op, p, actors...)
}

// Reset gives a pool another token. The old one is worth nothing from then on:
// its workers get no more runs, and the runs that they hold are lost. Who does
// not administer all stacks of the pool may not (security case 84).
func (s *Service) Reset(ctx context.Context, id domain.WorkerPoolID, request string) (v View, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		w, permit, err := s.find(ctx, tx, "worker_pool.reset", authz.ActionWorkerPoolReset, id)
		if err != nil {
			return err
		}
		op := operation("worker_pool.reset", authz.ActionWorkerPoolReset, object(w))
		if permit, err = s.permitTakeover(ctx, tx, op, permit); err != nil {
			return err
		}
		w.Generation++
		w.UpdatedAt = tx.Now()
		if w.Certificate, err = certify(ctx, tx, permit, w, request); err != nil {
			return err
		}
		token := s.tokens.New()
		v = View{WorkerPool: w, Config: s.config(w, token)}
		if err := tx.ResetWorkerPool(ctx, permit, w, token, s.tokens.Hash(token)); err != nil {
			return err
		}
		return v.look(ctx, tx)
	})
	return v, err
}
