package runs

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const (
	// poll is how often a desk looks by itself, for runs that another server
	// made ready.
	poll = time.Second
	// claimsTogether is how many runs one transaction gives out: the first of
	// them waits for the last one.
	claimsTogether = 8
	// ahead is how many runs are tried for, of which somebody else may hold some.
	ahead = 32
	// claimTime bounds one round.
	claimTime = 20 * time.Second
	// asideTime is how long a run that could not be given out keeps no other one
	// waiting.
	asideTime = 10 * time.Second
)

// Lease waits up to wait for a run of the pool that a worker may execute, and
// gives it to worker. It returns nil when none came in time. A token that is
// reset meanwhile gets nothing.
func (s *Service) Lease(ctx context.Context, key domain.PoolKey, worker string, wait time.Duration, how ...LeaseOption) (*Assignment, error) {
	one := &seeker{ctx: ctx, key: key, by: asker{id: worker}, answer: make(chan offer, 1)}
	for _, option := range how {
		option(&one.by)
	}
	at := s.desks.of(key.Pool)
	if at.add(one) {
		go s.serve(at)
	}
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	var got offer
	select {
	case got = <-one.answer:
	case <-deadline.C:
		got = at.leave(one)
	case <-ctx.Done():
		got = at.leave(one)
	}
	return got.run, got.err
}

// serve gives runs to the workers at a desk until nobody waits there.
func (s *Service) serve(at *desk) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		woken := s.wake.wait() // before the look, so that nothing is missed
		round := at.round()
		if len(round) == 0 {
			return
		}
		again := s.serveRound(at, round)
		at.finish(round)
		select {
		case <-woken:
		case <-at.arrived:
		case <-tick.C:
		case <-again:
		}
	}
}

// now is a channel that never blocks: there may be more to give out.
var now = func() <-chan time.Time {
	c := make(chan time.Time)
	close(c)
	return c
}()

// serveRound looks for runs and gives them to workers. It returns when there may
// be more to do; nil when somebody will tell.
func (s *Service) serveRound(at *desk, round []*seeker) (again <-chan time.Time) {
	ctx, cancel := context.WithTimeout(access.Hurry(context.Background()), claimTime)
	defer cancel()
	all := func(err error) {
		for _, one := range round {
			one.tell(offer{err: err})
		}
	}
	work, err := s.waits(ctx, at, round)
	if err != nil {
		all(err)
	}
	if !work {
		return nil
	}
	b := &claims{desk: at, most: claimsTogether}
	for err = s.claim(ctx, b, round); err != nil; err = s.claim(ctx, b, round) {
		if domain.ErrorCode(err) == domain.CodeUnavailable || b.most == 1 && b.current == "" {
			all(err)
			return nil
		}
		if b.most == 1 {
			at.failing[b.current] = time.Now()
			at.queue.given([]domain.RunID{b.current})
			b.worker.tell(offer{err: err})
			return now
		}
		b.most = 1 // what is wrong with one is not the others' fault
	}
	for one, o := range b.offers {
		one.tell(o)
	}
	at.queue.given(b.done)
	if len(b.done) == 0 {
		return nil // nobody takes a run now
	}
	return now
}

// waits looks whether there is anything to give, and anybody to give it to. It
// costs no write.
func (s *Service) waits(ctx context.Context, at *desk, round []*seeker) (work bool, err error) {
	err = at.queue.read(func() (list []domain.RunID, err error) {
		err = s.db.View(ctx, func(tx Tx) error {
			list, err = tx.Leasable(ctx, at.pool, at.aside(time.Now()), queueLength)
			if err != nil || len(list) == 0 {
				return err
			}
			barred, err := tx.BarredWorkers(ctx, at.pool)
			if !slices.ContainsFunc(round, func(one *seeker) bool { return !barred[one.by.id] }) {
				list = nil
			}
			return err
		})
		return list, err
	})
	return err == nil && len(at.queue.runs) > 0, err
}

// claims are the runs that one transaction gives out.
type claims struct {
	desk *desk
	most int

	offers  map[*seeker]offer
	done    []domain.RunID // they wait no longer, or not for this pool
	current domain.RunID   // the run at which it ended
	worker  *seeker        // and who was to have it
}

// claim gives out runs in one transaction.
func (s *Service) claim(ctx context.Context, b *claims, round []*seeker) (err error) {
	defer func() {
		if p := recover(); p != nil { // not the end of all other runs of this server
			err = fmt.Errorf("give run %s to a worker: panic: %v\n%s", b.current, p, debug.Stack())
		}
	}()
	return s.db.Change(ctx, func(tx Tx) error {
		b.offers, b.done, b.current, b.worker = map[*seeker]offer{}, nil, "", nil
		takers, err := b.takers(ctx, tx, round)
		if err != nil {
			return err
		}
		if len(takers) == 0 {
			return nil
		}
		list, err := b.lock(ctx, tx, min(b.most, len(takers)))
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return nil
		}
		if tx, err = prefetch(ctx, tx, list); err != nil {
			return err
		}
		return s.giveOut(ctx, tx, b, list, takers)
	})
}

// lock holds the next n runs, or as many as nobody else holds. Where others hold
// them all it waits for the first one.
func (b *claims) lock(ctx context.Context, tx Tx, n int) ([]domain.Run, error) {
	ids := b.desk.queue.first(ahead)
	list, err := tx.LockLeasable(ctx, b.desk.pool, ids, n)
	if err != nil || len(list) > 0 {
		return list, err
	}
	b.done = ids[:1]
	stack, run, err := lockRun(ctx, tx, ids[0])
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return nil, nil // deleted with its stack
	}
	if err != nil || !run.State.AwaitsWorker() || !run.LeaseUntil.IsZero() || poolOf(stack) != b.desk.pool {
		return nil, err // another server was faster, or the stack went to another pool
	}
	return []domain.Run{run}, nil
}

// takers are the workers that are to be given runs now, where nobody can change
// the answer any more. One whose token was reset is told so.
func (b *claims) takers(ctx context.Context, tx Tx, round []*seeker) ([]*seeker, error) {
	barred, err := tx.BarredWorkers(ctx, b.desk.pool)
	if err != nil {
		return nil, err
	}
	var out []*seeker
	verdicts := map[domain.PoolKey]error{}
	for _, one := range round {
		if one.served || one.ctx.Err() != nil || barred[one.by.id] {
			continue
		}
		refused, known := verdicts[one.key]
		if !known {
			if refused = alive(ctx, tx, one.key); refused != nil && domain.ErrorCode(refused) != domain.CodeUnauthenticated {
				return nil, refused
			}
			verdicts[one.key] = refused
		}
		if refused != nil {
			b.offers[one] = offer{err: refused}
			continue
		}
		out = append(out, one)
	}
	return out, nil
}

// giveOut gives each run of a list to the next worker.
func (s *Service) giveOut(ctx context.Context, tx Tx, b *claims, list []domain.Run, takers []*seeker) error {
	permit, err := s.gate.System(access.SystemRunLease, access.KindRun, "")
	if err != nil {
		return err
	}
	var busy []string
	var moved []domain.RunMove
	store := func() error {
		err := tx.AdvanceRuns(ctx, permit, moved)
		moved = nil
		return err
	}
	for _, run := range list {
		b.current, b.worker, b.done = run.ID, takers[0], append(b.done, run.ID)
		if run.Drift && !run.Type.Blocking() { // one that blocks has kept others from applying since it was READY
			if skipped, err := s.skipOvertaken(ctx, tx, &run); err != nil {
				return err
			} else if skipped {
				continue
			}
			if err := store(); err != nil { // they count
				return err
			}
			if full, err := tx.DriftFull(ctx, b.desk.pool); err != nil {
				return err
			} else if full {
				continue // the next look finds no more
			}
		}
		a, err := s.give(ctx, tx, run, b.desk.pool, b.worker.by)
		if err != nil {
			return err
		}
		a.Key = b.worker.key
		b.offers[b.worker] = offer{run: a}
		moved = append(moved, domain.RunMove{Run: a.Run, From: run.State})
		busy, takers = append(busy, b.worker.by.id), takers[1:]
	}
	if err := store(); err != nil { // where there is only one, it is the current one
		return err
	}
	b.current = ""
	return tx.OccupyWorkers(ctx, permit, b.desk.pool, busy)
}

// give starts a new lease on a locked run that waits for a worker. The run has
// moved then, and is not stored.
func (s *Service) give(ctx context.Context, tx Tx, run domain.Run, pool domain.WorkerPoolID, by asker) (*Assignment, error) {
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
	if err := run.Advance(next, tx.Now(), ""); err != nil {
		return nil, err
	}
	a, err := s.assign(ctx, tx, stack, run)
	if err == nil {
		a.Secret = secret
		a.FailReason = cmp.Or(failReason, a.FailReason)
		err = a.addImage(ctx, tx, pool, by)
	}
	return a, err
}
