package workerapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/statebackend"
	"github.com/airlock-project/airlock/internal/states"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// plane is a control plane that workers of one pool reach over HTTP.
type plane struct {
	*storetest.Kit
	url      string
	identity *identity.Service
	runs     *runs.Service
	workers  http.Handler
}

func newPlane(t *testing.T, k *storetest.Kit) plane {
	t.Helper()
	storetest.World(t, k)
	mux, gate := http.NewServeMux(), access.NewGate()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p := plane{Kit: k, url: server.URL}
	var err error
	p.identity, err = identity.New(t.Context(), store.Bind[identity.Tx](k.Store), gate, k.IDs, k.Clock.Now, identity.Config{BaseURL: p.url, TokenTTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	p.runs = runs.New(store.Bind[runs.Tx](k.Store), gate, k.IDs, p.identity, runs.Config{BaseURL: p.url, Federation: p.identity})
	kept := states.New(store.Bind[states.Tx](k.Store), gate, k.IDs)
	auth := func(_ context.Context, token string) (domain.PoolKey, bool, error) {
		return domain.PoolKey{Pool: domain.DefaultWorkerPool}, token == "pool-token", nil
	}
	p.workers = workerapi.Handler(auth, workerapi.NewBackend(p.runs, workerapi.BackendConfig{Endpoint: p.url, States: kept}))
	mux.Handle("/worker/", p.workers)
	mux.Handle("/state/", statebackend.Handler(kept, p.identity.AuthenticateForState))
	return p
}

// worker is one of those that share the token of the pool.
func (p plane) worker(t *testing.T) *workerapi.Client {
	t.Helper()
	c, err := workerapi.NewClient(p.url, "pool-token", nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// lease gives a run of a stack to a worker, and lets it begin to plan.
func (p plane) lease(t *testing.T, w *workerapi.Client, stack domain.StackID) *workerapi.Job {
	t.Helper()
	if _, err := p.runs.Trigger(p.As(t, "root-admin"), runs.TriggerInput{Stack: stack}); err != nil {
		t.Fatal(err)
	}
	job, err := w.Lease(t.Context(), workerapi.LeaseRequest{WorkerID: "w-" + string(stack), Wait: time.Millisecond})
	if err != nil || job == nil || job.StackID != stack || job.Ref.Secret == "" {
		t.Fatalf("leased %+v, %v", job, err)
	}
	p.to(t, w, job, domain.RunInitializing, domain.RunPlanning)
	return job
}

func (p plane) to(t *testing.T, w *workerapi.Client, job *workerapi.Job, states ...domain.RunState) {
	t.Helper()
	for _, s := range states {
		if _, err := w.Advance(t.Context(), workerapi.Advance{Ref: job.Ref, To: s}); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// all is what a worker can do with a lease.
func all(ctx context.Context, w *workerapi.Client, ref workerapi.LeaseRef) map[string]error {
	_, heartbeat := w.Heartbeat(ctx, workerapi.HeartbeatRequest{LeaseRef: ref})
	_, finish := w.Advance(ctx, workerapi.Advance{Ref: ref, To: domain.RunFinished, Outputs: []domain.Output{{Name: "stolen"}}})
	_, again := w.Advance(ctx, workerapi.Advance{Ref: ref, To: domain.RunApplying})
	_, lost := w.Advance(ctx, workerapi.Advance{Ref: ref, To: domain.RunFailed, Lost: true})
	token, federate := w.Federate(ctx, workerapi.FederateRequest{LeaseRef: ref})
	if token.Token != "" {
		federate = nil
	}
	body, get := w.GetWorkspace(ctx, ref)
	if get == nil {
		_ = body.Close() // it was only asked for
	}
	return map[string]error{
		"heartbeat": heartbeat, "finish": finish, "advance": again, "lost": lost, "federate": federate, "read the workspace": get,
		"log":               w.AppendLogs(ctx, workerapi.LogChunk{Ref: ref, State: domain.RunApplying, Text: "stolen\n"}),
		"keep a workspace":  w.PutWorkspace(ctx, ref, strings.NewReader("stolen")),
		"hand over a state": w.RecoverState(ctx, ref, strings.NewReader(`{"version":4,"serial":9,"lineage":"stolen"}`)),
	}
}

// ask sends a request of the state backend with a run's token.
func (p plane) ask(t *testing.T, method, address, token, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("run", token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body) // only the status counts
	_ = res.Body.Close()
	return res.StatusCode
}

// kept is the database without what records refusals.
func (p plane) kept(t *testing.T) map[string]string {
	t.Helper()
	d := p.Digest(t)
	for table := range d {
		if strings.HasPrefix(table, "audit") || strings.HasPrefix(table, "outbox") {
			delete(d, table)
		}
	}
	return d
}

// TestCase87SecretOfALease: a worker that executes one run replays all that it
// holds against the run of another worker of the same pool. Nothing answers.
func TestCase87SecretOfALease(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		p := newPlane(t, k)
		thief, owner := p.worker(t), p.worker(t)
		auto := func(s *domain.Stack) {
			s.Autodeploy, s.ManagesState, s.RepositoryURL = true, true, "https://e.com/a.git"
		}
		p.Stack(t, "mine", "dev", auto)
		p.Stack(t, "theirs", "prod", auto)
		mine, theirs := p.lease(t, thief, "mine"), p.lease(t, owner, "theirs")
		if err := owner.PutWorkspace(t.Context(), theirs.Ref, strings.NewReader("their workspace")); err != nil {
			t.Fatal(err)
		}
		for w, job := range map[*workerapi.Client]*workerapi.Job{thief: mine, owner: theirs} {
			p.to(t, w, job, domain.RunConfirmed, domain.RunApplying)
		}
		lock := fmt.Sprintf(`{"ID":%q}`, "their-lock")
		if status := p.ask(t, "LOCK", theirs.State.Address, theirs.State.Password, lock); status != http.StatusOK {
			t.Fatalf("the owner's lock: %d", status)
		}
		before, refused := p.kept(t), 0
		for why, secret := range map[string]string{"none": "", "of the thief's lease": mine.Ref.Secret, "the run's token": mine.State.Password} {
			ref := theirs.Ref
			ref.Secret = secret
			for call, err := range all(t.Context(), thief, ref) {
				if domain.ErrorCode(err) != domain.CodeForbidden {
					t.Errorf("%s with the secret %s: %v", call, why, err)
				}
				refused++
			}
		}
		for method, body := range map[string]string{
			http.MethodGet: "", http.MethodPost: `{"version":4,"serial":9,"lineage":"stolen"}`, "LOCK": lock, "UNLOCK": lock,
		} {
			for _, query := range []string{"", "?ID=their-lock"} {
				if status := p.ask(t, method, theirs.State.Address+query, mine.State.Password, body); status != http.StatusForbidden {
					t.Errorf("%s %s of the other stack's state: %d", method, query, status)
				}
			}
		}
		caller, err := p.identity.Authenticate(t.Context(), mine.State.Password)
		if err != nil {
			t.Fatal(err)
		}
		if page, err := p.runs.Logs(access.WithCaller(t.Context(), caller), theirs.Ref.RunID, domain.RunPlanning, -1, ""); domain.ErrorCode(err) != domain.CodeNotFound {
			t.Errorf("the other run's log: %v, %v", page, err)
		}
		if diff := cmp.Diff(before, p.kept(t)); diff != "" {
			t.Errorf("something changed:\n%s", diff)
		}
		for _, e := range p.Audit(t) {
			if e.Event == "run.lease" && e.Outcome == domain.AuditDenied && e.Actor == "worker-pool::"+string(domain.DefaultWorkerPool) && e.ObjectID == string(theirs.Ref.RunID) {
				refused--
			}
		}
		if refused != 0 {
			t.Errorf("%d attempts are not in the audit trail", refused)
		}
		p.to(t, owner, theirs, domain.RunFinished)
		p.to(t, thief, mine, domain.RunFinished)
		if err := all(t.Context(), thief, workerapi.LeaseRef{RunID: theirs.Ref.RunID, Epoch: theirs.Ref.Epoch})["hand over a state"]; domain.ErrorCode(err) != domain.CodeForbidden {
			t.Errorf("a state for a run that has ended: %v", err)
		}
	})
}

// TestCase87SecretOfAnEarlierLease: what the plan's worker held opens nothing
// while another one applies.
func TestCase87SecretOfAnEarlierLease(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		p := newPlane(t, k)
		w := p.worker(t)
		p.Stack(t, "slow", "dev", func(s *domain.Stack) { s.ManagesState, s.RepositoryURL = true, "https://e.com/a.git" })
		plan := p.lease(t, w, "slow")
		p.to(t, w, plan, domain.RunUnconfirmed)
		if _, err := p.runs.Confirm(p.As(t, "root-admin"), "slow", plan.Ref.RunID, ""); err != nil {
			t.Fatal(err)
		}
		apply, err := w.Lease(t.Context(), workerapi.LeaseRequest{WorkerID: "other", Wait: time.Millisecond})
		if err != nil || apply == nil || apply.Ref.Secret == plan.Ref.Secret {
			t.Fatalf("%+v, %v", apply, err)
		}
		p.to(t, w, apply, domain.RunApplying)
		before := p.kept(t)
		guess := apply.Ref
		guess.Secret = plan.Ref.Secret
		for why, c := range map[string]struct {
			ref  workerapi.LeaseRef
			code domain.Code
		}{"the plan's lease": {plan.Ref, domain.CodeConflict}, "the plan's secret": {guess, domain.CodeForbidden}} {
			for call, err := range all(t.Context(), w, c.ref) {
				if domain.ErrorCode(err) != c.code {
					t.Errorf("%s with %s: %v, want %s", call, why, err, c.code)
				}
			}
		}
		if status := p.ask(t, http.MethodGet, plan.State.Address, plan.State.Password, ""); status != http.StatusUnauthorized {
			t.Errorf("the plan's token reads the state during the apply: %d", status)
		}
		if diff := cmp.Diff(before, p.kept(t)); diff != "" {
			t.Errorf("something changed:\n%s", diff)
		}
		p.to(t, w, apply, domain.RunFinished)
	})
}

// TestOlderWorker: one that sends no secret back gets leases without one, and
// nothing of others.
func TestOlderWorker(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		p := newPlane(t, k)
		for _, name := range []domain.StackID{"new", "old"} {
			p.Stack(t, name, "dev", func(s *domain.Stack) { s.RepositoryURL = "https://e.com/a.git" })
		}
		w := p.worker(t)
		other := p.lease(t, w, "new")
		if _, err := p.runs.Trigger(p.As(t, "root-admin"), runs.TriggerInput{Stack: "old"}); err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/worker/v1/lease", bytes.NewReader([]byte(`{"workerId":"old","wait":1}`)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer pool-token")
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		job := &workerapi.Job{}
		if err := json.NewDecoder(res.Body).Decode(job); err != nil || job.StackID != "old" || job.Ref.Secret != "" {
			t.Fatalf("%+v, %v", job, err)
		}
		p.to(t, w, job, domain.RunInitializing, domain.RunPlanning, domain.RunFinished)
		other.Ref.Secret = ""
		if _, err := w.Heartbeat(t.Context(), workerapi.HeartbeatRequest{LeaseRef: other.Ref}); domain.ErrorCode(err) != domain.CodeForbidden {
			t.Errorf("without a secret: %v", err)
		}
	})
}

// TestCase87GuessedSecrets: whatever somebody with the pool's token claims, by
// the body of a question for an OIDC token or by the header of an upload, only
// what the lease was given with opens it.
func TestCase87GuessedSecrets(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		p := newPlane(t, k)
		p.Stack(t, "app", "dev", func(s *domain.Stack) { s.ManagesState, s.RepositoryURL = true, "https://e.com/a.git" })
		w := p.worker(t)
		job := p.lease(t, w, "app")
		before := p.kept(t)
		rapid.Check(t, func(rt *rapid.T) {
			ref := job.Ref
			text := rapid.StringOfN(rapid.RuneFrom(nil, unicode.Letter, unicode.Digit, unicode.Punct), 0, 60, -1)
			near := rapid.Custom(func(rt *rapid.T) string {
				at := rapid.IntRange(0, len(job.Ref.Secret)).Draw(rt, "at")
				return job.Ref.Secret[:at] + text.Draw(rt, "rest")
			})
			ref.Secret = rapid.OneOf(text, near).Draw(rt, "secret")
			ref.Epoch += rapid.IntRange(-1, 1).Draw(rt, "epoch")
			if rapid.IntRange(0, 9).Draw(rt, "another run") == 0 {
				ref.RunID = domain.RunID(rapid.StringMatching(`[A-Za-z0-9]{0,26}`).Draw(rt, "run"))
			}
			if ref == job.Ref {
				rt.Skip("the right one")
			}
			q := workerapi.FederateRequest{LeaseRef: ref, Key: text.Draw(rt, "key"), Nonce: text.Draw(rt, "nonce")}
			if reply, err := w.Federate(t.Context(), q); err == nil || reply.Token != "" || len(reply.Sealed) > 0 {
				rt.Errorf("federate: %+v, %v", reply, err)
			}
			if err := w.PutWorkspace(t.Context(), ref, strings.NewReader("stolen")); err == nil {
				rt.Error("a workspace was taken")
			}
			if body, err := w.GetWorkspace(t.Context(), ref); err == nil {
				_ = body.Close() // it was only asked for
				rt.Error("a workspace was given")
			}
			if err := w.RecoverState(t.Context(), ref, strings.NewReader(`{"version":4,"serial":9,"lineage":"stolen"}`)); err == nil {
				rt.Error("a state was taken")
			}
		})
		if diff := cmp.Diff(before, p.kept(t)); diff != "" {
			t.Errorf("something changed:\n%s", diff)
		}
		if reply, err := w.Federate(t.Context(), workerapi.FederateRequest{LeaseRef: job.Ref}); err != nil || reply.Token == "" {
			t.Errorf("the right one: %+v, %v", reply, err)
		}
	})
}
