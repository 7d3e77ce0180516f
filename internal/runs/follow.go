package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// chain queues a tracked run on every stack that depends on the stack of a new
// tracked run, directly or through others. Each waits for the runs of the chain
// on the stacks that it depends on; Follow decides what becomes of it.
func (s *Service) chain(ctx context.Context, tx Tx, first domain.Run) error {
	edges, err := tx.DependenciesBelow(ctx, first.StackID)
	if err != nil || len(edges) == 0 {
		return err
	}
	queued := map[domain.StackID]domain.Run{first.StackID: first}
	for _, id := range downstream(edges, first.StackID) {
		var above []domain.Run
		for _, e := range edges {
			if up, ok := queued[e.DependsOn]; ok && e.Stack == id {
				above = append(above, up)
			}
		}
		if len(above) == 0 {
			continue // nothing runs above it that it could wait for
		}
		run, ok, err := s.queueBelow(ctx, tx, id, first, above)
		if err != nil {
			return err
		}
		if ok {
			queued[id] = run
		}
	}
	return nil
}

// queueBelow queues the run of one stack of a chain, unless the stack starts
// nothing now. The stack is not held: the run touches it when it begins.
func (s *Service) queueBelow(ctx context.Context, tx Tx, id domain.StackID, first domain.Run, above []domain.Run) (run domain.Run, ok bool, err error) {
	stack, err := tx.Stack(ctx, id)
	if err != nil || stack.MayStart(authz.ActorRef{}) != nil {
		return run, false, err
	}
	run = s.newRun(ctx, tx, stack, domain.RunTracked)
	run.Title, run.TriggeredBy = "Triggered by stack "+string(first.StackID), "stack::"+string(first.StackID)
	if first.Request.Force == ForceCascade {
		run.Request.Force = ForceCascade
	}
	if run.Request.Reports, err = reports(ctx, tx, stack, run); err != nil {
		return run, false, err
	}
	permit, err := s.gate.System(access.SystemRunFollow, access.KindRun, string(run.ID))
	if err != nil {
		return run, false, err
	}
	if err := tx.InsertWaitingRun(ctx, permit, run); err != nil {
		return run, false, err
	}
	for _, up := range above {
		if err := tx.InsertRunDependency(ctx, permit, domain.RunDependency{Run: run.ID, Upstream: up.ID}); err != nil {
			return run, false, err
		}
	}
	return run, true, nil
}

// downstream sorts the stacks below one so that each comes after all those of
// them that it waits for.
func downstream(edges []domain.StackDependency, first domain.StackID) (out []domain.StackID) {
	waits, below := map[domain.StackID]int{}, map[domain.StackID][]domain.StackID{}
	for _, e := range edges {
		waits[e.Stack]++
		below[e.DependsOn] = append(below[e.DependsOn], e.Stack)
	}
	for free := []domain.StackID{first}; len(free) > 0; free = free[1:] {
		for _, id := range below[free[0]] {
			if waits[id]--; waits[id] == 0 {
				free, out = append(free, id), append(out, id)
			}
		}
	}
	return out
}

// followBatch is how many runs one look of Follow takes.
const followBatch = 50

// Follow decides what becomes of queued runs that wait for runs of other stacks
// which have ended: begin, be skipped, or wait on. It returns how many it has
// looked at. Several servers may do so at once.
func (s *Service) Follow(ctx context.Context) (n int, err error) {
	stuck := map[domain.RunID]bool{}
	for {
		var due []domain.RunID
		lookErr := s.db.View(ctx, func(tx Tx) (err error) {
			due, err = tx.RunsToFollow(ctx, followBatch)
			return err
		})
		due = slices.DeleteFunc(due, func(id domain.RunID) bool { return stuck[id] })
		if lookErr != nil || len(due) == 0 {
			return n, errors.Join(err, lookErr)
		}
		for _, id := range due {
			if oneErr := s.follow(ctx, id); oneErr != nil { // one run that cannot be followed keeps no other
				stuck[id], err = true, errors.Join(err, oneErr)
			}
			n++
		}
	}
}

// follow looks at one run that waits.
func (s *Service) follow(ctx context.Context, id domain.RunID) error {
	return s.db.Change(ctx, func(tx Tx) error {
		stack, run, err := lockRun(ctx, tx, id)
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return nil // deleted with its stack
		}
		if err != nil {
			return err
		}
		permit, err := s.gate.System(access.SystemRunFollow, access.KindRun, string(id))
		if err != nil {
			return err
		}
		waits, err := s.weigh(ctx, tx, permit, stack, run)
		if err != nil || run.State != domain.RunQueued {
			return err
		}
		return s.decide(ctx, tx, permit, run, waits)
	})
}

// weigh finds out what the ended ones among the runs that a run waits for mean
// for it.
func (s *Service) weigh(ctx context.Context, tx Tx, p access.Permit, stack domain.Stack, run domain.Run) ([]domain.RunDependency, error) {
	waits, err := tx.RunDependencies(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	for i := range waits {
		w := &waits[i]
		if w.Outcome != domain.OutcomeOpen {
			continue
		}
		if w.Outcome, err = s.outcome(ctx, tx, stack, run, *w); err != nil {
			return nil, err
		}
		if w.Outcome == domain.OutcomeUnchanged && run.Request.Pushed {
			w.Outcome = domain.OutcomeChanged // its own code is new
		}
		if w.Outcome != domain.OutcomeOpen {
			if err := tx.SettleRunDependency(ctx, p, *w); err != nil {
				return nil, err
			}
		}
	}
	return waits, nil
}

func (s *Service) outcome(ctx context.Context, tx Tx, stack domain.Stack, run domain.Run, w domain.RunDependency) (domain.RunOutcome, error) {
	upstream, err := tx.Run(ctx, w.Upstream)
	switch {
	case domain.ErrorCode(err) == domain.CodeNotFound:
		return domain.OutcomeFailed, nil // deleted with its stack
	case err != nil || !upstream.State.Terminal():
		return domain.OutcomeOpen, err
	case upstream.State == domain.RunFinished:
		return s.changed(ctx, tx, stack, run, upstream)
	case upstream.State != domain.RunSkipped:
		return domain.OutcomeFailed, nil
	}
	above, err := tx.RunDependencies(ctx, upstream.ID)
	if slices.ContainsFunc(above, func(d domain.RunDependency) bool { return d.Outcome == domain.OutcomeFailed }) {
		return domain.OutcomeFailed, err
	}
	return domain.OutcomeUnchanged, err
}

// changed says whether a finished run upstream is a reason to run: nothing is
// handed on, something that is handed on is new, or the stack's last run did
// not succeed.
func (s *Service) changed(ctx context.Context, tx Tx, stack domain.Stack, run, upstream domain.Run) (domain.RunOutcome, error) {
	d, err := tx.DependencyBetween(ctx, stack.ID, upstream.StackID)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return domain.OutcomeUnchanged, nil // it does not depend on it any more
	}
	if err != nil {
		return domain.OutcomeOpen, err
	}
	if d.Always() || run.Request.Force == ForceCascade {
		return domain.OutcomeChanged, nil
	}
	last, err := tx.LastTracked(ctx, stack.ID, run.ID)
	if err == nil && last.State != domain.RunFinished {
		return domain.OutcomeChanged, nil
	}
	if err != nil && domain.ErrorCode(err) != domain.CodeNotFound {
		return domain.OutcomeOpen, err
	}
	from, err := tx.Stack(ctx, upstream.StackID)
	if err != nil {
		return domain.OutcomeOpen, err
	}
	for _, r := range d.References {
		value, _, ok, err := tx.OutputValue(ctx, from, r.Output)
		if err != nil {
			return domain.OutcomeOpen, err
		}
		taken, took, err := tx.Taken(ctx, r.ID)
		if err != nil {
			return domain.OutcomeOpen, err
		}
		if ok && (!took || taken != value) {
			return domain.OutcomeChanged, nil
		}
	}
	return domain.OutcomeUnchanged, nil
}

// decide lets a queued run begin, or skips it.
func (s *Service) decide(ctx context.Context, tx Tx, p access.Permit, run domain.Run, waits []domain.RunDependency) error {
	begin, open := false, false
	for _, w := range waits {
		switch w.Outcome {
		case domain.OutcomeFailed:
			return s.move(ctx, tx, p, &run, domain.RunSkipped, "", failedAbove(w))
		case domain.OutcomeChanged:
			begin = true
		case domain.OutcomeOpen:
			open = true
		case domain.OutcomeUnchanged:
		}
	}
	switch {
	case open:
		return nil
	case begin:
		_, err := s.promote(ctx, tx, run.StackID)
		return err
	default:
		return s.move(ctx, tx, p, &run, domain.RunSkipped, "", "nothing has changed that this stack takes from the stacks it depends on")
	}
}

func failedAbove(w domain.RunDependency) string {
	if w.Stack == "" {
		return fmt.Sprintf("run %s, which this run waited for, was deleted", w.Upstream)
	}
	return fmt.Sprintf("stack %s, which this stack depends on, did not finish run %s", w.Stack, w.Upstream)
}

// DependenciesOf returns what a run waits for, or has waited for: the runs of
// stacks that the caller may see.
func (s *Service) DependenciesOf(ctx context.Context, id domain.RunID) (out []domain.RunDependency, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if _, err := s.see(ctx, tx, id); err != nil {
			return err
		}
		all, err := tx.RunDependencies(ctx, id)
		if err != nil {
			return err
		}
		for _, d := range all {
			_, err := s.see(ctx, tx, d.Upstream)
			if domain.ErrorCode(err) == domain.CodeNotFound {
				continue
			}
			if err != nil {
				return err
			}
			out = append(out, d)
		}
		return nil
	})
	return out, err
}
