package runner

import (
	"context"

	"github.com/airlock-project/airlock/internal/domain"
)

// appliesUnseen reports whether nobody, and nothing that runs before the apply,
// is to see what a plan would change.
func (r *run) appliesUnseen() bool {
	h := r.job.Hooks
	return r.job.RunType == domain.RunTracked && r.job.Autodeploy && len(h.AfterPlan) == 0 && len(h.BeforeApply) == 0
}

// readPlan finds out what the plan changes. Where it is applied unseen, planning
// has told it, mostly, and that saves a process. A plan of which nobody can say
// what it changes is not applied: the run fails.
func (r *run) readPlan(ctx context.Context, unseen bool) (err error) {
	if unseen {
		if r.plan, err = r.vendor.Told(); err == nil {
			r.onlyTold = true
			return nil
		}
	}
	r.plan, err = r.vendor.Read(ctx)
	return err
}

// hold leaves a plan to a decision after all: that needs what the plan itself
// says.
func (r *run) hold(ctx context.Context) (err error) {
	if r.onlyTold {
		if r.plan, err = r.vendor.Read(ctx); err != nil {
			return err
		}
	}
	return r.await()
}
