package httpserver

import (
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

type middleware struct{ Parts }

// wrap gives each request an id, notes the peer's address, and measures. The
// address is always the peer's: forwarded headers can be made up by anyone. The
// body may take so long to arrive.
func (m middleware) wrap(route string, receive time.Duration, next http.Handler) http.Handler {
	return paced(receive, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, start := m.NewID(), time.Now()
		ctx := access.WithCall(r.Context(), access.Call{RequestID: id, RemoteIP: peer(r)})
		w.Header().Set("X-Request-Id", id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			cause := recover()
			if cause == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
				panic(cause) // the handler wants the connection cut off
			}
			if cause != nil {
				m.Log.ErrorContext(ctx, "request failed", "request", id, "route", route, "cause", cause, "stack", string(debug.Stack()))
				http.Error(rec, "internal error", http.StatusInternalServerError)
			}
			m.Metrics.Request(route, rec.status, time.Since(start))
		}()
		next.ServeHTTP(rec, r.WithContext(ctx))
	}))
}

// bearer puts the caller, or why there is none, into the context.
func (m middleware) bearer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if header := r.Header.Get("Authorization"); header != "" {
			scheme, token, _ := strings.Cut(header, " ")
			if !strings.EqualFold(scheme, "Bearer") {
				ctx = access.WithoutCaller(ctx, domain.Unauthenticated("send the token as a bearer token"))
			} else if caller, err := m.Authenticate(ctx, strings.TrimSpace(token)); err != nil {
				ctx = access.WithoutCaller(ctx, err)
			} else {
				ctx = access.WithCaller(ctx, caller)
			}
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
