// Package authzen is the standard door to the access decisions: the OpenID
// AuthZEN Authorization API 1.0. It answers with the same snapshot, at the same
// revision and by the same rules as the rest of the product, tells a caller
// only what he may know, and changes nothing. It has no rule of its own but
// who may ask about whom.
package authzen

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.Reader
	// Homes returns the space and the entity of each object that exists.
	Homes(ctx context.Context, refs []access.Ref) (map[access.Ref]authz.Target, error)
	// HomesIn returns up to limit objects of a kind that are in a scope, by
	// their ids, after one of them.
	HomesIn(ctx context.Context, kind access.Kind, scope access.Scope, after string, limit int) ([]access.Home, error)
}

// DB is the store as this package uses it.
type DB interface {
	access.Present[Tx]
	// Find is Homes without a transaction, with the revision and the time that
	// the answer is true of.
	Find(ctx context.Context, refs []access.Ref) (map[access.Ref]authz.Target, access.Pulse, error)
}

// Handler serves the API.
type Handler struct {
	db   DB
	gate *access.Gate
	base string
	log  *slog.Logger

	homes homes
}

// Paths of the endpoints, below the base URL.
const (
	PathEvaluation     = "/access/v1/evaluation"
	PathEvaluations    = "/access/v1/evaluations"
	PathSearchSubject  = "/access/v1/search/subject"
	PathSearchResource = "/access/v1/search/resource"
	PathSearchAction   = "/access/v1/search/action"
	PathMetadata       = "/.well-known/authzen-configuration"
)

// NewHandler returns the handler for everything below /access/. Who calls is in
// the context of the request (access.WithCaller). base is the URL at which
// clients reach the server, without a path.
func NewHandler(db DB, gate *access.Gate, base string, log *slog.Logger) *Handler {
	return &Handler{db: db, gate: gate, base: base, log: log}
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The caller's own id of the request is his to recognise the answer by;
	// ours stays in the logs.
	if id := r.Header["X-Request-Id"]; len(id) > 0 {
		w.Header()["X-Request-Id"] = id[:1]
	}
	if err := h.serve(w, r); err != nil {
		h.refuse(w, r, err)
	}
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) error {
	caller, err := access.CallerFrom(r.Context())
	if err != nil {
		return err
	}
	var answer func(context.Context, access.Caller, string, []byte) ([]byte, error)
	switch r.URL.Path {
	case PathEvaluation:
		answer = h.evaluation
	case PathEvaluations:
		answer = h.evaluations
	case PathSearchSubject:
		answer = h.searchSubject
	case PathSearchResource:
		answer = h.searchResource
	case PathSearchAction:
		answer = h.searchAction
	default:
		return errNoEndpoint
	}
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	out := buffers.Get().(*[]byte)
	defer buffers.Put(out)
	if *out, err = answer(r.Context(), caller, body, (*out)[:0]); err != nil {
		return err
	}
	send(w, noStore, *out)
	return nil
}
