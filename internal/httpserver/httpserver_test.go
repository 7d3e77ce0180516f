package httpserver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/httpserver"
	"github.com/airlock-project/airlock/internal/telemetry"
)

// bench is a server whose parts say what reached them.
type bench struct {
	handler http.Handler
	log     *bytes.Buffer
	ready   error
	graphQL http.HandlerFunc
}

func newBench() *bench {
	b := &bench{log: &bytes.Buffer{}}
	b.graphQL = func(w http.ResponseWriter, r *http.Request) {
		c, err := access.CallerFrom(r.Context())
		call := access.CallFrom(r.Context())
		_, _ = fmt.Fprintf(w, "caller=%s error=%v request=%s ip=%s", c.Name, err, call.RequestID, call.RemoteIP)
	}
	n := 0
	b.handler = httpserver.Handler(httpserver.Parts{
		GraphQL:         http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.graphQL(w, r) }),
		Workers:         http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "worker", http.StatusUnauthorized) }),
		AuthZEN:         http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "authzen", http.StatusUnauthorized) }),
		AuthZENMetadata: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }),
		Federation: httpserver.FederationDoors{
			Discovery: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }),
			Keys:      http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }),
		},
		State:   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "state", http.StatusUnauthorized) }),
		Uploads: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "upload", http.StatusNotFound) }),
		Pushes:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "push", http.StatusUnauthorized) }),
		Authenticate: func(_ context.Context, token string) (access.Caller, error) {
			if token == "good" {
				return access.Caller{Name: "api::good"}, nil
			}
			return access.Caller{}, domain.Unauthenticated("the token is not valid")
		},
		Ready:   func(context.Context) error { return b.ready },
		NewID:   func() string { n++; return fmt.Sprint("id-", n) },
		Metrics: telemetry.NewMetrics(),
		Log:     slog.New(slog.NewTextHandler(b.log, nil)),
	})
	return b
}

// ask sends one request from 192.0.2.9 and returns status, headers and body.
func (b *bench) ask(t *testing.T, method, path string, header ...string) (int, http.Header, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	r.RemoteAddr = "192.0.2.9:4711"
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, w.Result().Header, string(body)
}

// TestCase117OpenRoutes is security case 117: the exact list of what answers without
// credentials. The API itself is open for introspection and the exchange of
// keys, and refuses the rest below.
func TestCase117OpenRoutes(t *testing.T) {
	b := newBench()
	open := map[string]bool{"GET /": true, "GET /healthz": true, "HEAD /healthz": true, "GET /metrics": true, "HEAD /metrics": true,
		"GET /.well-known/authzen-configuration": true, "HEAD /.well-known/authzen-configuration": true,
		"GET /.well-known/openid-configuration": true, "HEAD /.well-known/openid-configuration": true,
		"GET /.well-known/jwks": true, "HEAD /.well-known/jwks": true}
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "LOCK"} {
		for _, path := range []string{
			"/", "/healthz", "/metrics", "/graphql", "/worker/v1/lease", "/state/v1/k", "/uploads/workspaces/a/b", "/push-hooks/a", "/worker/", "/state/", "/worker", "/state", "/debug/pprof/", "/debug/vars",
			"/admin", "/.well-known/terraform.json", "/index.html", "/graphql/", "/healthz/", "/metrics/x", "/admin-key.json", "/access", "/access/", "/access/v1/evaluation",
			"/access/v1/search/subject", "/.well-known/authzen-configuration", "/.well-known/authzen-configuration/x", "/.well-known/openid-configuration", "/.well-known/jwks", "/.well-known/jwks/x", "/../admin-key.json", "//healthz",
		} {
			status, _, body := b.ask(t, method, path)
			answers := status == http.StatusOK
			if want := open[method+" "+path] || path == "/graphql"; answers != want {
				t.Errorf("%s %s: %d %q, want an answer: %v", method, path, status, body, want)
			}
			// Operators scrape the version with the metrics (docs/operations.md).
			if strings.Contains(body, "v1.2.3-test") && path != "/metrics" {
				t.Errorf("%s %s shows the version", method, path)
			}
		}
	}
}

func TestRequestIDAndPeer(t *testing.T) {
	b := newBench()
	for n := 1; n <= 2; n++ {
		_, header, body := b.ask(t, "POST", "/graphql", "X-Request-Id", "forged", // security case 112
			"X-Forwarded-For", "198.51.100.1", "X-Real-Ip", "198.51.100.1", "Forwarded", "for=198.51.100.1", "X-User", "root")
		id := fmt.Sprint("id-", n)
		if header.Get("X-Request-Id") != id || !strings.Contains(body, "request="+id+" ip=192.0.2.9") {
			t.Errorf("answered %v, the API saw %s", header, body)
		}
		if header.Get("X-Content-Type-Options") != "nosniff" {
			t.Error("the answer may be sniffed")
		}
	}
	for address, want := range map[string]string{"[2001:db8::1]:80": "2001:db8::1", "[fe80::1%eth0]:80": "fe80::1%eth0", "@": "@", "": ""} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/graphql", nil)
		r.RemoteAddr = address
		w := httptest.NewRecorder()
		b.handler.ServeHTTP(w, r)
		if !strings.HasSuffix(w.Body.String(), "ip="+want) {
			t.Errorf("%q: %s", address, w.Body)
		}
	}
}

func TestBearer(t *testing.T) {
	b := newBench()
	for header, want := range map[string]string{
		"Bearer good": "caller=api::good error=<nil>", "bearer good": "caller=api::good", "BEARER  good ": "caller=api::good",
		"Bearer bad": "error=unauthorized: the token is not valid", "Bearer": "error=unauthorized: the token is not valid", "Bearer ": "error=unauthorized",
		"Basic Z29vZDpnb29k": "error=unauthorized: send the token as a bearer token", "good": "error=unauthorized", "Bearer: good": "error=unauthorized",
		"Bearer good, Bearer bad": "error=unauthorized", "": "error=unauthorized: this needs credentials",
	} {
		var pairs []string
		if header != "" {
			pairs = []string{"Authorization", header}
		}
		status, _, body := b.ask(t, "POST", "/graphql", pairs...)
		if status != http.StatusOK || !strings.Contains(body, want) { // R26: always 200
			t.Errorf("%q: %d %s, want %s", header, status, body, want)
		}
	}
	_, _, body := b.ask(t, "POST", "/graphql?access_token=good", "Cookie", "token=good", "X-Auth-Token", "good")
	if !strings.Contains(body, "caller= error=unauthorized") {
		t.Errorf("a token elsewhere counts: %s", body)
	}
}

func TestHealth(t *testing.T) {
	b := newBench()
	if status, _, body := b.ask(t, "GET", "/healthz"); status != http.StatusOK || body != "ok\n" {
		t.Errorf("%d %q", status, body)
	}
	b.ready = errors.New("dial tcp 10.0.0.1: connection refused")
	status, _, body := b.ask(t, "GET", "/healthz")
	if status != http.StatusServiceUnavailable || strings.Contains(body, "10.0.0.1") {
		t.Errorf("%d %q", status, body)
	}
	if !strings.Contains(b.log.String(), "connection refused") {
		t.Error("the reason is not logged")
	}
}

func TestPanic(t *testing.T) {
	b := newBench()
	b.graphQL = func(http.ResponseWriter, *http.Request) { panic("the secret reason") }
	status, _, body := b.ask(t, "POST", "/graphql")
	if status != http.StatusInternalServerError || body != "internal error\n" {
		t.Errorf("%d %q", status, body)
	}
	if !strings.Contains(b.log.String(), "the secret reason") || !strings.Contains(b.log.String(), "request=id-1") {
		t.Errorf("logged %s", b.log)
	}
	if status, _, _ := b.ask(t, "GET", "/healthz"); status != http.StatusOK {
		t.Errorf("afterwards: %d", status)
	}

	b.graphQL = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		panic("too late")
	}
	if status, _, _ := b.ask(t, "POST", "/graphql"); status != http.StatusAccepted {
		t.Errorf("an answer that has begun became %d", status)
	}
	b.graphQL = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("the wish to cut the connection off was lost")
		}
	}()
	b.ask(t, "POST", "/graphql")
}
