package workerapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
)

// fake is a Backend that answers from a script and remembers what it was told.
type fake struct {
	mu        sync.Mutex
	pool      domain.PoolKey
	heard     []any
	job       *Job
	err       error
	workspace []byte
	state     []byte
}

func (f *fake) hear(pool domain.PoolKey, what any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pool = pool
	f.heard = append(f.heard, what)
	return f.err
}

func (f *fake) Lease(_ context.Context, pool domain.PoolKey, req LeaseRequest) (*Job, error) {
	return f.job, f.hear(pool, req)
}

func (f *fake) Leave(_ context.Context, pool domain.PoolKey, req LeaveRequest) error {
	return f.hear(pool, req)
}

func (f *fake) Heartbeat(_ context.Context, pool domain.PoolKey, ref HeartbeatRequest) (HeartbeatReply, error) {
	return HeartbeatReply{Stop: true}, f.hear(pool, ref)
}

func (f *fake) Advance(_ context.Context, pool domain.PoolKey, a Advance) (AdvanceReply, error) {
	return AdvanceReply{Apply: true}, f.hear(pool, a)
}

func (f *fake) AppendLogs(_ context.Context, pool domain.PoolKey, c LogChunk) error {
	return f.hear(pool, c)
}

func (f *fake) Federate(_ context.Context, pool domain.PoolKey, q FederateRequest) (FederateReply, error) {
	return FederateReply{Token: "a.b.c", Life: time.Hour}, f.hear(pool, q)
}

func (f *fake) PutWorkspace(_ context.Context, pool domain.PoolKey, ref LeaseRef, body io.Reader) error {
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	f.workspace = b
	return f.hear(pool, ref)
}

func (f *fake) GetWorkspace(_ context.Context, pool domain.PoolKey, ref LeaseRef) (io.ReadCloser, error) {
	if err := f.hear(pool, ref); err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(f.workspace)), nil
}

func (f *fake) RecoverState(_ context.Context, pool domain.PoolKey, ref LeaseRef, body io.Reader) error {
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	f.state = b
	return f.hear(pool, ref)
}

var poolOne = domain.PoolKey{Pool: "pool-1", Generation: 3}

// auth knows one token.
func auth(_ context.Context, token string) (domain.PoolKey, bool, error) {
	switch token {
	case "good":
		return poolOne, true, nil
	case "broken":
		return domain.PoolKey{}, false, errors.New("database is down")
	case "domain":
		return domain.PoolKey{}, false, domain.Unavailable("the store", nil)
	default:
		return domain.PoolKey{}, false, nil
	}
}

// doors are the two ways to the same backend.
func doors(t *testing.T, f *fake) map[string]API {
	t.Helper()
	server := httptest.NewServer(Handler(auth, f))
	t.Cleanup(server.Close)
	client, err := NewClient(server.URL+"/", "good", nil)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]API{"local": Local(poolOne, f), "http": client}
}

var ref = LeaseRef{RunID: "01RUN/?#", Epoch: 3, Secret: "proof"}

// wholeJob has every field set.
func wholeJob() *Job {
	return &Job{
		Ref: ref, Phase: PhaseApply, RunType: domain.RunTracked, StackID: "net", LeaseTTL: 30 * time.Second, ApplyTTL: time.Hour,
		Source:      Source{Provider: "GIT", URL: "https://e.com/a", Branch: "main", Commit: "abc", Schemes: []string{"https"}},
		ProjectRoot: "live", FailReason: "f", MaskWellKnown: true, Federated: true, Notices: []string{"n"}, Image: "i", ToolVersion: "1.12.6", Autodeploy: true,
		Env:   []EnvVar{{Name: "A", Value: "b\x01\"", Secret: true}},
		Files: []File{{Path: "p", Content: []byte{0, 1, 255}, Secret: true, Mode: 0o600}},
		Hooks: domain.Hooks{BeforeInit: []string{"a"}, AfterRun: []string{"b\nc"}},
		State: &State{Address: "http://s", Username: "u", Password: "p"},
	}
}

func TestConformanceCalls(t *testing.T) {
	f := &fake{}
	for name, api := range doors(t, f) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			advance := Advance{
				Ref: ref, To: domain.RunUnconfirmed, Note: "n", Commit: &domain.Commit{Hash: "h", Timestamp: time.Unix(1, 2).UTC()},
				Delta: &domain.Delta{Added: 1, Changed: 2, Deleted: 3, Resources: 4}, Changes: []domain.ResourceChange{{Address: "a", Action: "create"}},
				Outputs: []domain.Output{{Name: "o", Value: `"<&>"`, Description: "d"}}, Lost: true, Interrupted: true,
				Entities: &[]Entity{{Address: "m.t.n[0]", Module: "m", Type: "t", Name: "n", Provider: "p", Output: true, Data: true, Tainted: true, Sensitive: true}},
			}
			chunk := LogChunk{Ref: ref, Seq: 7, State: domain.RunPlanning, Text: "\x1b[1mline\n"}
			request := LeaseRequest{WorkerID: "w", Metadata: map[string]string{"k": "v"}, Wait: time.Hour, Containers: true}
			f.heard, f.job = nil, nil
			if job, err := api.Lease(ctx, request); job != nil || err != nil {
				t.Errorf("no work: %v %v", job, err)
			}
			f.job = wholeJob()
			job, err := api.Lease(ctx, request)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(wholeJob(), job); d != "" {
				t.Errorf("job: %s", d)
			}
			if reply, err := api.Heartbeat(ctx, HeartbeatRequest{LeaseRef: ref}); err != nil || !reply.Stop {
				t.Errorf("heartbeat: %v %v", reply, err)
			}
			if reply, err := api.Advance(ctx, Advance{Ref: ref, Outputs: []domain.Output{}, Entities: &[]Entity{}}); err != nil || !reply.Apply {
				t.Errorf("advance: %v %v", reply, err)
			}
			if none := f.heard[len(f.heard)-1].(Advance); none.Outputs == nil || none.Entities == nil || len(*none.Entities) != 0 {
				t.Errorf("that there is nothing arrives as %+v", none)
			}
			f.heard = f.heard[:len(f.heard)-1]
			if reply, err := api.Advance(ctx, advance); err != nil || !reply.Apply {
				t.Errorf("advance: %v %v", reply, err)
			}
			if err := api.AppendLogs(ctx, chunk); err != nil {
				t.Error(err)
			}
			if err := api.PutWorkspace(ctx, ref, io.MultiReader(strings.NewReader("body"))); err != nil {
				t.Error(err)
			}
			body, err := api.GetWorkspace(ctx, ref)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(body); string(got) != "body" || err != nil || body.Close() != nil {
				t.Errorf("workspace: %q %v", got, err)
			}
			if err := api.RecoverState(ctx, ref, strings.NewReader("{}")); err != nil || string(f.state) != "{}" {
				t.Errorf("recover a state: %v, %q", err, f.state)
			}
			if reply, err := api.Federate(ctx, FederateRequest{LeaseRef: ref}); err != nil || reply.Token != "a.b.c" || reply.Life != time.Hour {
				t.Errorf("federate: %+v, %v", reply, err)
			}
			request.Wait, request.Proves = MaxLeaseWait, true
			want := []any{request, request, HeartbeatRequest{LeaseRef: ref}, advance, chunk, ref, ref, ref, FederateRequest{LeaseRef: ref}}
			if d := cmp.Diff(want, f.heard); d != "" {
				t.Errorf("the backend heard (-want +got):\n%s", d)
			}
			if f.pool != poolOne {
				t.Errorf("pool = %v", f.pool)
			}
		})
	}
}

// calls are all methods of an API, for their errors.
func calls(ctx context.Context, api API) map[string]func() error {
	return map[string]func() error{
		"lease":     func() error { _, err := api.Lease(ctx, LeaseRequest{}); return err },
		"heartbeat": func() error { _, err := api.Heartbeat(ctx, HeartbeatRequest{LeaseRef: ref}); return err },
		"advance":   func() error { _, err := api.Advance(ctx, Advance{Ref: ref}); return err },
		"logs":      func() error { return api.AppendLogs(ctx, LogChunk{Ref: ref}) },
		"put":       func() error { return api.PutWorkspace(ctx, ref, strings.NewReader("x")) },
		"recover":   func() error { return api.RecoverState(ctx, ref, strings.NewReader("{}")) },
		"federate":  func() error { _, err := api.Federate(ctx, FederateRequest{LeaseRef: ref}); return err },
		"get":       func() error { _, err := api.GetWorkspace(ctx, ref); return err },
	}
}

func TestConformanceErrors(t *testing.T) {
	f := &fake{}
	for name, api := range doors(t, f) {
		for _, want := range []*domain.Error{
			domain.Conflict("epoch 3 is over"), domain.NotFound("run"), domain.Invalid("to", "no such state"),
			domain.Unauthenticated("gone"), {Code: domain.CodeForbidden, Message: "forbidden: x"}, domain.Unavailable("the control plane", nil),
		} {
			f.err = want
			for call, do := range calls(t.Context(), api) {
				err := do()
				var got *domain.Error
				if !errors.As(err, &got) || got.Code != want.Code || got.Error() != want.Error() {
					t.Errorf("%s %s: %v, want %v", name, call, err, want)
				}
			}
		}
	}
}

func TestInternalErrorsStayInside(t *testing.T) {
	f := &fake{err: errors.New("secret detail of the database")}
	for call, do := range calls(t.Context(), doors(t, f)["http"]) {
		err := do()
		if domain.ErrorCode(err) != domain.CodeUnavailable || strings.Contains(errors.Unwrap(err).Error(), "secret detail") {
			t.Errorf("%s: %v, cause %v", call, err, errors.Unwrap(err))
		}
	}
}

func TestCancelledCallsReturn(t *testing.T) {
	f := &fake{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for call, do := range calls(ctx, doors(t, f)["http"]) {
		if err := do(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func TestPutWorkspaceOfAFile(t *testing.T) {
	f := &fake{}
	path := filepath.Join(t.TempDir(), "w")
	if err := os.WriteFile(path, []byte("from a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := doors(t, f)["http"].PutWorkspace(t.Context(), ref, file); err != nil || string(f.workspace) != "from a file" {
		t.Errorf("%v %q", err, f.workspace)
	}
	if err := file.Close(); err != nil {
		t.Errorf("the client closed the caller's file: %v", err)
	}
}
