package uploads_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
	"github.com/airlock-project/airlock/internal/uploads"
)

type noTokens struct{}

func (noTokens) RunToken(domain.Run) (string, error) { return "", nil }

// TestUploads sends a directory as the clients do: the address is all that it
// takes, it works once, and nothing else is told.
func TestUploads(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		k.Stack(t, "mine", "dev", func(s *domain.Stack) { s.LocalPreviewEnabled = true })
		server := httptest.NewUnstartedServer(nil)
		defer server.Close()
		s := runs.New(store.Bind[runs.Tx](k.Store), access.NewGate(), k.IDs, noTokens{}, runs.Config{
			BaseURL: "http://" + server.Listener.Addr().String(), Uploads: runs.UploadTokens{New: identity.NewSecret, Hash: identity.HashSecret},
		})
		server.Config.Handler = uploads.Handler(s)
		server.Start()
		u, err := s.AskUpload(k.As(t, "will"), "mine")
		if err != nil {
			t.Fatal(err)
		}
		body := []byte{0x1f, 0x8b, 0}
		put := func(method, url string, body []byte, want int) {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != want {
				t.Errorf("%s %s: %s, want %d", method, url, res.Status, want)
			}
		}
		before := k.Digest(t)
		put("PUT", u.URL+"x", body, http.StatusNotFound)
		put("PUT", strings.Replace(u.URL, string(u.Workspace), "other", 1), body, http.StatusNotFound)
		put("GET", u.URL, nil, http.StatusMethodNotAllowed)
		put("POST", u.URL, body, http.StatusMethodNotAllowed)
		put("PUT", u.URL, []byte("no archive"), http.StatusBadRequest)
		put("PUT", u.URL, nil, http.StatusBadRequest)
		put("PUT", u.URL, make([]byte, domain.MaxLocalWorkspace+1), http.StatusRequestEntityTooLarge)
		for table, content := range k.Digest(t) {
			if content != before[table] {
				t.Errorf("table %s changed", table)
			}
		}
		put("PUT", u.URL, body, http.StatusCreated)
		put("PUT", u.URL, body, http.StatusConflict)
		k.View(t, func(tx *store.Tx) error {
			kept, err := tx.LocalWorkspaceBody(t.Context(), u.Workspace)
			if err != nil {
				return err
			}
			got, err := k.Store.Fetch(t.Context(), kept)
			if !slices.Equal(got, body) {
				t.Errorf("kept %v", got)
			}
			return err
		})
		token := u.URL[strings.LastIndexByte(u.URL, '/')+1:]
		for table, content := range k.Digest(t) {
			if strings.Contains(content, token) {
				t.Errorf("table %s shows the address", table)
			}
		}
	})
}
