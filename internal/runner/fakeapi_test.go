package runner

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// fakeAPI is a control plane in memory that insists on the contract: the state
// machine, the epoch, and log chunks without gaps.
type fakeAPI struct {
	t testing.TB

	mu          sync.Mutex
	jobs        []*workerapi.Job
	epoch       int
	secret      string            // of the lease; every call must prove it
	states      []domain.RunState // the run's path, its first state included
	advances    []workerapi.Advance
	chunks      []workerapi.LogChunk
	workspace   []byte
	noApply     bool // answer CONFIRMED without Apply
	hold        bool // answer CONFIRMED with Hold
	stop        bool
	recovered   []recovered
	refuseState error  // of RecoverState
	left        []bool // what Leave was told: draining, gone
	restart     bool   // answer ErrRestart when there is no job
	federated   int    // tokens given by Federate
	tokenLife   time.Duration
	late        int // calls after the run's last state or the stop

	onAdvance   func(a workerapi.Advance) error // may refuse; called without the lock
	onLog       func(c workerapi.LogChunk) error
	onHeartbeat func() error
	changed     chan struct{}
}

func newFake(t testing.TB) *fakeAPI {
	return &fakeAPI{t: t, changed: make(chan struct{}, 1)}
}

func (f *fakeAPI) notify() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// give queues a job and puts the run where a control plane would have it.
func (f *fakeAPI) give(job *workerapi.Job) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.jobs = append(f.jobs, job)
}

func (f *fakeAPI) begin(job *workerapi.Job) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.epoch, f.secret = job.Ref.Epoch, job.Ref.Secret
	f.chunks = nil
	f.advances = nil
	f.stop = false
	f.states = []domain.RunState{domain.RunReady}
	switch job.Phase {
	case workerapi.PhaseApply:
		f.states = []domain.RunState{domain.RunConfirmed}
	case workerapi.PhaseReplan:
		f.states = []domain.RunState{domain.RunReplanRequested}
	case workerapi.PhasePlan:
	}
}

func (f *fakeAPI) Lease(ctx context.Context, req workerapi.LeaseRequest) (*workerapi.Job, error) {
	f.mu.Lock()
	if len(f.jobs) > 0 {
		job := f.jobs[0]
		f.jobs = f.jobs[1:]
		f.mu.Unlock()
		f.begin(job)
		return job, nil
	}
	restart := f.restart
	f.mu.Unlock()
	f.notify()
	if restart {
		return nil, workerapi.ErrRestart
	}
	wait, cancel := context.WithTimeout(ctx, min(req.Wait, 50*time.Millisecond))
	defer cancel()
	<-wait.Done()
	return nil, ctx.Err()
}

func (f *fakeAPI) Leave(_ context.Context, req workerapi.LeaveRequest) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left = append(f.left, req.Gone)
	return nil
}

// proves insists on the lease's secret; f.mu is held.
func (f *fakeAPI) proves(ref workerapi.LeaseRef) {
	if ref.Secret != f.secret {
		f.t.Errorf("a call proved %q, want %q", ref.Secret, f.secret)
	}
}

// check refuses stale epochs; f.mu is held.
func (f *fakeAPI) check(ref workerapi.LeaseRef) error {
	f.proves(ref)
	last := f.states[len(f.states)-1]
	if last.Terminal() || last == domain.RunUnconfirmed {
		f.late++
	}
	if ref.Epoch != f.epoch {
		return domain.Conflict("epoch %d is over", ref.Epoch)
	}
	return nil
}

func (f *fakeAPI) Heartbeat(_ context.Context, ref workerapi.HeartbeatRequest) (workerapi.HeartbeatReply, error) {
	if f.onHeartbeat != nil {
		if err := f.onHeartbeat(); err != nil {
			return workerapi.HeartbeatReply{}, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.proves(ref.LeaseRef)
	if ref.Epoch != f.epoch {
		return workerapi.HeartbeatReply{}, domain.Conflict("epoch %d is over", ref.Epoch)
	}
	return workerapi.HeartbeatReply{Stop: f.stop}, nil
}

func (f *fakeAPI) Advance(ctx context.Context, a workerapi.Advance) (workerapi.AdvanceReply, error) {
	if f.onAdvance != nil {
		if err := f.onAdvance(a); err != nil {
			return workerapi.AdvanceReply{}, err
		}
	}
	for _, c := range a.Log {
		if err := f.AppendLogs(ctx, c); err != nil {
			return workerapi.AdvanceReply{}, err
		}
	}
	a.Log = nil
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check(a.Ref); err != nil {
		return workerapi.AdvanceReply{}, err
	}
	last := f.states[len(f.states)-1]
	if (last == domain.RunApplying || last == domain.RunConfirmed) && a.To == last && a.Delta != nil { // read while it is applied
		f.advances[len(f.advances)-1].Delta, f.advances[len(f.advances)-1].Changes = a.Delta, a.Changes
		return workerapi.AdvanceReply{Apply: a.To == domain.RunConfirmed && !f.noApply}, nil
	}
	if !last.CanBecome(a.To) {
		f.t.Errorf("the state machine has no edge %s -> %s", last, a.To)
		return workerapi.AdvanceReply{}, domain.Conflict("a run cannot go from %s to %s", last, a.To)
	}
	if f.hold && a.To == domain.RunConfirmed {
		return workerapi.AdvanceReply{Hold: true}, nil
	}
	f.states = append(f.states, a.To)
	f.advances = append(f.advances, a)
	f.notify()
	return workerapi.AdvanceReply{Apply: a.To == domain.RunConfirmed && !f.noApply}, nil
}

func (f *fakeAPI) AppendLogs(_ context.Context, c workerapi.LogChunk) error {
	if f.onLog != nil {
		if err := f.onLog(c); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check(c.Ref); err != nil {
		return err
	}
	switch {
	case c.Seq < len(f.chunks):
		return nil // repeated
	case c.Seq > len(f.chunks):
		f.t.Errorf("log chunk %d came after %d chunks", c.Seq, len(f.chunks))
	case !strings.HasSuffix(c.Text, "\n"):
		f.t.Errorf("log chunk %d does not end with a newline: %q", c.Seq, c.Text)
	}
	if last := f.states[len(f.states)-1]; c.State != last {
		f.t.Errorf("log chunk %d says state %s in state %s: %q", c.Seq, c.State, last, c.Text)
	}
	f.chunks = append(f.chunks, c)
	f.notify()
	return nil
}

// Federate answers with a token that says in which state it was asked for.
func (f *fakeAPI) Federate(_ context.Context, q workerapi.FederateRequest) (workerapi.FederateReply, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.proves(q.LeaseRef)
	if q.Epoch != f.epoch {
		return workerapi.FederateReply{}, domain.Conflict("epoch %d is over", q.Epoch)
	}
	f.federated++
	return workerapi.FederateReply{Token: fmt.Sprintf("federation-token-%d-%s", f.federated, f.states[len(f.states)-1]), Life: cmp.Or(f.tokenLife, time.Hour)}, nil
}

func (f *fakeAPI) PutWorkspace(_ context.Context, ref workerapi.LeaseRef, body io.Reader) error {
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.workspace = b
	return f.check(ref)
}

func (f *fakeAPI) GetWorkspace(_ context.Context, ref workerapi.LeaseRef) (io.ReadCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.check(ref); err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(f.workspace)), nil
}

// text is the log so far.
func (f *fakeAPI) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	for _, c := range f.chunks {
		b.WriteString(c.Text)
	}
	return b.String()
}

func (f *fakeAPI) path() []domain.RunState {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]domain.RunState(nil), f.states...)
}

func (f *fakeAPI) last() workerapi.Advance {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.advances) == 0 {
		return workerapi.Advance{}
	}
	return f.advances[len(f.advances)-1]
}

// until waits until the condition holds, at most for a while.
func (f *fakeAPI) until(what string, condition func() bool) {
	f.t.Helper()
	deadline := time.After(20 * time.Second)
	for !condition() {
		select {
		case <-f.changed:
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			f.t.Fatalf("waited in vain until %s; log:\n%s", what, f.text())
		}
	}
}

// RecoverState takes what it is told to.
func (f *fakeAPI) RecoverState(_ context.Context, ref workerapi.LeaseRef, body io.Reader) error {
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.proves(ref)
	if f.refuseState != nil {
		return f.refuseState
	}
	f.recovered = append(f.recovered, recovered{ref, string(b)})
	f.notify()
	return nil
}

// recovered is a state that was handed over after its lease.
type recovered struct {
	ref  workerapi.LeaseRef
	body string
}
