package runner

import (
	"context"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// reading is a plan that is being read while it is applied: what it would change
// decides nothing where the stack deploys by itself, and reading it takes a
// process of its own, where planning did not tell already. Who looks at the run
// sees the changes as soon as they are known.
type reading struct {
	plan *planned
	err  error
	done chan struct{}
	told chan struct{} // closed when the control plane was told; nil: nobody tells it before the end
	sent bool
}

// appliesUnseen reports whether nobody, and nothing that runs before the apply,
// is to see what a plan would change.
func (r *run) appliesUnseen() bool {
	h := r.job.Hooks
	return r.job.RunType == domain.RunTracked && r.job.Autodeploy && len(h.AfterPlan) == 0 && len(h.BeforeApply) == 0
}

// readUnseen finds out what a plan changes that is applied unseen.
func (r *run) readUnseen(ctx context.Context) {
	var err error
	if r.plan, err = r.vendor.Told(); err != nil {
		r.reading = r.startReading(ctx)
	}
}

// holdUnseen leaves a plan to a decision after all: that needs what the plan
// itself says.
func (r *run) holdUnseen(ctx context.Context) (err error) {
	if r.reading == nil && r.appliesUnseen() {
		if r.plan, err = r.vendor.Reader()(ctx); err != nil {
			return err
		}
	}
	return r.await()
}

func (r *run) startReading(ctx context.Context) *reading {
	p := &reading{done: make(chan struct{})}
	read := r.vendor.Reader()
	go func() {
		defer close(p.done)
		p.plan, p.err = read(ctx)
	}()
	return p
}

// wait returns when nothing is read any more.
func (p *reading) wait() {
	if p == nil {
		return
	}
	<-p.done
	if p.told != nil {
		<-p.told
	}
}

// tell lets the control plane know of the changes while the run applies them.
func (p *reading) tell(r *run) {
	if p == nil {
		return
	}
	p.told = make(chan struct{})
	go func() {
		defer close(p.told)
		<-p.done
		if p.err != nil {
			return
		}
		a := p.plan.report()
		a.Ref, a.To = r.job.Ref, domain.RunApplying
		// Where this fails the last report brings them once more.
		p.sent = r.lease.try(func(ctx context.Context) error {
			_, err := r.api.Advance(ctx, a)
			return err
		}) == nil
	}()
}

// finishReading waits for a plan that is being read, and returns what the
// control plane has not been told of it. An apply does not fail because its plan
// cannot be read: the log says so.
func (r *run) finishReading() (rest workerapi.Advance) {
	p := r.reading
	if p == nil {
		return rest
	}
	p.wait()
	if r.reading = nil; p.err != nil {
		r.plan = &planned{}
		r.log.say("What the plan changes cannot be shown: " + p.err.Error())
		return rest
	}
	if r.plan = p.plan; !p.sent {
		rest = r.plan.report()
	}
	return rest
}

// reportSoFar reports the plan unless that is still being read.
func (r *run) reportSoFar() workerapi.Advance {
	if r.reading == nil {
		return r.plan.report()
	}
	select {
	case <-r.reading.done:
		return r.finishReading()
	default:
		return workerapi.Advance{}
	}
}

func (p *planned) report() workerapi.Advance {
	return workerapi.Advance{Delta: &p.Delta, Changes: p.Resources}
}
