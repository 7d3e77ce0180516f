package workerapi

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/airlock-project/airlock/internal/domain"
)

func TestNewClientRefuses(t *testing.T) {
	for url, token := range map[string]string{
		"": "t", "ftp://h": "t", "https://": "t", "https://u:p@h": "t", "://": "t", "https://h": "", "http://h": "a b", "http://i": "a\nb",
	} {
		if _, err := NewClient(url, token, nil); err == nil || strings.Contains(err.Error(), "u:p") {
			t.Errorf("NewClient(%q, %q) = %v", url, token, err)
		}
	}
}

// transport answers the n-th request.
type transport func(n int, r *http.Request) (*http.Response, error)

type counting struct {
	answer transport
	n      int
	bodies []string
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n++
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		c.bodies = append(c.bodies, string(b))
	}
	return c.answer(c.n, r)
}

func TestRetryOnConnectionErrors(t *testing.T) {
	broken := errors.New("connection reset")
	synctest.Test(t, func(t *testing.T) {
		for call, want := range map[string]int{"lease": 1, "heartbeat": 2, "advance": 2, "logs": 2, "put": 2, "get": 2} {
			c := &counting{answer: func(int, *http.Request) (*http.Response, error) { return nil, broken }}
			client, err := NewClient("http://h", "t", c)
			if err != nil {
				t.Fatal(err)
			}
			err = calls(t.Context(), client)[call]()
			if domain.ErrorCode(err) != domain.CodeUnavailable || !errors.Is(err, broken) || c.n != want {
				t.Errorf("%s: %v after %d requests, want %d", call, err, c.n, want)
			}
			for _, b := range c.bodies {
				if b != c.bodies[0] {
					t.Errorf("%s: the second body differs: %q", call, c.bodies)
				}
			}
		}
	})
}

func TestSecondAttemptCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &counting{answer: func(n int, _ *http.Request) (*http.Response, error) {
			if n == 1 {
				return nil, errors.New("reset")
			}
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(`{"stop":true}`))}, nil
		}}
		client, _ := NewClient("http://h", "t", c)
		if reply, err := client.Heartbeat(t.Context(), HeartbeatRequest{LeaseRef: ref}); err != nil || !reply.Stop {
			t.Errorf("%v %v", reply, err)
		}
		// A stream cannot be sent twice.
		c.n = 0
		if err := client.PutWorkspace(t.Context(), ref, io.MultiReader(strings.NewReader("x"))); err == nil || c.n != 1 {
			t.Errorf("%v after %d", err, c.n)
		}
	})
}

func TestOddAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		code   domain.Code
	}{
		"proxy's 502":    {502, "<html>", domain.CodeUnavailable},
		"proxy's 404":    {404, "not here", domain.CodeUnavailable},
		"redirect":       {302, "", domain.CodeUnavailable},
		"html":           {200, "<html>", domain.CodeUnavailable},
		"plain conflict": {409, "", domain.CodeConflict},
		"plain 405":      {405, "", domain.CodeInvalid},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer t" {
				t.Error("no token")
			}
			w.Header().Set("Location", "http://elsewhere.invalid/")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		}))
		client, err := NewClient(server.URL, "t", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Heartbeat(t.Context(), HeartbeatRequest{LeaseRef: ref}); domain.ErrorCode(err) != c.code {
			t.Errorf("%s: %v (%s)", name, err, domain.ErrorCode(err))
		}
		server.Close()
	}
}
