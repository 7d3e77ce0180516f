package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// door is a server that answers as a test wants: what stands between a client
// and Airlock, or Airlock's answers to the letter.
func door(t *testing.T, answer http.HandlerFunc) (s *session, asked *int) {
	t.Helper()
	asked = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked++
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	s = &session{ctx: t.Context(), out: &bytes.Buffer{}, errors: &bytes.Buffer{}, connection: &connection{}, now: time.Now}
	s.api = newAPI(server.URL, 5*time.Second)
	s.api.token = "hidden"
	return s, asked
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = fmt.Fprint(w, body) // the client looks
	}
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// TestAnswers: each way of failing has words that lead on, and its status.
func TestAnswers(t *testing.T) {
	refusal := func(code, message string) http.HandlerFunc {
		return status(200, `{"data":null,"errors":[{"message":`+quoted(message)+`,"extensions":{"code":"`+code+`","requestId":"R1"}}]}`)
	}
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   string
		status int
	}{
		"401":             {status(401, ""), "does not accept the credentials: 401", exitError},
		"no API":          {status(404, "<html>"), "is this the address of an Airlock server?", exitError},
		"no GraphQL":      {status(200, `{"hello":1}`), "is this the address of an Airlock server?", exitError},
		"no JSON":         {status(200, `<html>`), "is this the address of an Airlock server?", exitError},
		"unauthenticated": {refusal("UNAUTHENTICATED", "unauthorized"), "does not accept the credentials: unauthorized", exitError},
		"forbidden":       {refusal("FORBIDDEN", "forbidden: api::x lacks run:trigger in space dev"), "forbidden: api::x lacks", exitDenied},
		"not found":       {refusal("NOT_FOUND", "request not found"), "request not found", exitError},
		"internal":        {refusal("INTERNAL", "internal error"), "internal error (request R1)", exitError},
		"for a terminal":  {refusal("INVALID", "a\x1b[2Jb\nc"), "a\ufffd[2Jb c", exitError},
		"gone":            {status(503, ""), "is not available: 503", exitError},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := door(t, tc.answer)
			err := s.query(`{name}`, nil, &struct{}{})
			if err == nil || !strings.Contains(err.Error(), tc.want) || ExitStatus(err) != tc.status {
				t.Errorf("%v, status %d; want %q, %d", err, ExitStatus(err), tc.want, tc.status)
			}
			if strings.Contains(fmt.Sprint(err), "hidden") {
				t.Error("the token is shown")
			}
		})
	}
	if ExitStatus(nil) != exitOK || ExitStatus(fmt.Errorf("explain: %w", &Denied{})) != exitDenied {
		t.Error("exit statuses of success and of a decision")
	}
}

// TestOnlyQueriesAreSentAgain: the second try of a mutation could do it twice.
func TestOnlyQueriesAreSentAgain(t *testing.T) {
	cut := func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = c.Close()
		}
	}
	s, asked := door(t, cut)
	if err := s.query(`{name}`, nil, &struct{}{}); err == nil || *asked != 2 || !strings.Contains(err.Error(), "cannot reach") {
		t.Errorf("a query was sent %d times: %v", *asked, err)
	}
	*asked = 0
	if err := s.mutate(`mutation{x}`, nil, &struct{}{}); err == nil || *asked != 1 {
		t.Errorf("a mutation was sent %d times: %v", *asked, err)
	}
	var tries int
	s, asked = door(t, func(w http.ResponseWriter, r *http.Request) {
		if tries++; tries == 1 {
			cut(w, r)
			return
		}
		status(200, `{"data":{"name":"acme"},"extensions":{"warnings":["careful"]}}`)(w, r)
	})
	var out struct{ Name string }
	if err := s.query(`{name}`, nil, &out); err != nil || out.Name != "acme" || *asked != 2 {
		t.Errorf("%q after %d tries: %v", out.Name, *asked, err)
	}
	if got := s.errors.(*bytes.Buffer).String(); got != "airlock: warning: careful\n" {
		t.Errorf("said %q", got)
	}
	s, asked = door(t, status(400, ""))
	if err := s.query(`{name}`, nil, &out); err == nil || *asked != 1 {
		t.Errorf("what was answered was asked %d times", *asked)
	}
}

// TestRedirectsAreNotFollowed: they could lead a secret to somebody else.
func TestRedirectsAreNotFollowed(t *testing.T) {
	s, asked := door(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	err := s.api.signIn(t.Context(), credentials{id: "x", secret: "hidden"})
	if err == nil || *asked != 1 || !strings.Contains(err.Error(), "leads elsewhere, to /elsewhere") {
		t.Errorf("asked %d times: %v", *asked, err)
	}
}

func TestTimeoutsAndEnds(t *testing.T) {
	free := make(chan struct{})
	s, _ := door(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-free:
		case <-r.Context().Done():
		}
	})
	defer close(free)
	s.api.http.Timeout = time.Millisecond
	if err := s.query(`{name}`, nil, &struct{}{}); err == nil || !strings.Contains(err.Error(), "did not answer within 1ms") {
		t.Errorf("a silent server: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.ctx = ctx
	if err := s.query(`{name}`, nil, &struct{}{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

func TestEndpoints(t *testing.T) {
	for raw, want := range map[string]string{
		"https://a.example":           "https://a.example",
		"https://a.example/":          "https://a.example",
		"https://a.example/graphql":   "https://a.example",
		"https://a.example/graphql/":  "https://a.example",
		"http://127.0.0.1:8080/x":     "http://127.0.0.1:8080/x",
		"https://grape.local/graphql": "https://grape.local",
	} {
		if got, err := parseEndpoint(raw); err != nil || got != want {
			t.Errorf("%s: %s, %v", raw, got, err)
		}
	}
	for _, raw := range []string{"", "a.example", "ftp://a.example", "https://", "https://a.example?x=1", "https://me:hidden@a.example", "https://a b"} {
		if got, err := parseEndpoint(raw); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q is accepted as %q, or told: %v", raw, got, err)
		}
	}
}
