package runner

import (
	"context"
	"fmt"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// perform is the lease of a task: PREPARING to PERFORMING to FINISHED.
func (r *run) perform(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	if !r.job.SkipInit {
		if err := r.initialize(ctx); err != nil {
			return err
		}
	}
	h := r.job.Hooks
	return r.changeState(ctx, change{domain.RunPerforming, "before_perform", "after_perform", "the command ran, but"},
		h.BeforePerform, h.AfterPerform, func() error { return r.shell.command(ctx, "the command", r.job.Command) })
}

// destroy is the lease of a run that destroys what its stack has made.
func (r *run) destroy(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	if err := r.initialize(ctx); err != nil {
		return err
	}
	h := r.job.Hooks
	return r.changeState(ctx, change{domain.RunDestroying, "before_destroy", "after_destroy", "the resources were destroyed, but"},
		h.BeforeDestroy, h.AfterDestroy, func() error { return r.vendor.Destroy(ctx) })
}

// change is a part of a run that may change the state.
type change struct {
	state         domain.RunState
	before, after string // names of its hooks
	done          string // what a failed hook after it begins with
}

// changeState does something that must not be interrupted lightly, between
// hooks, and ends the run.
func (r *run) changeState(ctx context.Context, c change, before, after []string, do func() error) error {
	r.applying.Store(true)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := r.advance(workerapi.Advance{To: c.state}); err != nil {
		return err
	}
	if err := r.shell.hooks(ctx, c.before, before); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	if err := r.shell.hooks(ctx, c.after, after); err != nil {
		return fmt.Errorf("%s %w", c.done, err)
	}
	end := workerapi.Advance{To: domain.RunFinished}
	if !r.job.SkipInit {
		end.Entities = r.entities(ctx)
	}
	r.afterRun(domain.RunFinished)
	return r.advance(end)
}
