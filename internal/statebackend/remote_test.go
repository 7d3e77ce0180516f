package statebackend_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/statebackend"
	"github.com/airlock-project/airlock/internal/states"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// doors serves the ways from outside; the bearer token is the name of an actor.
type doors struct {
	*storetest.Kit
	states *states.Service
	url    string
}

const outside = `{"version":4,"serial":7,"lineage":"l","outputs":{"a":{"value":{"x":[1]},"type":["object",{"x":["list","number"]}]},` +
	`"b":{"value":"hidden","type":"string","sensitive":true},"c":{"value":[1],"type":["tuple",["number"]]}}}`

func eachDoor(t *testing.T, test func(t *testing.T, d doors)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		s := states.New(store.Bind[states.Tx](k.Store), k.Gate, k.IDs)
		mux := http.NewServeMux()
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		s.Transfers = states.Transfers{BaseURL: server.URL, New: identity.NewSecret, Hash: identity.HashSecret}
		remote := statebackend.Remote(s, "acme")
		mux.HandleFunc(statebackend.RemotePath, func(w http.ResponseWriter, r *http.Request) {
			name := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			caller, err := access.CallerFrom(k.As(t, name))
			ctx := access.WithCaller(r.Context(), caller)
			if err != nil {
				ctx = access.WithoutCaller(r.Context(), err)
			}
			remote.ServeHTTP(w, r.WithContext(ctx))
		})
		mux.Handle("/transfers/", statebackend.Transfers(s))
		k.Stack(t, "net", "dev", func(st *domain.Stack) { st.Vendor.Tofu().ExternalStateAccess = true })
		k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			f, err := domain.ReadState([]byte(outside))
			if err != nil {
				return err
			}
			return tx.InsertState(ctx, p.For(access.KindState), domain.NewStateVersion("version", "net", f, tx.Now()), f.Body)
		})
		test(t, doors{k, s, server.URL})
	})
}

func (d doors) ask(t *testing.T, want int, who, method, path, body string) (answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+who)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	content, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		t.Errorf("%s %s as %q: %d %s, want %d (%v)", method, path, who, res.StatusCode, content, want, err)
	}
	return string(content)
}

// TestRemoteProtocol asks what OpenTofu's remote and cloud backends ask.
func TestRemoteProtocol(t *testing.T) {
	eachDoor(t, func(t *testing.T, d doors) {
		get := func(path string, words ...string) {
			t.Helper()
			answer := d.ask(t, http.StatusOK, "will", "GET", statebackend.RemotePath+path, "")
			for _, w := range words {
				if !strings.Contains(answer, w) {
					t.Errorf("%s says %s, want %s", path, answer, w)
				}
			}
		}
		d.ask(t, http.StatusNoContent, "", "GET", statebackend.RemotePath+"ping", "")
		get("organizations/acme/entitlement-set", `"operations":false`, `"state-storage":true`)
		get("organizations/acme/workspaces/net", `"id":"net"`, `"execution-mode":"local"`)
		get("organizations/acme/workspaces?search[name]=net", `"id":"net"`)
		get("organizations/acme/workspaces?search[name]=none", `"data":[]`)
		get("workspaces/net", `"id":"net"`)
		get("workspaces/net/vars", `"data":[]`)
		get("workspaces/net/current-state-version", `"serial":7`, "/api/v2/state-versions/version/download")
		get("state-versions/version", `"serial":7`)
		get("account/details", "api::")
		if got := d.ask(t, http.StatusOK, "will", "GET", statebackend.RemotePath+"state-versions/version/download", ""); got != outside {
			t.Errorf("downloaded %s", got)
		}
		var outputs struct {
			Data []struct {
				ID         string
				Attributes struct {
					Name, Type string
					Value      any
				}
			}
		}
		all := d.ask(t, http.StatusOK, "will", "GET", statebackend.RemotePath+"workspaces/net/current-state-version-outputs", "")
		if err := json.Unmarshal([]byte(all), &outputs); err != nil || strings.Contains(all, "hidden") || len(outputs.Data) != 3 {
			t.Fatalf("%s %v", all, err)
		}
		for i, kind := range []string{"object", "string", "array"} {
			if outputs.Data[i].Attributes.Type != kind {
				t.Errorf("output %d is %+v", i, outputs.Data[i])
			}
		}
		get("state-version-outputs/"+outputs.Data[1].ID, "hidden")
		d.Stack(t, "empty", "dev", func(st *domain.Stack) { st.Vendor.Tofu().ExternalStateAccess = true })
		get("workspaces/empty/current-state-version-outputs", `"data":[]`)
		d.ask(t, http.StatusNotFound, "will", "GET", statebackend.RemotePath+"workspaces/empty/current-state-version", "")
	})
}

// TestA126RemoteRefusals: the reason for whoever may know the stack, nothing
// for others, and never a 5xx.
func TestA126RemoteRefusals(t *testing.T) {
	eachDoor(t, func(t *testing.T, d doors) {
		paths := []string{
			"organizations/acme/workspaces/net", "workspaces/net", "workspaces/net/vars", "workspaces/net/current-state-version",
			"workspaces/net/current-state-version-outputs", "state-versions/version", "state-versions/version/download", "state-version-outputs/version.0",
		}
		for _, p := range paths {
			d.ask(t, http.StatusUnauthorized, "", "GET", statebackend.RemotePath+p, "")
			d.ask(t, http.StatusNotFound, "rita", "GET", statebackend.RemotePath+p, "")
			if got := d.ask(t, http.StatusForbidden, "ops", "GET", statebackend.RemotePath+p, ""); !strings.Contains(got, "lacks stack:state-read in space dev") {
				t.Errorf("%s does not say what is missing: %s", p, got)
			}
			d.ask(t, http.StatusNotFound, "will", "GET", statebackend.RemotePath+strings.NewReplacer("net", "other", "version", "other").Replace(p), "")
		}
		d.ask(t, http.StatusNotFound, "will", "GET", statebackend.RemotePath+"organizations/other/workspaces/net", "")
		d.ask(t, http.StatusNotFound, "will", "GET", statebackend.RemotePath+"state-version-outputs/version.9", "")
		for path, method := range map[string]string{
			"workspaces/net/actions/lock": "POST", "workspaces/net/actions/unlock": "POST", "workspaces/net/actions/force-unlock": "POST",
			"workspaces/net/state-versions": "POST", "workspaces/net": "PATCH", "organizations/acme/projects": "POST",
		} {
			d.ask(t, http.StatusForbidden, "root-admin", method, statebackend.RemotePath+path, "{}")
		}
		d.ask(t, http.StatusNotFound, "rita", "POST", statebackend.RemotePath+"workspaces/net/actions/lock", "{}")
		got := d.ask(t, http.StatusForbidden, "rita", "POST", statebackend.RemotePath+"organizations/acme/workspaces", `{"data":{"attributes":{"name":"net"}}}`)
		if !strings.Contains(got, "no stack net") {
			t.Errorf("a hidden stack: %s", got)
		}
	})
}

// TestTransferURLs walk through both kinds, without any credentials.
func TestTransferURLs(t *testing.T) {
	eachDoor(t, func(t *testing.T, d doors) {
		url, err := d.states.DownloadURL(d.As(t, "will"), "net")
		if err != nil {
			t.Fatal(err)
		}
		path := strings.TrimPrefix(url, d.url)
		if got := d.ask(t, http.StatusOK, "", "GET", path, ""); got != outside {
			t.Errorf("downloaded %s", got)
		}
		d.ask(t, http.StatusUnauthorized, "", "GET", path, "")
		up, err := d.states.UploadURL(d.As(t, "will"))
		if err != nil {
			t.Fatal(err)
		}
		path = strings.TrimPrefix(up.URL, d.url)
		d.ask(t, http.StatusBadRequest, "", "PUT", path, "{")
		d.ask(t, http.StatusUnauthorized, "", "GET", path, "")
		d.ask(t, http.StatusOK, "", "PUT", path, outside)
		d.ask(t, http.StatusUnauthorized, "", "PUT", path, outside)
		d.ask(t, http.StatusMethodNotAllowed, "", "POST", path, outside)
	})
}

// TestStrangersUploadNothing: of who has no upload URL that works not a byte is
// read, and of an upload that must wait for room neither.
func TestStrangersUploadNothing(t *testing.T) {
	eachDoor(t, func(t *testing.T, d doors) {
		handler := statebackend.Transfers(d.states)
		put := func(ctx context.Context, secret string, body io.Reader) int {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodPut, states.TransferPath+secret, body))
			return w.Code
		}
		url := func(name string) string {
			t.Helper()
			up, err := d.states.UploadURL(d.As(t, name))
			if err != nil {
				t.Fatal(err)
			}
			return strings.TrimPrefix(up.URL, d.url+states.TransferPath)
		}
		secret := url("will")
		if code := put(t.Context(), "unknown", unread{t}); code != http.StatusUnauthorized {
			t.Errorf("a stranger: %d", code)
		}
		var uploads []*held
		full := func(secret string) {
			t.Helper()
			gone, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond) // long enough to be let in
			defer cancel()
			if code := put(gone, secret, unread{t}); code != http.StatusServiceUnavailable {
				t.Errorf("without room: %d", code)
			}
		}
		for _, secrets := range [][]string{{secret, url("will")}, {url("root-admin")}} {
			for n := range statebackend.StatesOfOne {
				h := &held{began: make(chan struct{}), end: make(chan struct{})}
				uploads = append(uploads, h)
				h.all.Go(func() { put(t.Context(), secrets[n%len(secrets)], h) })
				<-h.began
			}
			full(secrets[0]) // one caller gets no more, and keeps no other waiting
		}
		if len(uploads) != statebackend.Together {
			t.Errorf("%d uploads fill the room", len(uploads))
		}
		full(url("rita"))
		for _, h := range uploads {
			close(h.end)
			h.all.Wait()
		}
		if code := put(t.Context(), secret, strings.NewReader(outside)); code != http.StatusOK {
			t.Errorf("with room: %d", code)
		}
		if code := put(t.Context(), secret, unread{t}); code != http.StatusUnauthorized {
			t.Errorf("once more: %d", code)
		}
	})
}

// unread is a body that nobody may read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

// held is a body that has begun to arrive, and goes no further until end.
type held struct {
	began, end chan struct{}
	once       sync.Once
	all        sync.WaitGroup
}

func (h *held) Read([]byte) (int, error) {
	h.once.Do(func() { close(h.began) })
	<-h.end
	return 0, io.ErrUnexpectedEOF
}
