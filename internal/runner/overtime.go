package runner

import (
	"fmt"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/tofu"
)

// limits are how the worker measures a phase, and what it grants one that may
// change the state when it has taken too long.
type limits struct {
	after func(d time.Duration, f func()) (cancel func() bool)
	grace time.Duration
}

var realLimits = limits{
	after: func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop },
	grace: changeGrace,
}

// limitPhase begins to measure a phase of the run. One that takes too long is
// interrupted, and the run fails. In other states nothing is executed, but for
// what the last phase still has to send.
func (r *run) limitPhase(phase domain.RunState) {
	r.phaseEnds()
	if r.cfg.PhaseTimeout <= 0 {
		return
	}
	r.unlimit = r.cfg.limits.after(r.cfg.PhaseTimeout, func() {
		stop := &tofu.Stop{Grace: stopGrace}
		if r.applying.Load() {
			stop.Grace = r.cfg.limits.grace
		}
		stop.Reason = fmt.Sprintf("%s took longer than %s, which is what this worker allows (setting --phase-timeout)", phase, r.cfg.PhaseTimeout)
		r.endWork(stop)
	})
}

// phaseEnds lets nothing interrupt what comes after a phase.
func (r *run) phaseEnds() {
	if r.unlimit != nil {
		r.unlimit()
	}
}
