package insight

import (
	"context"
	"errors"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// MaxChanges is how many changes one preview tries out.
const MaxChanges = 100

// Change is one change to try out.
type Change struct {
	// Moves is what it may move to another space: a stack, context or worker
	// pool; zero for nothing.
	Moves authz.EntityRef
	// Do makes the change by its own use case, in transactions of ctx.
	Do func(ctx context.Context) error
}

// PreviewInput is what to try out and how much of the answer is wanted.
type PreviewInput struct {
	Changes []Change
	Paths   bool           // look for escalation paths, too
	After   authz.ActorRef // effects on the actors behind this one
	First   int            // on so many
}

// Preview is what changes would come to if the caller made them now.
type Preview struct {
	// Refusals are of the changes that could not be made. If there are any, the
	// rest is empty.
	Refusals []Refusal
	// Gaining, Losing and Hidden count actors: those who would gain or lose
	// something that the caller may know of, and those of whom he may know
	// nothing.
	Gaining, Losing, Hidden int
	Actors                  []ActorEffect
	More                    bool // there are actors behind these
	Paths                   PathChanges
}

// Refusal says why a change could not be made: what the caller lacks, or the
// rule that it breaks.
type Refusal struct {
	Change int // from 0
	*domain.Error
}

// Preview tries changes out, in their order and all of them, and tells what
// they come to. They are decided as if the caller made them: whoever could not
// make one learns what he lacks, and nothing of what it would do. Nothing is
// written.
func (s *Service) Preview(ctx context.Context, in PreviewInput) (p Preview, err error) {
	caller, err := access.CallerFrom(ctx)
	if err != nil {
		return p, err
	}
	if len(in.Changes) == 0 || len(in.Changes) > MaxChanges {
		return p, domain.Invalid("changes", "must be between 1 and %d, not %d", MaxChanges, len(in.Changes))
	}
	if in.Paths { // what can be prepared is, before all others have to wait
		if err := s.warm(ctx); err != nil {
			return p, err
		}
	}
	r := rehearsal{service: s, in: &in}
	if err := s.db.Rehearse(ctx, r.run); err != nil || len(r.refusals) > 0 {
		return Preview{Refusals: r.refusals}, err
	}
	f, err := r.moment.Foresee(r.homes, r.change)
	if err != nil {
		return p, err
	}
	var paths authz.PathDiff
	if in.Paths {
		if paths, err = r.paths(ctx, f); err != nil {
			return p, err
		}
	}
	err = s.db.View(ctx, func(tx Tx) error {
		t, err := newTeller(ctx, tx, caller, r.moment)
		if err != nil {
			return err
		}
		e := r.effects(t, f)
		if err := e.tell(ctx, &p, &in); err != nil {
			return err
		}
		p.Paths, err = e.pathChanges(ctx, paths)
		return err
	})
	return p, err
}

// rehearsal is changes that are tried out, and what is kept of it: all that
// takes time is done when nobody else has to wait any more.
type rehearsal struct {
	service *Service
	in      *PreviewInput

	moment   access.Moment // before
	homes    domain.World  // of what may move, before
	change   domain.WorldDelta
	refusals []Refusal

	mode          authz.ActAsMode
	analysis      *authz.Analysis // before; nil if it is not there yet
	before, after authz.Estate
}

func (r *rehearsal) run(ctx context.Context, tx Tx) (err error) {
	if r.moment, err = r.service.gate.Moment(ctx, tx); err != nil {
		return err
	}
	if r.homes, err = r.homesOf(ctx, tx); err != nil {
		return err
	}
	if r.in.Paths {
		if err := r.lookBefore(ctx, tx); err != nil {
			return err
		}
	}
	for i, c := range r.in.Changes {
		err := c.Do(ctx)
		var refused *domain.Error
		switch {
		case err == nil:
		case errors.As(err, &refused) && refused.Code != domain.CodeUnavailable:
			r.refusals = append(r.refusals, Refusal{i, refused})
		default:
			return err
		}
	}
	if len(r.refusals) > 0 {
		return nil
	}
	if r.change, err = tx.Changed(ctx); err != nil {
		return err
	}
	moved, err := r.homesOf(ctx, tx)
	if err != nil {
		return err
	}
	r.settle(moved)
	if r.in.Paths && r.touchesEstate() {
		r.after, err = tx.Estate(ctx)
	}
	return err
}

// homesOf returns where the things that may move are. One that is not there is
// left out: its change tells.
func (r *rehearsal) homesOf(ctx context.Context, tx Tx) (w domain.World, err error) {
	for _, c := range r.in.Changes {
		switch c.Moves.Kind {
		case authz.EntityNone:
			continue
		case authz.EntityStack:
			var stack domain.Stack
			if stack, err = tx.Stack(ctx, domain.StackID(c.Moves.ID)); err == nil {
				w.Stacks = append(w.Stacks, stack.AsActor())
			}
		default:
			var e domain.Entity
			if e, err = tx.Entity(ctx, c.Moves); err == nil {
				w.Entities = append(w.Entities, e)
			}
		}
		if err != nil && domain.ErrorCode(err) != domain.CodeNotFound {
			return w, err
		}
	}
	return w, nil
}

// settle adds to the change where the things are after it that may have moved.
// The access world forgets those that no binding names.
func (r *rehearsal) settle(after domain.World) {
	known := func(g domain.WorldGone) bool {
		stack := func(s domain.StackActor) bool { return string(s.ID) == g.ID }
		entity := func(e domain.Entity) bool { return e.EntityRef == authz.EntityRef{Kind: g.Kind, ID: g.ID} }
		return g.Part == domain.PartStack && slices.ContainsFunc(after.Stacks, stack) ||
			g.Part == domain.PartEntity && slices.ContainsFunc(after.Entities, entity)
	}
	r.change.Gone = slices.DeleteFunc(r.change.Gone, known)
	r.change.Put.Stacks = append(r.change.Put.Stacks, after.Stacks...)
	r.change.Put.Entities = append(r.change.Put.Entities, after.Entities...)
}
