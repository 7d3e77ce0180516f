package graphql

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/roles"
	"github.com/airlock-project/airlock/internal/spaces"
)

// The fakes answer what a test sets and panic at what it does not.

type fakeSpaces struct {
	Spaces
	get  func(context.Context, domain.SpaceID) (spaces.View, error)
	list func(context.Context) ([]spaces.View, error)
	made func(context.Context, spaces.Input) (spaces.View, error)
}

func (f fakeSpaces) Get(ctx context.Context, id domain.SpaceID) (spaces.View, error) {
	return f.get(ctx, id)
}
func (f fakeSpaces) List(ctx context.Context) ([]spaces.View, error) { return f.list(ctx) }
func (f fakeSpaces) Create(ctx context.Context, in spaces.Input) (spaces.View, error) {
	return f.made(ctx, in)
}

type fakeRoles struct {
	Roles
	get    func(context.Context, domain.RoleID) (roles.View, error)
	update func(context.Context, domain.RoleID, roles.Input) (roles.View, error)
}

func (f fakeRoles) Get(ctx context.Context, id domain.RoleID) (roles.View, error) {
	return f.get(ctx, id)
}
func (f fakeRoles) Update(ctx context.Context, id domain.RoleID, in roles.Input) (roles.View, error) {
	return f.update(ctx, id, in)
}

type fakeIdentity struct {
	Identity
	exchange func(context.Context, domain.APIKeyID, string) (identity.Session, error)
	viewer   func(context.Context) (identity.User, error)
	key      func(context.Context, domain.APIKeyID) (identity.KeyView, error)
}

func (f fakeIdentity) Exchange(ctx context.Context, id domain.APIKeyID, secret string) (identity.Session, error) {
	return f.exchange(ctx, id, secret)
}
func (f fakeIdentity) Viewer(ctx context.Context) (identity.User, error) { return f.viewer(ctx) }
func (f fakeIdentity) Key(ctx context.Context, id domain.APIKeyID) (identity.KeyView, error) {
	return f.key(ctx, id)
}

// answer is what came back over HTTP.
type answer struct {
	status int
	header http.Header
	raw    string

	Data   map[string]any `json:"data"`
	Errors []struct {
		Message    string         `json:"message"`
		Path       []any          `json:"path"`
		Extensions map[string]any `json:"extensions"`
	} `json:"errors"`
	Extensions map[string]any `json:"extensions"`
}

// failure is the code and message of the only error.
func (a answer) failure(t *testing.T) (code, message string) {
	t.Helper()
	if len(a.Errors) != 1 {
		t.Fatalf("want one error, got %s", a.raw)
	}
	code, _ = a.Errors[0].Extensions["code"].(string)
	return code, a.Errors[0].Message
}

// client sends documents to a handler over a fake resolver.
type client struct {
	t       testing.TB
	handler http.Handler
	logged  *bytes.Buffer
	caller  *access.Caller
}

func newClient(t *testing.T, r *Resolver, limits Limits) *client {
	logged := &bytes.Buffer{}
	caller := access.Caller{
		Name:    "api::01KEY",
		Subject: authz.Subject{Actor: authz.ActorRef{Kind: authz.ActorAPIKey, ID: "01KEY"}},
	}
	return &client{
		t: t, logged: logged, caller: &caller,
		handler: NewHandler(NewSchema(r), limits, slog.New(slog.NewTextHandler(logged, nil))),
	}
}

func (c *client) anonymous() *client {
	other := *c
	other.caller = nil
	return &other
}

// query sends a document with variables.
func (c *client) query(document string, variables map[string]any) answer {
	c.t.Helper()
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		c.t.Fatal(err)
	}
	return c.post(string(body))
}

// post sends a body as it is.
func (c *client) post(body string) answer {
	c.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return c.send(r)
}

func (c *client) send(r *http.Request) answer {
	c.t.Helper()
	ctx := access.WithCall(r.Context(), access.Call{RequestID: "req-1", RemoteIP: "192.0.2.1"})
	if c.caller != nil {
		ctx = access.WithCaller(ctx, *c.caller)
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r.WithContext(ctx))
	raw, _ := io.ReadAll(w.Body)
	a := answer{status: w.Code, header: w.Header(), raw: string(raw)}
	if err := json.Unmarshal(raw, &a); err != nil {
		c.t.Fatalf("the answer is not JSON: %q", raw)
	}
	return a
}
