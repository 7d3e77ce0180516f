package runs

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

var noLease time.Time

// Lease names one lease of one run, and what the worker that claims to hold it
// has proved.
type Lease struct {
	Key    domain.PoolKey
	Run    domain.RunID
	Epoch  int
	Secret string // what its holder was given with it
}

// LeaseOption changes how a run is leased.
type LeaseOption func(*asker)

// Unproved is for workers that send no secret back, because they are older than
// that: what they hold is guarded by the token of their pool alone.
func Unproved(a *asker) { a.unproved = true }

// InContainers is for workers that execute runs in containers: they learn of
// which image.
func InContainers(a *asker) { a.containers = true }

// asker is a worker that asks for a run.
type asker struct {
	id         string
	unproved   bool
	containers bool
}

// newSecret makes the secret of a lease.
func newSecret() string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(random[:])
}

// lockRun holds a run and, before it, its stack: everybody takes the two in
// this order, so that nobody waits in a circle.
func lockRun(ctx context.Context, tx Tx, id domain.RunID) (domain.Stack, domain.Run, error) {
	stack, err := tx.LockStackOf(ctx, id)
	if err != nil {
		if _, missing := tx.Run(ctx, id); missing != nil {
			err = missing
		}
		return stack, domain.Run{}, err
	}
	run, err := tx.LockRun(ctx, id)
	return stack, run, err
}

// held locks a run for the holder of a lease. A stale lease is a conflict: its
// worker must stop. A run of another pool does not exist for this one.
func (s *Service) held(ctx context.Context, tx Tx, l Lease) (domain.Run, access.Permit, error) {
	if err := alive(ctx, tx, l.Key); err != nil {
		return domain.Run{}, access.Permit{}, err
	}
	stack, run, err := lockRun(ctx, tx, l.Run)
	if err == nil {
		err = l.check(stack, run)
	}
	if err != nil {
		return run, access.Permit{}, err
	}
	permit, err := s.gate.System(access.SystemRunLease, access.KindRun, string(run.ID))
	return run, permit, err
}

// check refuses who does not hold a lease: another pool, an older attempt, and
// another worker of the same pool.
func (l Lease) check(stack domain.Stack, run domain.Run) error {
	return l.fits(poolOf(stack), run.Epoch, !run.LeaseUntil.IsZero(), run.LeaseHash)
}

// fits says what is wrong with a lease of a run that is now the pool's, and
// whose last lease was the given one.
func (l Lease) fits(pool domain.WorkerPoolID, epoch int, leased bool, hash string) error {
	if pool != l.Key.Pool {
		return domain.NotFound("run")
	}
	if epoch != l.Epoch || !leased {
		return domain.Conflict("lease %d of run %s is over", l.Epoch, l.Run)
	}
	return domain.CheckLease(l.Run, hash, l.Secret)
}

// poolOf returns the pool whose workers execute a stack's runs.
func poolOf(stack domain.Stack) domain.WorkerPoolID {
	if stack.WorkerPool == "" {
		return domain.DefaultWorkerPool
	}
	return stack.WorkerPool
}

// alive refuses a worker whose token was reset, or whose pool was deleted,
// since it signed in.
func alive(ctx context.Context, tx Tx, k domain.PoolKey) error {
	lives, err := tx.PoolKeyLives(ctx, k)
	if err == nil && !lives {
		return domain.Unauthenticated("unknown worker pool token")
	}
	return err
}

// CheckLease refuses who does not hold a lease, so that nothing is read of him.
// Nothing keeps it held afterwards.
func (s *Service) CheckLease(ctx context.Context, l Lease) error {
	_, _, err := s.holds(ctx, l)
	return err
}

// PutWorkspace keeps the planned workspace, sealed, until the run ends.
func (s *Service) PutWorkspace(ctx context.Context, l Lease, body []byte) error {
	if err := s.CheckLease(ctx, l); err != nil {
		return err // nothing is stored for strangers, and be it for a while
	}
	kept, err := s.db.StageWorkspace(ctx, l.Run, body)
	if err != nil {
		return err
	}
	return s.recorded(ctx, l, s.db.Change(ctx, func(tx Tx) error {
		_, permit, err := s.held(ctx, tx, l)
		if err != nil {
			return err
		}
		return tx.PutWorkspace(ctx, permit, l.Run, kept)
	}))
}

// Workspace returns what the lease starts from: the planned workspace, or the
// directory that was uploaded for the run or lies in a built-in repository.
func (s *Service) Workspace(ctx context.Context, l Lease) ([]byte, error) {
	var kept domain.Stored
	var packed []byte
	err := s.db.View(ctx, func(tx Tx) error {
		if err := alive(ctx, tx, l.Key); err != nil {
			return err
		}
		run, err := tx.Run(ctx, l.Run)
		if err != nil {
			return err
		}
		stack, err := tx.Stack(ctx, run.StackID)
		if err != nil {
			return err
		}
		if err := l.check(stack, run); err != nil {
			return err
		}
		if run.State == domain.RunPreparing && run.Request.Workspace != "" {
			kept, err = tx.LocalWorkspaceBody(ctx, run.Request.Workspace)
			return err
		}
		if run.State == domain.RunPreparing && stack.Provider == domain.ProviderBuiltIn {
			packed, err = revisionArchive(ctx, tx, stack, run)
			return err
		}
		kept, err = tx.Workspace(ctx, l.Run)
		return err
	})
	if err != nil || packed != nil {
		return packed, s.recorded(ctx, l, err)
	}
	return s.db.Fetch(ctx, kept)
}

// Reap ends the runs whose worker has not been heard of in time and returns
// how many. An interrupted apply is never retried by itself.
func (s *Service) Reap(ctx context.Context) (n int, err error) {
	var lost []domain.Run
	err = s.db.View(ctx, func(tx Tx) error {
		lost, err = tx.ExpiredLeases(ctx)
		return err
	})
	for _, candidate := range lost {
		ended, oneErr := s.reap(ctx, candidate)
		if ended {
			n++
		}
		err = errors.Join(err, oneErr) // one run that cannot be ended keeps no other
	}
	return n, err
}

// reap ends one run, unless its worker was heard of after all.
func (s *Service) reap(ctx context.Context, candidate domain.Run) (ended bool, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		_, run, err := lockRun(ctx, tx, candidate.ID)
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return nil // deleted with its stack
		}
		if err != nil || run.Epoch != candidate.Epoch || run.LeaseUntil.IsZero() || tx.Now().Before(run.LeaseUntil) {
			return err
		}
		permit, err := s.gate.System(access.SystemRunReaper, access.KindRun, string(run.ID))
		if err != nil {
			return err
		}
		ended = true
		if run.Stop != nil && run.State.Stoppable() { // whoever asked got what he asked for
			return s.move(ctx, tx, permit, &run, domain.RunStopped, run.Stop.By, run.Stop.Note)
		}
		if err := s.interrupted(ctx, tx, run); err != nil {
			return err
		}
		return s.move(ctx, tx, permit, &run, domain.RunFailed, "", s.lostNote(run))
	})
	return ended && err == nil, err
}
