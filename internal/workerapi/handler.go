package workerapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
)

// Limits on what a worker may send.
const (
	MaxLogBody   = 1 << 20
	MaxWorkspace = 64 << 20
	maxAdvance   = 16 << 20
	maxSmallBody = 64 << 10
	// MaxLeaseWait is the longest long poll.
	MaxLeaseWait = 30 * time.Second
)

// Backend is the control plane's side: API's methods with what the caller has
// proved. It must check that the run belongs to that pool before it reads any of
// a body, and that the proof still holds when it writes.
type Backend interface {
	Lease(ctx context.Context, key domain.PoolKey, req LeaseRequest) (*Job, error)
	Leave(ctx context.Context, key domain.PoolKey, req LeaveRequest) error
	Heartbeat(ctx context.Context, key domain.PoolKey, q HeartbeatRequest) (HeartbeatReply, error)
	Advance(ctx context.Context, key domain.PoolKey, a Advance) (AdvanceReply, error)
	AppendLogs(ctx context.Context, key domain.PoolKey, c LogChunk) error
	PutWorkspace(ctx context.Context, key domain.PoolKey, ref LeaseRef, body io.Reader) error
	GetWorkspace(ctx context.Context, key domain.PoolKey, ref LeaseRef) (io.ReadCloser, error)
	RecoverState(ctx context.Context, key domain.PoolKey, ref LeaseRef, body io.Reader) error
	Federate(ctx context.Context, key domain.PoolKey, q FederateRequest) (FederateReply, error)
}

// Auth answers what a token proves. An error means that it could
// not be found out.
type Auth func(ctx context.Context, token string) (key domain.PoolKey, ok bool, err error)

type handler struct {
	auth    Auth
	backend Backend
}

type provedKey struct{}

// Handler serves the worker API below /worker/v1/. Every request carries a
// pool token as a bearer token; nothing is answered without one.
func Handler(auth Auth, backend Backend) http.Handler {
	h := &handler{auth: auth, backend: backend}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathLease, h.lease)
	mux.HandleFunc("POST "+pathLeave, answer(maxSmallBody, h.leave))
	mux.HandleFunc("POST "+pathHeartbeat, h.heartbeat)
	mux.HandleFunc("POST "+pathAdvance, answer(maxAdvance, h.backend.Advance))
	mux.HandleFunc("POST "+pathLogs, answer(MaxLogBody, h.appendLogs))
	mux.HandleFunc("POST "+pathFederate, answer(maxSmallBody, h.backend.Federate))
	mux.HandleFunc("PUT "+pathPrefix+"runs/{run}/leases/{epoch}/workspace", h.putWorkspace)
	mux.HandleFunc("GET "+pathPrefix+"runs/{run}/leases/{epoch}/workspace", h.getWorkspace)
	mux.HandleFunc("PUT "+pathPrefix+"runs/{run}/leases/{epoch}/state", h.recoverState)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, err := h.authenticate(r)
		if err != nil {
			writeError(w, r, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), provedKey{}, key)))
	})
}

func (h *handler) authenticate(r *http.Request) (domain.PoolKey, error) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return domain.PoolKey{}, domain.Unauthenticated("a worker pool token is required")
	}
	key, ok, err := h.auth(r.Context(), token)
	switch {
	case domain.ErrorCode(err) != "":
		return domain.PoolKey{}, err
	case err != nil:
		return domain.PoolKey{}, domain.Unavailable("sign-in", err)
	case !ok:
		return domain.PoolKey{}, domain.Unauthenticated("unknown worker pool token")
	}
	return key, nil
}

func keyOf(r *http.Request) domain.PoolKey {
	key, _ := r.Context().Value(provedKey{}).(domain.PoolKey)
	return key
}

// answer serves a call whose question and answer are both JSON.
func answer[Q, A any](limit int64, call func(context.Context, domain.PoolKey, Q) (A, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var q Q
		if !readJSON(w, r, limit, &q) {
			return
		}
		a, err := call(r.Context(), keyOf(r), q)
		if err != nil {
			writeError(w, r, err)
			return
		}
		writeJSON(w, http.StatusOK, a)
	}
}

func (h *handler) appendLogs(ctx context.Context, key domain.PoolKey, c LogChunk) (struct{}, error) {
	return struct{}{}, h.backend.AppendLogs(ctx, key, c)
}

func (h *handler) leave(ctx context.Context, key domain.PoolKey, req LeaveRequest) (struct{}, error) {
	return struct{}{}, h.backend.Leave(ctx, key, req)
}

func (h *handler) heartbeat(w http.ResponseWriter, r *http.Request) {
	answer(maxSmallBody, func(ctx context.Context, key domain.PoolKey, q HeartbeatRequest) (HeartbeatReply, error) {
		q.Wait = min(max(q.Wait, 0), MaxLeaseWait)
		return h.backend.Heartbeat(ctx, key, q)
	})(w, r)
}

func (h *handler) lease(w http.ResponseWriter, r *http.Request) {
	var req LeaseRequest
	if !readJSON(w, r, maxSmallBody, &req) {
		return
	}
	req.Wait = min(max(req.Wait, 0), MaxLeaseWait)
	job, err := h.backend.Lease(r.Context(), keyOf(r), req)
	switch {
	case errors.Is(err, ErrRestart):
		w.WriteHeader(http.StatusGone)
	case err != nil:
		writeError(w, r, err)
	case job == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		writeJSON(w, http.StatusOK, job)
	}
}

func pathRef(r *http.Request) (LeaseRef, error) {
	epoch, err := strconv.Atoi(r.PathValue("epoch"))
	if err != nil || epoch < 0 {
		return LeaseRef{}, domain.Invalid("epoch", "must be a number")
	}
	return LeaseRef{RunID: domain.RunID(r.PathValue("run")), Epoch: epoch, Secret: r.Header.Get(secretHeader)}, nil
}

func (h *handler) putWorkspace(w http.ResponseWriter, r *http.Request) {
	take(w, r, typeWorkspace, MaxWorkspace, h.backend.PutWorkspace)
}

func (h *handler) recoverState(w http.ResponseWriter, r *http.Request) {
	take(w, r, typeJSON, domain.MaxRefusedState, h.backend.RecoverState)
}

// take hands the body of an upload on.
func take(w http.ResponseWriter, r *http.Request, mediaType string, limit int64, to func(context.Context, domain.PoolKey, LeaseRef, io.Reader) error) {
	ref, err := pathRef(r)
	if err != nil {
		writeError(w, r, err)
		return
	}
	if !wantType(w, r, mediaType) {
		return
	}
	if r.ContentLength > limit {
		writeError(w, r, &http.MaxBytesError{Limit: limit})
		return
	}
	if err := to(r.Context(), keyOf(r), ref, http.MaxBytesReader(w, r.Body, limit)); err != nil {
		writeError(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *handler) getWorkspace(w http.ResponseWriter, r *http.Request) {
	ref, err := pathRef(r)
	if err != nil {
		writeError(w, r, err)
		return
	}
	body, err := h.backend.GetWorkspace(r.Context(), keyOf(r), ref)
	if err != nil {
		writeError(w, r, err)
		return
	}
	defer body.Close()
	w.Header().Set("Content-Type", typeWorkspace)
	if _, err := io.Copy(w, body); err != nil {
		panic(http.ErrAbortHandler) // the worker must not take half a workspace for a whole one
	}
}
