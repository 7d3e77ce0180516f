// Package workers holds the use cases of worker pools: who may see, create,
// change, move and delete one, and who gets its token. It executes nothing and
// gives no run away; the runs package does, to whoever proves a pool's token.
package workers

import (
	"context"
	"slices"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.ActAsReader
	access.Namer
	Path(ctx context.Context, id domain.SpaceID) (domain.Path, error)
	WorkerPool(ctx context.Context, id domain.WorkerPoolID) (domain.WorkerPool, error)
	LockWorkerPool(ctx context.Context, id domain.WorkerPoolID) (domain.WorkerPool, error)
	WorkerPools(ctx context.Context, scope access.Scope) ([]domain.WorkerPool, error)
	WorkerPoolToken(ctx context.Context, id domain.WorkerPoolID) (string, error)
	PoolLoads(ctx context.Context) (map[domain.WorkerPoolID]domain.PoolLoad, error)
	UsesOfEntity(ctx context.Context, kind access.Kind, id string) ([]domain.Use, error)
	ActorsUsing(ctx context.Context, kind access.Kind, id string) ([]domain.StackActor, error)
	InsertWorkerPool(ctx context.Context, p access.Permit, w domain.WorkerPool, token string, hash []byte) error
	UpdateWorkerPool(ctx context.Context, p access.Permit, w domain.WorkerPool) error
	ResetWorkerPool(ctx context.Context, p access.Permit, w domain.WorkerPool, token string, hash []byte) error
	DeleteWorkerPool(ctx context.Context, p access.Permit, id domain.WorkerPoolID) error
	CycleWorkerPool(ctx context.Context, p access.Permit, id domain.WorkerPoolID) error
	WorkerAuthority(ctx context.Context) (certificate string, key []byte, err error)
	InsertWorkerAuthority(ctx context.Context, p access.Permit, certificate string, key []byte) error
	PoolUsers(ctx context.Context, scope access.Scope, pool domain.WorkerPoolID) (int, error)

	Worker(ctx context.Context, pool domain.WorkerPoolID, id string) (domain.Worker, error)
	Workers(ctx context.Context, pools []domain.WorkerPoolID) ([]domain.Worker, error)
	LostWorkers(ctx context.Context) ([]domain.Worker, error)
	PoolKeyLives(ctx context.Context, k domain.PoolKey) (bool, error)
	WorkerCycled(ctx context.Context, pool domain.WorkerPoolID, id string) (bool, error)
	RegisterWorker(ctx context.Context, p access.Permit, w domain.Worker) error
	SawWorker(ctx context.Context, p access.Permit, pool domain.WorkerPoolID, id string, at time.Time) error
	SetWorkerDrained(ctx context.Context, p access.Permit, w domain.Worker) error
	WorkerLeaves(ctx context.Context, p access.Permit, pool domain.WorkerPoolID, id string) error
	DropWorkers(ctx context.Context, p access.Permit, gone []domain.Worker) error
	Also(p access.Permit)
}

// Tokens makes the tokens of pools and what is kept to recognise them.
type Tokens struct {
	New  func() string
	Hash func(token string) []byte
}

// Service answers and changes worker pools.
type Service struct {
	db       access.Transactor[Tx]
	gate     *access.Gate
	ids      domain.IDSource
	tokens   Tokens
	endpoint string
	seen     sightings
}

// New returns the use cases of worker pools. endpoint is where their workers
// reach the server.
func New(db access.Transactor[Tx], gate *access.Gate, ids domain.IDSource, tokens Tokens, endpoint string) *Service {
	return &Service{db: db, gate: gate, ids: ids, tokens: tokens, endpoint: endpoint}
}

// View is a worker pool with what it has to do.
type View struct {
	domain.WorkerPool
	Load    domain.PoolLoad
	Workers []domain.Worker // oldest first
	// Config is set in the answer to whoever made the token: of a creation and
	// of a reset.
	Config string
}

// Get returns a worker pool that the caller may see (access model A87).
func (s *Service) Get(ctx context.Context, id domain.WorkerPoolID) (v View, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if v.WorkerPool, err = tx.WorkerPool(ctx, id); err != nil {
			return err
		}
		if err := s.gate.See(ctx, tx, authz.ActionSpaceRead, object(v.WorkerPool)); err != nil {
			return err
		}
		return v.look(ctx, tx)
	})
	return v, err
}

// look adds what the pool has to do, and who does it.
func (v *View) look(ctx context.Context, tx Tx) error {
	loads, err := tx.PoolLoads(ctx)
	if err != nil {
		return err
	}
	v.Load = loads[v.ID]
	v.Workers, err = tx.Workers(ctx, []domain.WorkerPoolID{v.ID})
	return err
}

// List returns the worker pools that the caller may list, oldest first.
func (s *Service) List(ctx context.Context) ([]View, error) {
	return s.list(ctx, func(domain.WorkerPool) bool { return true }, nil)
}

// Attachable returns those of them that stacks of a space may use (access
// model A114).
func (s *Service) Attachable(ctx context.Context, space domain.SpaceID) ([]View, error) {
	var path domain.Path
	see := func(tx Tx) (err error) {
		if err := s.gate.See(ctx, tx, authz.ActionSpaceRead, access.Object{Noun: "space", Space: space}); err != nil {
			return err
		}
		path, err = tx.Path(ctx, space)
		return err
	}
	return s.list(ctx, func(w domain.WorkerPool) bool { return path.Reaches(w.Space) }, see)
}

func (s *Service) list(ctx context.Context, keep func(domain.WorkerPool) bool, first func(Tx) error) (out []View, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if first != nil {
			if err := first(tx); err != nil {
				return err
			}
		}
		scope, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityWorkerPool)
		if err != nil {
			return err
		}
		pools, err := tx.WorkerPools(ctx, scope)
		if err != nil {
			return err
		}
		pools = slices.DeleteFunc(pools, func(w domain.WorkerPool) bool { return !keep(w) })
		out, err = views(ctx, tx, pools)
		return err
	})
	return out, err
}

// views adds to pools what they have to do, and who does it.
func views(ctx context.Context, tx Tx, pools []domain.WorkerPool) ([]View, error) {
	loads, err := tx.PoolLoads(ctx)
	if err != nil {
		return nil, err
	}
	out, ids, at := make([]View, len(pools)), make([]domain.WorkerPoolID, len(pools)), map[domain.WorkerPoolID]int{}
	for i, w := range pools {
		out[i], ids[i], at[w.ID] = View{WorkerPool: w, Load: loads[w.ID]}, w.ID, i
	}
	list, err := tx.Workers(ctx, ids)
	for _, w := range list {
		v := &out[at[w.Pool]]
		v.Workers = append(v.Workers, w)
	}
	return out, err
}

// BuiltInView is what the built-in pool has to do.
type BuiltInView struct {
	domain.PoolLoad
	Users int // stacks that name no pool, of those that the caller may list
}

// BuiltIn returns what the pool of stacks that name none has to do. Whoever
// sees nothing of the account is told that there is none.
func (s *Service) BuiltIn(ctx context.Context) (v BuiltInView, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		scope, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityWorkerPool)
		if err != nil {
			return err
		}
		if !scope.All() && len(scope.Spaces()) == 0 {
			return domain.NotFound("worker pool")
		}
		loads, err := tx.PoolLoads(ctx)
		if err != nil {
			return err
		}
		v.PoolLoad = loads[domain.DefaultWorkerPool]
		stacks, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityStack)
		if err != nil {
			return err
		}
		v.Users, err = tx.PoolUsers(ctx, stacks, domain.DefaultWorkerPool)
		return err
	})
	return v, err
}

func object(w domain.WorkerPool) access.Object {
	return access.Object{
		Kind: access.KindWorkerPool, ID: string(w.ID), Noun: "worker pool", Space: w.Space,
		Entity: authz.EntityRef{Kind: authz.EntityWorkerPool, ID: string(w.ID)},
	}
}

func operation(event string, action authz.Action, o access.Object) access.Op {
	return access.Op{Event: event, Action: action, See: authz.ActionSpaceRead, Object: o}
}
