package statebackend_test

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/statebackend"
	"github.com/airlock-project/airlock/internal/states"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// bench is a server over the real store; a token is the name of a caller.
type bench struct {
	*storetest.Kit
	url     string
	handler http.Handler
}

func each(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		run := k.Run(t, "k", domain.RunApplying)
		plan := k.Run(t, "k2", domain.RunPlanning)
		ended := run
		ended.Epoch--
		callers := map[string]access.Caller{}
		for name, ctx := range map[string]context.Context{
			"apply": k.AsStack(t, run), "plan": k.AsStack(t, plan), "stale": k.AsStack(t, ended), "root-admin": k.As(t, "root-admin"),
		} {
			callers[name], _ = access.CallerFrom(ctx)
		}
		auth := func(_ context.Context, token string) (access.Caller, error) {
			c, ok := callers[token]
			switch {
			case token == "broken":
				return c, errors.New("connection refused by 10.0.0.1")
			case token == "unavailable":
				return c, domain.Unavailable("the database", errors.New("down"))
			case !ok:
				return c, domain.Unauthenticated("the token is not valid")
			}
			return c, nil
		}
		s := states.New(store.Bind[states.Tx](k.Store), k.Gate, k.IDs)
		b := bench{Kit: k, handler: statebackend.Handler(s, auth)}
		server := httptest.NewServer(b.handler)
		t.Cleanup(server.Close)
		b.url = server.URL
		test(t, b)
	})
}

// ask sends one request and checks the status; it returns the answer.
func (b bench) ask(t *testing.T, want int, method, path, token, body string, header ...string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.SetBasicAuth("anybody", token)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != want {
		t.Errorf("%s %s as %q: %d %s, want %d", method, path, token, res.StatusCode, answer, want)
	}
	if want == http.StatusUnauthorized && token == "" && res.Header.Get("WWW-Authenticate") == "" {
		t.Error("the client is not asked for credentials")
	}
	return string(answer)
}

func state(serial int) string { return fmt.Sprintf(`{"version":4,"serial":%d,"lineage":"l"}`, serial) }

// TestProtocol speaks as OpenTofu's http backend does.
func TestProtocol(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		path := statebackend.Path("k")
		info := `{"ID":"lock-1","Operation":"OperationTypeApply","Who":"me@host"}`
		b.ask(t, http.StatusNoContent, "GET", path, "apply", "")
		b.ask(t, http.StatusForbidden, "POST", path+"?ID=lock-1", "apply", state(1)) // not locked
		b.ask(t, http.StatusOK, "LOCK", path, "apply", info)
		if got := b.ask(t, http.StatusLocked, "LOCK", path, "apply", `{"ID":"lock-2"}`); got != info {
			t.Errorf("the holder is %s", got)
		}
		b.ask(t, http.StatusOK, "POST", path+"?ID=lock-1", "apply", state(1))
		b.ask(t, http.StatusOK, "POST", path+"?ID=lock-1", "apply", state(1)) // again
		b.ask(t, http.StatusConflict, "POST", path+"?ID=lock-1", "apply", state(0))
		if got := b.ask(t, http.StatusLocked, "POST", path+"?ID=lock-2", "apply", state(2)); got != info {
			t.Errorf("the holder is %s", got)
		}
		sum := md5.Sum([]byte(state(2)))
		right := base64.StdEncoding.EncodeToString(sum[:])
		b.ask(t, http.StatusBadRequest, "POST", path+"?ID=lock-1", "apply", state(3), "Content-MD5", right)
		b.ask(t, http.StatusOK, "POST", path+"?ID=lock-1", "apply", state(2), "Content-MD5", right)
		if got := b.ask(t, http.StatusOK, "GET", path, "apply", ""); got != state(2) {
			t.Errorf("read %s", got)
		}
		b.ask(t, http.StatusLocked, "UNLOCK", path, "apply", `{"ID":"lock-2"}`)
		b.ask(t, http.StatusOK, "UNLOCK", path, "apply", info)
		b.ask(t, http.StatusOK, "UNLOCK", path, "apply", info) // its first answer may have been lost
	})
}

// TestRefusals: a denial is never a 5xx, which OpenTofu would repeat for
// minutes.
func TestRefusals(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		own, other := statebackend.Path("k"), statebackend.Path("k2")
		for _, method := range []string{"GET", "POST", "LOCK", "UNLOCK", "DELETE", "PUT"} {
			b.ask(t, http.StatusUnauthorized, method, own, "", state(1))
			b.ask(t, http.StatusUnauthorized, method, own, "unknown", state(1))
		}
		b.ask(t, http.StatusMethodNotAllowed, "DELETE", own, "apply", "")
		b.ask(t, http.StatusNotFound, "GET", "/state/v2/k", "apply", "")
		info := `{"ID":"x"}`
		for _, c := range []struct{ token, path string }{{"apply", other}, {"root-admin", own}, {"plan", own}, {"apply", statebackend.Path("missing")}} {
			b.ask(t, http.StatusForbidden, "GET", c.path, c.token, "")
			b.ask(t, http.StatusForbidden, "POST", c.path, c.token, state(1))
			b.ask(t, http.StatusForbidden, "LOCK", c.path, c.token, info)
			b.ask(t, http.StatusForbidden, "UNLOCK", c.path, c.token, info)
		}
		b.ask(t, http.StatusOK, "LOCK", other, "plan", info) // a plan locks and reads
		b.ask(t, http.StatusForbidden, "POST", other+"?ID=x", "plan", state(1))
		b.ask(t, http.StatusConflict, "LOCK", own, "stale", info)
		for _, bad := range []string{"", "{", "[]", `{"ID":""}`, `{"id":1}`, `{"ID":"a\u0000"}`, `{"ID":"` + strings.Repeat("x", 1<<17) + `"}`, "{\"ID\":\"a\",\"Who\":\"\xff\"}"} {
			b.ask(t, http.StatusBadRequest, "LOCK", own, "apply", bad)
		}
		b.ask(t, http.StatusOK, "LOCK", own, "apply", info)
		b.ask(t, http.StatusBadRequest, "POST", own+"?ID=x", "apply", `{"version":4`)
		b.ask(t, http.StatusServiceUnavailable, "GET", own, "unavailable", "")
		if got := b.ask(t, http.StatusInternalServerError, "GET", own, "broken", ""); strings.Contains(got, "10.0.0.1") {
			t.Errorf("an internal error is shown: %s", got)
		}
	})
}

// TestTooLarge is one byte more than the largest state, and one more than what
// is kept of refused ones.
func TestTooLarge(t *testing.T) {
	k := storetest.New(t, storetest.Databases[0].URL(t))
	storetest.World(t, k)
	run := k.Run(t, "k", domain.RunApplying)
	caller, err := access.CallerFrom(k.AsStack(t, run))
	if err != nil {
		t.Fatal(err)
	}
	auth := func(context.Context, string) (access.Caller, error) { return caller, nil }
	handler := statebackend.Handler(states.New(store.Bind[states.Tx](k.Store), k.Gate, k.IDs), auth)
	kept := states.New(store.Bind[states.Tx](k.Store), k.Gate, k.IDs)
	if err := kept.Lock(k.AsStack(t, run), "k", "lock", "{}"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		size int64
		says string
	}{{domain.MaxState + 1, "is kept as refused state"}, {domain.MaxRefusedState + 1, "is larger than"}} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, statebackend.Path("k")+"?ID=lock", io.LimitReader(spaces{}, c.size))
		r.SetBasicAuth("", "token")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%d bytes: %d %s", c.size, w.Code, w.Body)
		}
	}
}

// spaces never ends.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestStatesOfOneRunWait: the code of a run can send and get as many states at once
// as it likes; no more are held in memory than a run needs, and they keep no other
// run waiting, not even one of the same stack.
func TestStatesOfOneRunWait(t *testing.T) {
	k := storetest.New(t, storetest.Databases[0].URL(t))
	storetest.World(t, k)
	callers := map[string]access.Caller{}
	for token, ctx := range map[string]context.Context{
		"proposed": k.AsStack(t, domain.Run{ID: "proposed", StackID: "k", State: domain.RunPlanning}),
		"tracked":  k.AsStack(t, k.Run(t, "k", domain.RunApplying)),
	} {
		callers[token], _ = access.CallerFrom(ctx)
	}
	auth := func(_ context.Context, token string) (access.Caller, error) { return callers[token], nil }
	handler := statebackend.Handler(states.New(store.Bind[states.Tx](k.Store), k.Gate, k.IDs), auth)
	ask := func(ctx context.Context, method, token string, body io.Reader) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(ctx, method, statebackend.Path("k")+"?ID=lock", body)
		r.SetBasicAuth("run", token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	var sent []*held
	for range statebackend.StatesOfOne {
		h := &held{began: make(chan struct{}), end: make(chan struct{})}
		sent = append(sent, h)
		h.all.Go(func() { ask(t.Context(), http.MethodPost, "proposed", h) })
		<-h.began
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, method := range []string{http.MethodGet, http.MethodPost} { // an empty answer would say that all is well
		if w := ask(gone, method, "proposed", unread{t}); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
	if w := ask(t.Context(), http.MethodPost, "tracked", strings.NewReader(state(1))); w.Code != http.StatusForbidden { // it is not locked
		t.Errorf("another run: %d", w.Code)
	}
	for _, h := range sent {
		close(h.end)
		h.all.Wait()
	}
	if w := ask(t.Context(), http.MethodPost, "proposed", strings.NewReader(state(1))); w.Code != http.StatusForbidden {
		t.Errorf("with room: %d", w.Code)
	}
	if w := ask(t.Context(), http.MethodGet, "proposed", nil); w.Code != http.StatusNoContent {
		t.Errorf("with room, to read: %d", w.Code)
	}
}

// broken is a body that does not arrive, for a reason.
type broken struct{ reason error }

func (b broken) Read([]byte) (int, error) { return 0, b.reason }

// TestStateThatDoesNotArrive: who sends it learns why, and may send it again; of
// other reasons nobody learns.
func TestStateThatDoesNotArrive(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for why, reason := range map[string]error{
			"503 it was too slow":      &domain.Error{Code: domain.CodeUnavailable, Message: "it was too slow"},
			"400 state: could not be ": errors.New("secret.internal"),
		} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, statebackend.Path("k")+"?ID=mine", broken{reason})
			r.SetBasicAuth("run", "apply")
			w := httptest.NewRecorder()
			b.handler.ServeHTTP(w, r)
			if got := fmt.Sprint(w.Code, " ", w.Body); !strings.HasPrefix(got, why) || strings.Contains(got, "secret") {
				t.Errorf("%s, want %s", got, why)
			}
		}
	})
}
