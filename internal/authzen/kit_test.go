package authzen_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/authzen"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

const base = "https://airlock.example.com"

// bench is the door over the access model's fixture.
type bench struct {
	*storetest.Kit
	door *authzen.Handler
}

// newDoor is the door of one server.
func newDoor(s *store.Store, gate *access.Gate) *authzen.Handler {
	return authzen.NewHandler(store.Bind[authzen.Tx](s), gate, base, slog.New(slog.DiscardHandler))
}

// each runs a test on both databases.
func each(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		test(t, bench{k, newDoor(k.Store, access.NewGate())})
	})
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
}

// post sends a body as somebody; no name is a request without credentials.
func (b bench) post(t *testing.T, who, path, body string, header ...string) reply {
	t.Helper()
	return b.send(t, b.As(t, who), http.MethodPost, path, body, header...)
}

func (b bench) send(t *testing.T, ctx context.Context, method, path, body string, header ...string) reply { //nolint:revive // the context says who sends
	t.Helper()
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Del(header[i])
		if header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	w := httptest.NewRecorder()
	b.door.ServeHTTP(w, r)
	out, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{w.Code, w.Result().Header, string(out)}
}

// decided is an answer as a client reads it.
type decided struct {
	Decision *bool
	Context  struct {
		Reason, Missing, Tier, Role, Binding, Space string
		Error                                       *struct {
			Status  int
			Message string
		}
	}
	Evaluations []decided
}

// yes reports whether the answer allows, and fails where it says neither.
func (d decided) yes(t *testing.T) bool {
	t.Helper()
	if d.Decision == nil {
		t.Fatal("no decision")
	}
	return *d.Decision
}

// read decodes an answer with status 200.
func read[T any](t *testing.T, r reply) (v T) {
	t.Helper()
	if r.status != http.StatusOK || r.header.Get("Content-Type") != "application/json" {
		t.Fatalf("answered %d %s: %s", r.status, r.header.Get("Content-Type"), r.body)
	}
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		t.Fatalf("%s: %v", r.body, err)
	}
	return v
}

// question is the text of a question; the subject and the resource are written
// as type/id.
func question(subject, action, resource string) string {
	entity := func(s string) string {
		kind, id, _ := strings.Cut(s, "/")
		return fmt.Sprintf(`{"type":%s,"id":%s}`, quoted(kind), quoted(id))
	}
	return fmt.Sprintf(`{"subject":%s,"action":{"name":%s},"resource":%s}`, entity(subject), quoted(action), entity(resource))
}

func quoted(s string) string {
	out, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// ref writes a named actor of the kit as type/id.
func (b bench) ref(name string) string {
	a := b.Actor(name)
	return a.Kind.String() + "/" + a.ID
}

// bindingOf returns the one binding of a named actor.
func (b bench) bindingOf(t *testing.T, name string) (id domain.BindingID) {
	t.Helper()
	b.View(t, func(tx *store.Tx) error {
		list, err := tx.BindingsOf(t.Context(), b.Actor(name))
		if err != nil || len(list) != 1 {
			t.Fatalf("%s has %d bindings, %v", name, len(list), err)
		}
		id = list[0].ID
		return nil
	})
	return id
}

// decide asks one question as somebody.
func (b bench) decide(t *testing.T, who, subject, action, resource string) decided {
	t.Helper()
	return read[decided](t, b.post(t, who, authzen.PathEvaluation, question(subject, action, resource)))
}

// allowed is the bare answer to one question, asked as the root admin.
func (b bench) allowed(t *testing.T, subject, action, resource string) bool {
	t.Helper()
	return b.decide(t, "root-admin", subject, action, resource).yes(t)
}

// refused checks that a request is refused with a status and one sentence.
func refused(t *testing.T, what string, r reply, status int, message string) {
	t.Helper()
	if r.status != status || !strings.Contains(r.body, message) || !strings.HasPrefix(r.header.Get("Content-Type"), "text/plain") {
		t.Errorf("%s: %d %s %q, want %d %q", what, r.status, r.header.Get("Content-Type"), r.body, status, message)
	}
}

// same compares two answers as a client would.
func same(t *testing.T, what string, want, got reply) {
	t.Helper()
	if want.status != got.status || want.body != got.body || !cmp.Equal(want.header, got.header) {
		t.Errorf("%s: %+v and %+v", what, want, got)
	}
}
