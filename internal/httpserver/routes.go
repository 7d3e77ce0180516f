// Package httpserver puts everything that is served over HTTP under one
// listener: routes, middleware, health. It decides nothing.
package httpserver

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/telemetry"
)

// Parts are what the routes lead to.
type Parts struct {
	GraphQL http.Handler
	Workers http.Handler // below /worker/
	State   http.Handler // below /state/
	Uploads http.Handler // below /uploads/
	Pushes  http.Handler // below /push-hooks/; messages prove themselves
	States  StateDoors
	AuthZEN http.Handler // below /access/
	// AuthZENMetadata describes the doors below /access/ to anybody.
	AuthZENMetadata http.Handler

	// Federation tells anybody how to verify the tokens with which runs sign in
	// elsewhere.
	Federation FederationDoors

	// Authenticate turns a bearer token into a caller.
	Authenticate func(ctx context.Context, token string) (access.Caller, error)
	// Ready reports whether the server can answer requests.
	Ready func(ctx context.Context) error
	// Degraded says what of the server does not work though it answers requests;
	// nil or empty: nothing.
	Degraded func() string
	NewID    func() string
	Metrics  *telemetry.Metrics
	Log      *slog.Logger
}

// StateDoors are the ways to a state from outside runs.
type StateDoors struct {
	Transfers http.Handler // below /transfers/; the URL is the credential
	Remote    http.Handler // below /api/v2/
	Discovery http.Handler // names the services of this host to OpenTofu
	Tokens    http.Handler // tells people how to get a token
}

// FederationDoors describe an OpenID provider.
type FederationDoors struct {
	Discovery http.Handler
	Keys      http.Handler
}

// Handler returns all routes. Without credentials only health, metrics, the
// metadata of the AuthZEN endpoints, the description and public keys of the OpenID
// provider, and the open part of the API (introspection, the exchange of a key)
// answer.
func Handler(p Parts) http.Handler {
	mux := http.NewServeMux()
	m := middleware{p}
	mux.Handle("/graphql", m.wrap("graphql", requestTime, m.bearer(p.GraphQL)))
	mux.Handle("/access/", m.wrap("authzen", requestTime, m.bearer(p.AuthZEN)))
	mux.Handle("GET /.well-known/authzen-configuration", m.wrap("authzen_metadata", requestTime, p.AuthZENMetadata))
	mux.Handle("/worker/", m.wrap("worker", workerTime, p.Workers))
	mux.Handle("/state/", m.wrap("state", transferTime, p.State))
	mux.Handle("/uploads/", m.wrap("uploads", transferTime, p.Uploads))
	mux.Handle("/push-hooks/", m.wrap("push_hooks", requestTime, p.Pushes))
	mux.Handle("/transfers/", m.wrap("transfers", transferTime, p.States.Transfers))
	mux.Handle("/api/v2/", m.wrap("remote_state", requestTime, m.bearer(p.States.Remote)))
	mux.Handle("GET /.well-known/openid-configuration", m.wrap("federation", requestTime, p.Federation.Discovery))
	mux.Handle("GET /.well-known/jwks", m.wrap("federation_keys", requestTime, p.Federation.Keys))
	mux.Handle("GET /.well-known/terraform.json", m.wrap("discovery", requestTime, p.States.Discovery))
	mux.Handle("GET /app/settings/tokens", m.wrap("tokens", requestTime, p.States.Tokens))
	mux.Handle("GET /healthz", m.wrap("healthz", requestTime, m.health()))
	mux.Handle("GET /metrics", paced(requestTime, p.Metrics.Handler()))
	mux.Handle("/", m.wrap("other", requestTime, http.HandlerFunc(notFound)))
	return mux
}

// How long a request's body may take to arrive, however steadily it comes. Without
// a bound, callers that nobody knows could hold connections and memory for as long
// as they like.
const (
	requestTime  = 10 * time.Second
	transferTime = 5 * time.Minute  // of a state or an upload, which can be large
	workerTime   = 10 * time.Minute // of what workers send
)

func notFound(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && r.URL.Path == "/" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "This is Airlock. The API is at /graphql.\n") // the client is gone if this fails
		return
	}
	http.NotFound(w, r)
}

func (m middleware) health() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := m.Ready(r.Context()); err != nil {
			m.Log.ErrorContext(r.Context(), "not ready", "error", err)
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		said := "ok"
		if m.Degraded != nil && m.Degraded() != "" {
			said = "degraded: " + m.Degraded()
		}
		_, _ = io.WriteString(w, said+"\n") // the client is gone if this fails
	})
}
