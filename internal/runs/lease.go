package runs

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

var noLease time.Time

// poll is how often a waiting lease looks by itself, for runs that another
// server made ready.
const poll = time.Second

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

// Lease waits up to wait for a run of the pool that a worker may execute, and
// gives it to worker. It returns nil when none came in time. A token that is
// reset meanwhile gets nothing.
func (s *Service) Lease(ctx context.Context, key domain.PoolKey, worker string, wait time.Duration, how ...LeaseOption) (*Assignment, error) {
	by := asker{id: worker}
	for _, option := range how {
		option(&by)
	}
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	table := s.seats.of(key.Pool)
	for {
		select {
		case table.seats <- struct{}{}: // even where there is no time to wait
		default:
			select {
			case table.seats <- struct{}{}:
			case <-deadline.C:
				return nil, nil
			case <-ctx.Done():
				return nil, nil
			}
		}
		a, err := s.look(ctx, table, key, by, deadline.C)
		<-table.seats
		if !errors.Is(err, errNotTaking) {
			return a, err
		}
		select { // another worker sits down: this one is to take nothing for now
		case <-time.After(poll):
		case <-deadline.C:
			return nil, nil
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// errNotTaking says that there is a run, and that the worker is to have none.
var errNotTaking = errors.New("the worker takes no runs now")

// look looks for a run until there is one, or the deadline.
func (s *Service) look(ctx context.Context, at *table, key domain.PoolKey, by asker, deadline <-chan time.Time) (*Assignment, error) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		woken := s.wake.wait() // before the look, so that nothing is missed
		a, err := s.take(ctx, at, key, by)
		if err != nil || a != nil {
			return a, err
		}
		select {
		case <-woken:
		case <-tick.C:
		case <-deadline:
			return nil, nil
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// take leases the oldest waiting run. The look costs no write when there is
// none. Where another worker was faster it looks again: each time round,
// somebody got a run.
func (s *Service) take(ctx context.Context, at *table, key domain.PoolKey, by asker) (*Assignment, error) {
	for {
		candidate, done, err := at.choose(func(others []domain.RunID) (run domain.Run, err error) {
			err = s.db.View(ctx, func(tx Tx) error {
				if run, err = tx.Leasable(ctx, key.Pool, others); err != nil {
					return err
				}
				takes, err := tx.WorkerTakes(ctx, key.Pool, by.id)
				if err == nil && !takes {
					return errNotTaking
				}
				return err
			})
			return run, err
		})
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		a, err := s.claim(ctx, candidate, key, by)
		done()
		if a == nil {
			s.Wake() // the others at the table have left it to this one
		}
		if err != nil || a != nil {
			return a, err
		}
	}
}

// claim leases one run. It returns nil if the run no longer waits.
func (s *Service) claim(ctx context.Context, candidate domain.Run, key domain.PoolKey, by asker) (a *Assignment, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		stack, run, err := lockRun(ctx, tx, candidate.ID)
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return nil // deleted with its stack
		}
		if err != nil {
			return err
		}
		if err := alive(ctx, tx, key); err != nil {
			return err
		}
		if run.State != candidate.State || run.Epoch != candidate.Epoch || !run.LeaseUntil.IsZero() || poolOf(stack) != key.Pool {
			return nil // another worker was faster, or the stack went to another pool
		}
		if ok, err := mayTake(ctx, tx, run, key.Pool, by.id); err != nil || !ok {
			return err // the next look finds no more
		}
		a, err = s.give(ctx, tx, run, key.Pool, by)
		if err == nil {
			a.Key = key
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// mayTake looks again whether a worker may have a run, where nobody else can
// change the answer any more.
func mayTake(ctx context.Context, tx Tx, run domain.Run, pool domain.WorkerPoolID, worker string) (bool, error) {
	if run.Drift && !run.Type.Blocking() {
		if full, err := tx.DriftFull(ctx, pool); err != nil || full {
			return false, err
		}
	}
	return tx.WorkerTakes(ctx, pool, worker)
}

// give starts a new lease on a locked run that waits for a worker.
func (s *Service) give(ctx context.Context, tx Tx, run domain.Run, pool domain.WorkerPoolID, by asker) (*Assignment, error) {
	permit, err := s.gate.System(access.SystemRunLease, access.KindRun, string(run.ID))
	if err != nil {
		return nil, err
	}
	if err := tx.OccupyWorker(ctx, permit, pool, by.id); err != nil {
		return nil, err
	}
	next := domain.RunPreparing
	switch run.State {
	case domain.RunConfirmed:
		next = domain.RunPreparingApply
	case domain.RunReplanRequested:
		next = domain.RunPreparingReplan
	default: // READY
	}
	stack, err := tx.Stack(ctx, run.StackID)
	if err != nil {
		return nil, err
	}
	failReason := ""
	if next == domain.RunPreparing {
		if failReason, err = resolve(ctx, tx, stack, &run); err != nil {
			return nil, err
		}
	}
	run.Epoch++
	secret := newSecret()
	if run.LeaseHash = domain.LeaseProof(secret); by.unproved {
		secret, run.LeaseHash = "", ""
	}
	run.Worker, run.LeaseUntil = by.id, tx.Now().Add(s.patience(next))
	if err := s.move(ctx, tx, permit, &run, next, "", ""); err != nil {
		return nil, err
	}
	a, err := s.assign(ctx, tx, run)
	if err == nil {
		a.Secret = secret
		a.FailReason = cmp.Or(failReason, a.FailReason)
		err = a.addImage(ctx, tx, pool, by)
	}
	return a, err
}

// lockRun holds a run and, before it, its stack: everybody takes the two in
// this order, so that nobody waits in a circle.
func lockRun(ctx context.Context, tx Tx, id domain.RunID) (domain.Stack, domain.Run, error) {
	run, err := tx.Run(ctx, id)
	if err != nil {
		return domain.Stack{}, run, err
	}
	stack, err := tx.LockStack(ctx, run.StackID)
	if err != nil {
		return stack, run, err
	}
	run, err = tx.LockRun(ctx, id)
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

// PutWorkspace keeps the planned workspace, sealed, until the run ends.
func (s *Service) PutWorkspace(ctx context.Context, l Lease, body []byte) error {
	if _, _, err := s.holds(ctx, l); err != nil {
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
