// Package statebackend speaks the protocols by which states are reached:
// OpenTofu's http backend, which runs use, the part of its remote and cloud
// backends that reads, and URLs of their own right. It translates and limits;
// what a caller may do is decided below it.
package statebackend

import (
	"context"
	"crypto/md5" //nolint:gosec // the protocol's own check of the transport; no security rests on it
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/states"
)

// Path returns where the state of a stack is served.
func Path(id domain.StackID) string { return "/state/v1/" + string(id) }

// Authenticate turns the token in the password of a request into a caller.
type Authenticate func(ctx context.Context, token string) (access.Caller, error)

// Handler serves GET, POST, LOCK and UNLOCK below /state/v1/{stack}. The user
// name is ignored, the password is the run's token.
func Handler(s *states.Service, auth Authenticate) http.Handler {
	h := &handler{states: s}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state/v1/{stack}", h.get)
	mux.HandleFunc("POST /state/v1/{stack}", h.post)
	mux.HandleFunc("LOCK /state/v1/{stack}", h.lock)
	mux.HandleFunc("UNLOCK /state/v1/{stack}", h.unlock)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, token, ok := r.BasicAuth()
		if !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="airlock"`)
			refuse(w, domain.Unauthenticated("the token of a run is required"))
			return
		}
		caller, err := auth(r.Context(), token)
		if err != nil {
			refuse(w, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r.WithContext(access.WithCaller(r.Context(), caller)))
	})
}

type handler struct {
	states *states.Service
	rooms  rooms
}

// enter waits for one of the places of the run that calls.
func (h *handler) enter(w http.ResponseWriter, r *http.Request) (leave func(), ok bool) {
	caller, err := access.CallerFrom(r.Context())
	if err != nil {
		refuse(w, err)
		return nil, false
	}
	if leave, ok = h.rooms.enter(r.Context(), string(caller.Run)); !ok {
		refuse(w, domain.Unavailable("a place for the state", r.Context().Err())) // no answer would be a good one
	}
	return leave, ok
}

func stackOf(r *http.Request) domain.StackID { return domain.StackID(r.PathValue("stack")) }

func (h *handler) get(w http.ResponseWriter, r *http.Request) {
	leave, ok := h.enter(w, r)
	if !ok {
		return
	}
	defer leave()
	body, err := h.states.Read(r.Context(), stackOf(r))
	switch {
	case err != nil:
		refuse(w, err)
	case body == nil:
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body) // the client is gone if this fails
	}
}

func (h *handler) post(w http.ResponseWriter, r *http.Request) {
	leave, ok := h.enter(w, r)
	if !ok {
		return
	}
	defer leave()
	body, err := readBody(w, r, domain.MaxRefusedState)
	if err != nil {
		refuse(w, err)
		return
	}
	lock := r.URL.Query().Get("ID")
	if flaw := checkMD5(r, body); flaw != nil {
		refuseOrOK(w, h.states.Flawed(r.Context(), stackOf(r), lock, body, flaw))
		return
	}
	refuseOrOK(w, h.states.Write(r.Context(), stackOf(r), lock, body))
}

// checkMD5 compares a body with the digest that came with it, if one did.
func checkMD5(r *http.Request, body []byte) error {
	want := r.Header.Get("Content-MD5")
	if want == "" {
		return nil
	}
	sum := md5.Sum(body) //nolint:gosec // as above
	if want != base64.StdEncoding.EncodeToString(sum[:]) {
		return domain.Invalid("state", "does not have the Content-MD5 that was sent with it")
	}
	return nil
}

// maxLock bounds the description that OpenTofu sends with a lock.
const maxLock = 64 << 10

func (h *handler) lock(w http.ResponseWriter, r *http.Request) {
	id, info, err := readLock(w, r)
	if err == nil {
		err = h.states.Lock(r.Context(), stackOf(r), id, info)
	}
	refuseOrOK(w, err)
}

func (h *handler) unlock(w http.ResponseWriter, r *http.Request) {
	id, _, err := readLock(w, r)
	if err == nil {
		err = h.states.Unlock(r.Context(), stackOf(r), id)
	}
	refuseOrOK(w, err)
}

func readLock(w http.ResponseWriter, r *http.Request) (id, info string, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxLock))
	if err != nil {
		return "", "", domain.Invalid("lock", "could not be read")
	}
	var l struct{ ID string }
	if err := json.Unmarshal(body, &l); err != nil || l.ID == "" {
		return "", "", domain.Invalid("lock", "has no ID")
	}
	return l.ID, string(body), nil
}

func refuseOrOK(w http.ResponseWriter, err error) {
	if err != nil {
		refuse(w, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// refuse answers so that OpenTofu shows the reason. Denials are never 5xx:
// those it would retry for minutes.
func refuse(w http.ResponseWriter, err error) {
	var locked *states.LockedError
	if errors.As(err, &locked) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusLocked)
		_, _ = io.WriteString(w, locked.Lock.Info) // the client is gone if this fails
		return
	}
	status, message := statusOf(err)
	http.Error(w, message, status)
}

// statusOf is how an error looks on the wire.
func statusOf(err error) (status int, message string) {
	status = map[domain.Code]int{
		domain.CodeUnauthenticated: http.StatusUnauthorized,
		domain.CodeForbidden:       http.StatusForbidden,
		domain.CodeNotFound:        http.StatusNotFound,
		domain.CodeConflict:        http.StatusConflict,
		domain.CodeInvalid:         http.StatusBadRequest,
		domain.CodeUnavailable:     http.StatusServiceUnavailable,
	}[domain.ErrorCode(err)]
	if status == 0 {
		return http.StatusInternalServerError, "internal error"
	}
	return status, err.Error()
}
