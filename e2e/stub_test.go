package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// stub is a worker that speaks the worker API and the state protocol as a real
// one does, and executes nothing.
type stub struct {
	api    workerapi.API
	id     string
	repeat int // how often each message is sent; 0: once
	pieces int // of log, in each of PLANNING and APPLYING
	// pause is called between two messages; nil for none.
	pause func(ctx context.Context, job *workerapi.Job)
	// claimed is told of each lease; nil for nobody.
	claimed func(job *workerapi.Job)

	mu     sync.Mutex
	logged map[domain.RunID]string // what the control plane has acknowledged
	leases int
	ended  int // runs that this stub has brought to an end or to a decision
}

// poolOf reads the token of the built-in pool.
func poolOf(t testing.TB, s *server) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(s.data, "worker-pool.json"))
	if err != nil {
		t.Fatal(err)
	}
	var pool struct{ Token string }
	if err := json.Unmarshal(body, &pool); err != nil {
		t.Fatal(err)
	}
	return pool.Token
}

// newStub is a stub of the built-in pool.
func newStub(t testing.TB, s *server, id string) *stub {
	t.Helper()
	api, err := workerapi.NewClient(s.Endpoint, poolOf(t, s), nil)
	if err != nil {
		t.Fatal(err)
	}
	return &stub{api: api, id: id, pieces: 3, logged: map[domain.RunID]string{}}
}

// work executes runs until ctx ends.
func (s *stub) work(ctx context.Context) {
	for ctx.Err() == nil {
		job, err := s.api.Lease(ctx, workerapi.LeaseRequest{WorkerID: s.id, Wait: 20 * time.Second})
		if err != nil {
			wait(ctx, 20*time.Millisecond)
			continue
		}
		if job == nil {
			continue
		}
		s.mu.Lock()
		s.leases++
		s.mu.Unlock()
		if s.claimed != nil {
			s.claimed(job)
		}
		if s.execute(ctx, job) == nil {
			s.mu.Lock()
			s.ended++
			s.mu.Unlock()
		}
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// attempt is one lease that a stub carries out.
type attempt struct {
	*stub
	job *workerapi.Job
	seq int
}

// execute goes the way of one lease. An error means that it is lost.
func (s *stub) execute(ctx context.Context, job *workerapi.Job) error {
	a := &attempt{stub: s, job: job}
	if job.Phase == workerapi.PhaseApply {
		return a.apply(ctx)
	}
	if err := errors.Join(a.to(ctx, domain.RunInitializing), a.to(ctx, domain.RunPlanning), a.log(ctx, domain.RunPlanning)); err != nil {
		return err
	}
	if job.RunType == domain.RunProposed {
		return a.to(ctx, domain.RunFinished)
	}
	if job.Autodeploy {
		return errors.Join(a.to(ctx, domain.RunConfirmed), a.apply(ctx))
	}
	err := a.call(ctx, func(ctx context.Context) error {
		return s.api.PutWorkspace(ctx, job.Ref, bytes.NewReader([]byte("workspace of "+job.Ref.RunID)))
	})
	return errors.Join(err, a.to(ctx, domain.RunUnconfirmed))
}

func (a *attempt) apply(ctx context.Context) error {
	if err := errors.Join(a.to(ctx, domain.RunApplying), a.log(ctx, domain.RunApplying)); err != nil {
		return err
	}
	if a.job.State != nil {
		if err := a.store(ctx); err != nil {
			return err
		}
	}
	return a.to(ctx, domain.RunFinished)
}

func (a *attempt) to(ctx context.Context, state domain.RunState) error {
	return a.call(ctx, func(ctx context.Context) error {
		_, err := a.api.Advance(ctx, workerapi.Advance{Ref: a.job.Ref, To: state})
		return err
	})
}

// log sends the pieces of one state and notes what was acknowledged. Where
// messages are repeated, old pieces come again, too, and new ones too early.
func (a *attempt) log(ctx context.Context, state domain.RunState) error {
	for range a.pieces {
		text := fmt.Sprintf("%s %s %d.%d\n", a.job.Ref.RunID, state, a.job.Ref.Epoch, a.seq)
		send := func(seq int, text string) error {
			return a.api.AppendLogs(ctx, workerapi.LogChunk{Ref: a.job.Ref, Seq: seq, State: state, Text: text})
		}
		if a.repeat > 1 {
			if err := send(a.seq+1, "too early\n"); err == nil {
				return errors.New("a piece was taken before the one before it")
			}
		}
		if err := a.call(ctx, func(context.Context) error { return send(a.seq, text) }); err != nil {
			return err
		}
		a.seq++
		a.mu.Lock()
		a.logged[a.job.Ref.RunID] += text
		a.mu.Unlock()
		if a.repeat > 1 {
			_ = send(rand.IntN(a.seq), "repeated\n") // it changes nothing
		}
	}
	return nil
}

// store writes the next version of the state, as OpenTofu does.
func (a *attempt) store(ctx context.Context) error {
	lock := fmt.Sprintf(`{"ID":"%s-%d"}`, a.job.Ref.RunID, a.job.Ref.Epoch)
	if _, err := a.state(ctx, "LOCK", "", lock); err != nil {
		return err
	}
	current, err := a.state(ctx, http.MethodGet, "", "")
	if err != nil {
		return err
	}
	head := struct {
		Version, Serial int
		Lineage         string
	}{4, 0, string("lineage-" + a.job.StackID)}
	if len(current) > 0 {
		if err := json.Unmarshal(current, &head); err != nil {
			return err
		}
	}
	next := fmt.Sprintf(`{"version":4,"serial":%d,"lineage":%q,"outputs":{}}`, head.Serial+1, head.Lineage)
	if _, err := a.state(ctx, http.MethodPost, fmt.Sprintf("?ID=%s-%d", a.job.Ref.RunID, a.job.Ref.Epoch), next); err != nil {
		return err
	}
	_, err = a.state(ctx, "UNLOCK", "", lock)
	var status statusError
	if errors.As(err, &status) && status == http.StatusConflict {
		return nil // the answer to an earlier one was lost
	}
	return err
}

// statusError is a refusal by the state backend.
type statusError int

func (e statusError) Error() string { return http.StatusText(int(e)) }

// state makes one call of the state protocol.
func (a *attempt) state(ctx context.Context, method, query, body string) (answer []byte, err error) {
	err = a.call(ctx, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, method, a.job.State.Address+query, bytes.NewReader([]byte(body)))
		if err != nil {
			return err
		}
		req.SetBasicAuth(a.job.State.Username, a.job.State.Password)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return domain.Unavailable("the state", err)
		}
		defer res.Body.Close()
		if answer, err = io.ReadAll(res.Body); err != nil || res.StatusCode >= 500 {
			return domain.Unavailable("the state", err)
		}
		if res.StatusCode >= 300 {
			return statusError(res.StatusCode)
		}
		return nil
	})
	return answer, err
}

// call sends a message until it is answered, and then again as often as is
// wanted. It returns a refusal.
func (a *attempt) call(ctx context.Context, send func(context.Context) error) error {
	if a.pause != nil {
		a.pause(ctx, a.job)
	}
	err := send(ctx)
	for ctx.Err() == nil && domain.ErrorCode(err) == domain.CodeUnavailable {
		wait(ctx, 20*time.Millisecond)
		err = send(ctx)
	}
	for n := 1; n < a.repeat && err == nil; n++ {
		again := send(ctx)
		var status statusError
		if errors.As(again, &status) && status == http.StatusConflict {
			continue // unlocked twice
		}
		err = again
	}
	return errors.Join(err, ctx.Err())
}
