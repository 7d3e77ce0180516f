package workerapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
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
	for _, path := range []string{pathLease, pathLeave, pathHeartbeat, pathAdvance, pathLogs, pathFederate} {
		f.Add(path, []byte(`{"ref":{"runId":"r","epoch":1},"to":"PLANNING","text":"x\n"}`))
		f.Add(path, []byte(`{"runId":"r","epoch":1,"secret":"s","key":"k","nonce":"n"}`))
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

// FuzzFederate: the control plane hears the lease, the proof and the question as
// they were sent, or nothing.
func FuzzFederate(f *testing.F) {
	f.Add("01RUN", 1, "proof", "key", "nonce", []byte(`{"runId":"r","epoch":1e0,"secret":"s"}`))
	f.Add("", -1, "\x00\xff", "", "\r\n", []byte(`{"secret":{"secret":"s"}}`))
	f.Add("1", 68, "7", "B", "", []byte(nil))
	f.Add("../r", 1<<62, strings.Repeat("s", 100), "k", "n", []byte(`{"epoch":9999999999999999999999}`))
	f.Fuzz(func(t *testing.T, run string, epoch int, secret, key, nonce string, raw []byte) {
		asked := FederateRequest{LeaseRef: LeaseRef{RunID: domain.RunID(run), Epoch: epoch, Secret: secret}, Key: key, Nonce: nonce}
		body, err := json.Marshal(asked)
		if err != nil {
			t.Fatal(err)
		}
		var sent FederateRequest // as JSON can say it: what is no UTF-8 is replaced
		if err := json.Unmarshal(body, &sent); err != nil {
			t.Fatal(err)
		}
		for i, text := range [][]byte{body, raw} {
			r := httptest.NewRequest("POST", pathFederate, bytes.NewReader(text))
			r.Header.Set("Authorization", "Bearer good")
			r.Header.Set("Content-Type", typeJSON)
			w, b := httptest.NewRecorder(), &fake{}
			Handler(auth, b).ServeHTTP(w, r)
			if w.Code >= 500 || (w.Code == http.StatusOK) != (len(b.heard) == 1) {
				t.Errorf("%d %s, and heard %v", w.Code, w.Body, b.heard)
			}
			if i == 0 && len(body) <= maxSmallBody && (len(b.heard) != 1 || b.heard[0] != any(sent)) {
				t.Errorf("%d %s; sent %+v, heard %+v", w.Code, w.Body, sent, b.heard)
			}
		}
	})
}

// FuzzLeaseSecret: where the proof of a lease comes in a header, the control
// plane hears that proof with that lease, or nothing.
func FuzzLeaseSecret(f *testing.F) {
	for method := range byte(3) {
		f.Add(method, "01RUN", "1", "proof", []byte("body"))
		f.Add(method, "a/b?#%2f", "-1", "", []byte(nil))
		f.Add(method, "..", "99999999999999999999", "\r\nAuthorization: Bearer bad", []byte("{}"))
	}
	f.Fuzz(func(t *testing.T, method byte, run, epoch, secret string, body []byte) {
		how := [][3]string{{"PUT", "workspace", typeWorkspace}, {"GET", "workspace", ""}, {"PUT", "state", typeJSON}}[int(method)%3]
		r := httptest.NewRequest(how[0], "/", bytes.NewReader(body))
		r.URL = &url.URL{Path: pathPrefix + "runs/" + run + "/leases/" + epoch + "/" + how[1], RawPath: pathPrefix + "runs/" + url.PathEscape(run) + "/leases/" + url.PathEscape(epoch) + "/" + how[1]}
		r.Header.Set("Authorization", "Bearer good")
		r.Header.Set("Content-Type", how[2])
		r.Header.Set(secretHeader, secret)
		w, b := httptest.NewRecorder(), &fake{}
		Handler(auth, b).ServeHTTP(w, r)
		if w.Code >= 500 || len(b.heard) > 1 || w.Code < 300 && len(b.heard) != 1 {
			t.Fatalf("%d %s, and heard %v", w.Code, w.Body, b.heard)
		}
		for _, heard := range b.heard {
			if got, ok := heard.(LeaseRef); !ok || string(got.RunID) != run || strconv.Itoa(got.Epoch) != strings.TrimLeft(epoch, "+0") && got.Epoch != 0 || got.Epoch < 0 || got.Secret != secret {
				t.Errorf("run %q, epoch %q, secret %q were heard as %+v", run, epoch, secret, heard)
			}
		}
	})
}
