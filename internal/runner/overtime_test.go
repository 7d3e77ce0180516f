package runner

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// phases stands for the time that phases take: it passes when a test says so.
type phases struct {
	mu   sync.Mutex
	over []func() // nil where the phase has ended
}

func (p *phases) after(_ time.Duration, f func()) func() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := len(p.over)
	p.over = append(p.over, f)
	return func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.over[i] = nil
		return true
	}
}

// pass lets the time of every phase pass that has not ended; it returns how many
// those were.
func (p *phases) pass() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.over {
		if f != nil {
			n++
			f()
		}
	}
	return n
}

// limited is a bench whose worker allows a day for each phase.
func limited(t *testing.T, grace time.Duration) (*bench, *phases) {
	b, p := newBench(t), &phases{}
	b.cfg.PhaseTimeout, b.cfg.limits = 24*time.Hour, limits{after: p.after, grace: grace}
	return b, p
}

const tooLong = " took longer than 24h0m0s, which is what this worker allows (setting --phase-timeout)"

// TestPhaseTimeout: what takes longer than the worker allows is interrupted, and
// the run fails and says why; what an apply has made by then is in the state.
func TestPhaseTimeout(t *testing.T) {
	for phase, inApply := range map[domain.RunState]bool{domain.RunPlanning: false, domain.RunApplying: true} {
		t.Run(string(phase), func(t *testing.T) {
			b, p := limited(t, time.Minute)
			job, pidFile := b.slowJob(inApply)
			if inApply {
				job.Source.URL = gitRepo(t, map[string]string{"main.tf": slowApply + `
resource "terraform_data" "made" {
  provisioner "local-exec" {
    command = "while ! test -s $PIDFILE; do sleep 0.01; done"
  }
}
`})
			}
			job.Hooks.AfterRun = []string{"echo after-run"}
			b.whenSlow(func() {
				if n := p.pass(); n != 1 {
					t.Errorf("%d phases last", n)
				}
			})
			err := b.execute(t.Context(), job)
			if want := string(phase) + tooLong; err == nil || err.Error() != want {
				t.Errorf("err = %v, want %q", err, want)
			}
			last := b.api.last()
			if last.To != domain.RunFailed || last.Note != string(phase)+tooLong || last.Interrupted {
				t.Errorf("the run ended as %+v", last)
			}
			b.wantLog("Failed: " + string(phase) + tooLong)
			if strings.Contains(b.api.text(), "after-run") {
				t.Error("a hook ran after its time")
			}
			if !gone(t, pidFile) {
				t.Error("the process lives")
			}
			if inApply {
				b.wantLog("Interrupt received")
				if !strings.Contains(b.state.state(), `"name":"made"`) && !strings.Contains(b.state.state(), `"name": "made"`) {
					t.Errorf("the state does not hold what was made: %s", b.state.state())
				}
			}
		})
	}
}

// TestPhaseTimeoutByForce: what does not end when it is interrupted is killed,
// and the control plane hears that the state may lack something.
func TestPhaseTimeoutByForce(t *testing.T) {
	b, p := limited(t, 50*time.Millisecond)
	job, _ := b.slowJob(true)
	job.Hooks.BeforeApply = []string{"trap '' INT; echo slow-began; while :; do sleep 0.05; done"}
	b.whenSlow(func() { p.pass() })
	if err := b.execute(t.Context(), job); err == nil {
		t.Error("no error")
	}
	if last := b.api.last(); last.To != domain.RunFailed || last.Note != "APPLYING"+tooLong || !last.Interrupted {
		t.Errorf("the run ended as %+v", last)
	}
}

// TestPhaseTimeoutByTheClock takes the real clock.
func TestPhaseTimeoutByTheClock(t *testing.T) {
	b := newBench(t)
	b.cfg.PhaseTimeout = time.Nanosecond
	if err := b.execute(t.Context(), b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))); err == nil {
		t.Error("no error")
	}
	if last := b.api.last(); last.To != domain.RunFailed || !strings.HasPrefix(last.Note, "PREPARING took longer than 1ns") {
		t.Errorf("the run ended as %+v", last)
	}
}

// TestPhasesAreMeasuredEach: the time of a phase begins with it, a run that waits
// for a decision has none, and its apply gets all of it again.
func TestPhasesAreMeasuredEach(t *testing.T) {
	b, p := limited(t, time.Minute)
	job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))
	b.must(job)
	checkPath(t, b.api, then(planPath, domain.RunUnconfirmed))
	if n := len(p.over); n != 4 || p.pass() != 0 {
		t.Errorf("%d phases, and some last", n)
	}
	apply := b.job(job.Source.URL)
	apply.Phase = workerapi.PhaseApply
	b.must(apply)
	if last := b.api.last().To; last != domain.RunFinished || p.pass() != 0 {
		t.Errorf("the run is %s", last)
	}
	if slices.ContainsFunc(p.over, func(f func()) bool { return f != nil }) {
		t.Error("a phase lasts")
	}
}
