package workerapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/internal/domain"
)

func TestHandlerRefuses(t *testing.T) {
	const workspace = pathPrefix + "runs/r/leases/1/workspace"
	for name, c := range map[string]struct {
		method, path, token, kind string
		body                      string
		status                    int
		says                      string
	}{
		"no token":          {"POST", pathLease, "", typeJSON, "{}", 401, "token is required"},
		"wrong scheme":      {"POST", pathLease, "Basic good", typeJSON, "{}", 401, "token is required"},
		"unknown token":     {"POST", pathLease, "Bearer bad", typeJSON, "{}", 401, "unknown worker pool token"},
		"auth is down":      {"POST", pathLease, "Bearer broken", typeJSON, "{}", 503, "unavailable"},
		"auth says so":      {"POST", pathLease, "Bearer domain", typeJSON, "{}", 503, "the store is unavailable"},
		"method":            {"GET", pathLease, "Bearer good", "", "", 405, ""},
		"method, no token":  {"GET", pathLease, "", "", "", 401, ""},
		"path":              {"POST", pathPrefix + "other", "Bearer good", typeJSON, "{}", 404, ""},
		"type":              {"POST", pathAdvance, "Bearer good", "text/plain", "{}", 415, "application/json"},
		"no type":           {"POST", pathAdvance, "Bearer good", "", "{}", 415, "application/json"},
		"workspace type":    {"PUT", workspace, "Bearer good", typeJSON, "{}", 415, "application/gzip"},
		"workspace epoch":   {"PUT", pathPrefix + "runs/r/leases/x/workspace", "Bearer good", typeWorkspace, "", 400, "must be a number"},
		"workspace epoch 2": {"GET", pathPrefix + "runs/r/leases/-1/workspace", "Bearer good", "", "", 400, "must be a number"},
		"not json":          {"POST", pathLogs, "Bearer good", typeJSON, "{", 400, "not the JSON"},
		"wrong json":        {"POST", pathLogs, "Bearer good", typeJSON, `{"seq":"x"}`, 400, "not the JSON"},
		"logs too large":    {"POST", pathLogs, "Bearer good", typeJSON, `{"text":"` + strings.Repeat("x", MaxLogBody) + `"}`, 413, "larger than"},
		"lease too large":   {"POST", pathLease, "Bearer good", typeJSON, `{"workerId":"` + strings.Repeat("x", maxSmallBody) + `"}`, 413, "larger than"},
		"charset is fine":   {"POST", pathHeartbeat, "bearer good", typeJSON + "; charset=utf-8", `{"runId":"r","unknown":1}`, 200, "stop"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
			if c.token != "" {
				r.Header.Set("Authorization", c.token)
			}
			if c.kind != "" {
				r.Header.Set("Content-Type", c.kind)
			}
			w := httptest.NewRecorder()
			Handler(auth, &fake{}).ServeHTTP(w, r)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			var wire wireError
			if c.status >= 400 && c.status != 404 && c.status != 405 && (json.Unmarshal(w.Body.Bytes(), &wire) != nil || wire.Code == "") {
				t.Errorf("the answer is not an error of ours: %s", w.Body)
			}
		})
	}
}

// zeroes is a body of any length.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestWorkspaceLimit(t *testing.T) {
	for name, length := range map[string]int64{"announced": MaxWorkspace + 1, "chunked": -1} {
		r := httptest.NewRequest("PUT", pathPrefix+"runs/r/leases/1/workspace", zeroes{})
		r.ContentLength = length
		r.Header.Set("Authorization", "Bearer good")
		r.Header.Set("Content-Type", typeWorkspace)
		w := httptest.NewRecorder()
		f := &fake{}
		Handler(auth, f).ServeHTTP(w, r)
		if w.Code != http.StatusRequestEntityTooLarge || f.heard != nil {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestEveryCodeCrossesTheWire(t *testing.T) {
	for _, code := range []domain.Code{
		domain.CodeInvalid, domain.CodeNotFound, domain.CodeConflict, domain.CodeForbidden, domain.CodeUnauthenticated, domain.CodeUnavailable, codeInternal,
	} {
		status := statusOf(code)
		if status < 400 {
			t.Errorf("%s has status %d", code, status)
		}
		if back := codeOf(status); back != code && code != domain.CodeNotFound && code != codeInternal {
			t.Errorf("%s became %d became %s", code, status, back)
		}
	}
	if codeOf(http.StatusNotFound) != domain.CodeUnavailable {
		t.Error("a proxy's 404 must not read as a lost lease")
	}
}

func FuzzHandler(f *testing.F) {
	for _, path := range []string{pathLease, pathHeartbeat, pathAdvance, pathLogs} {
		f.Add(path, []byte(`{"ref":{"runId":"r","epoch":1},"to":"PLANNING","text":"x\n"}`))
	}
	h := Handler(auth, &fake{})
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
		r.URL.Path = path
		r.Header.Set("Authorization", "Bearer good")
		r.Header.Set("Content-Type", typeJSON)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
