package runner

import (
	"context"
	"errors"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/tofu"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// Graces between SIGINT and SIGKILL. A plan changes nothing and is killed at
// once when the lease is lost; an apply is interrupted at the same moment but
// may write down what it has made.
const (
	stopGrace      = 3 * time.Second
	lostApplyGrace = 10 * time.Second
	shutdownGrace  = 5 * time.Second
	// changeGrace is for what may change the state and has taken too long: after so
	// much time another minute counts for less than what it may still write down.
	changeGrace = time.Minute
)

// silentGrace is what an apply gets that was not heard of for so long that the
// control plane has given it up: OpenTofu may be trying to store its state, and
// writes it to a file only when it has given up, too. That takes it less time.
const silentGrace = tofu.StateRetry + time.Minute

// firstBeat is when a worker first asks whether the run is to be stopped; most
// runs are not, and short ones have ended by then.
const firstBeat = time.Second

// errStopped is the cause that ends a run which somebody stopped.
var errStopped = &tofu.Stop{Reason: "the run was stopped", Grace: stopGrace}

// defaultTTL is assumed for a job that names none.
const defaultTTL = 30 * time.Second

// silentEnd ends a lease after which the worker says nothing more.
type silentEnd struct{ stop *tofu.Stop }

// Error implements error.
func (e silentEnd) Error() string { return e.stop.Reason }

// Unwrap lets a process find out its grace.
func (e silentEnd) Unwrap() error { return e.stop }

// lease holds one lease: its context ends when the lease is lost, and every
// call to the control plane is made under it. What the lease is for is done
// under work, which ends sooner when the run is stopped.
type lease struct {
	api   workerapi.API
	ref   workerapi.LeaseRef
	ttl   time.Duration
	long  time.Duration // instead of ttl while an apply is under way; 0: ttl
	apply func() bool   // whether an apply is under way
	ctx   context.Context
	end   context.CancelCauseFunc
	work  context.Context
	halt  context.CancelCauseFunc
}

// newLease detaches the lease from parent's cancellation: a worker that shuts
// down still reports.
func newLease(parent context.Context, api workerapi.API, ref workerapi.LeaseRef, ttl time.Duration, apply func() bool) *lease {
	if ttl <= 0 {
		ttl = defaultTTL
	}
	l := &lease{api: api, ref: ref, ttl: ttl, apply: apply}
	l.ctx, l.end = context.WithCancelCause(context.WithoutCancel(parent))
	l.work, l.halt = context.WithCancelCause(l.ctx)
	return l
}

// lost ends the lease for good; an apply gets a grace.
func (l *lease) lost(reason string, grace time.Duration) {
	stop := &tofu.Stop{Reason: reason}
	if l.apply() {
		stop.Grace = grace
	}
	l.end(silentEnd{stop})
}

// expires is when the control plane gives the lease up that it renewed at a
// time.
func (l *lease) expires(renewed time.Time) time.Time {
	if l.apply() {
		return renewed.Add(max(l.ttl, l.long))
	}
	return renewed.Add(l.ttl)
}

// keep renews the lease every third of its time until its context ends. The
// control plane holds each renewal as long, to answer at once when the run is
// stopped.
func (l *lease) keep() {
	renewed := time.Now()
	wait := min(firstBeat, l.ttl/3)
	for {
		sleep(l.ctx, wait)
		if l.ctx.Err() != nil {
			return
		}
		asked := time.Now()
		reply, err := l.beat(l.expires(renewed))
		switch {
		case l.ctx.Err() != nil:
			return
		case err == nil:
			if reply.Stop && !l.apply() {
				l.halt(errStopped)
			}
			renewed, wait = asked, time.Until(asked.Add(l.ttl/3))
		case refusal(err):
			l.lost("the lease was lost: "+err.Error(), lostApplyGrace)
			return
		case !time.Now().Before(l.expires(renewed)):
			l.lost("the lease could not be renewed in time", silentGrace)
			return
		default:
			wait = min(l.ttl/12, time.Until(l.expires(renewed)))
		}
	}
}

// beat renews the lease once.
func (l *lease) beat(expires time.Time) (workerapi.HeartbeatReply, error) {
	q := workerapi.HeartbeatRequest{LeaseRef: l.ref}
	if l.work.Err() == nil {
		q.Wait = l.ttl / 3
	}
	ctx, cancel := context.WithDeadline(l.ctx, expires)
	defer cancel()
	return l.api.Heartbeat(ctx, q)
}

// refusal reports whether the control plane answered that this lease is not,
// or no longer, the caller's. Anything else may pass.
func refusal(err error) bool {
	switch domain.ErrorCode(err) {
	case domain.CodeConflict, domain.CodeForbidden, domain.CodeNotFound, domain.CodeUnauthenticated:
		return true
	default:
		return false
	}
}

// Pauses between attempts of one call.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
)

// try makes a call until it succeeds, is invalid, or the lease ends.
func (l *lease) try(call func(ctx context.Context) error) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		if l.ctx.Err() != nil {
			return context.Cause(l.ctx)
		}
		err := call(l.ctx)
		switch {
		case err == nil:
			return nil
		case l.ctx.Err() != nil:
			return context.Cause(l.ctx)
		case refusal(err):
			l.lost("the lease was lost: "+err.Error(), lostApplyGrace)
			return context.Cause(l.ctx)
		case domain.ErrorCode(err) == domain.CodeInvalid:
			return err
		}
		sleep(l.ctx, pause)
	}
}

// silent reports whether err means that the worker must say nothing more.
func silent(err error) bool {
	var end silentEnd
	return errors.As(err, &end)
}
