package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// logBuffer is a log that a test reads while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var readyLine = regexp.MustCompile(`Airlock is ready.*url=(http://\S+)`)

// serve starts a server on a data directory and returns its URL, its log, and
// how to end it.
func serve(t *testing.T, data string) (url string, log *logBuffer, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	log = &logBuffer{}
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "--data=" + data, "--listen=127.0.0.1:0", "--workers=0"}, &bytes.Buffer{}, log)
	}()
	end = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("ended with %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("does not end")
		}
	})
	t.Cleanup(end)
	deadline := time.After(20 * time.Second)
	for {
		if m := readyLine.FindStringSubmatch(log.String()); m != nil {
			return m[1], log, end
		}
		select {
		case err := <-ended:
			ended <- nil
			t.Fatalf("did not start: %v\n%s", err, log)
		case <-deadline:
			t.Fatalf("not ready in time:\n%s", log)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// TestFirstStart keeps the first keys once, for their owner alone.
func TestFirstStart(t *testing.T) {
	clearEnv(t)
	data := filepath.Join(t.TempDir(), "deep", "data")
	url, log, end := serve(t, data)
	key := readJSON(t, filepath.Join(data, adminKeyFile))
	pool := readJSON(t, filepath.Join(data, workerPoolFile))
	if key["endpoint"] != url || len(key["id"]) != 26 || len(key["secret"]) != 64 || pool["endpoint"] != url || pool["token"] == "" {
		t.Errorf("kept %v and %v", key, pool)
	}
	if token := exchange(t, url, key["id"], key["secret"]); token == "" {
		t.Error("the key cannot be exchanged")
	}
	if exchange(t, url, key["id"], "wrong") != "" {
		t.Error("a wrong secret can be exchanged")
	}
	end()
	checkModes(t, data)

	before, err := os.ReadFile(filepath.Join(data, adminKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(data, workerPoolFile)); err != nil {
		t.Fatal(err)
	}
	second, again, end := serve(t, data)
	if token := exchange(t, second, key["id"], key["secret"]); token == "" {
		t.Error("the key is dead after a new start")
	}
	end()
	after, err := os.ReadFile(filepath.Join(data, adminKeyFile))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the key was written again: %v", err)
	}
	if _, err := os.Stat(filepath.Join(data, workerPoolFile)); !os.IsNotExist(err) {
		t.Errorf("the pool's token was written again: %v", err)
	}
	for _, secret := range []string{key["secret"], pool["token"]} {
		if strings.Contains(log.String()+again.String(), secret) {
			t.Error("a secret is in the log")
		}
	}
}

func readJSON(t *testing.T, path string) (out map[string]string) {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// checkModes walks the data directory: nothing in it is for others.
func checkModes(t *testing.T, data string) {
	t.Helper()
	err := filepath.WalkDir(data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch name := entry.Name(); {
		case name == adminKeyFile || name == workerPoolFile || name == "encryption.key":
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %o", name, info.Mode().Perm())
			}
		case path == data && info.Mode().Perm() != 0o700:
			t.Errorf("the directory has mode %o", info.Mode().Perm())
		case strings.HasPrefix(name, ".new-"):
			t.Errorf("%s was left behind", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// exchange trades a key for a token, empty if it is refused.
func exchange(t *testing.T, url, id, secret string) string {
	t.Helper()
	query, err := json.Marshal(map[string]any{
		"query":     `mutation($id: ID!, $secret: String!) { apiKeyUser(id: $id, secret: $secret) { jwt } }`,
		"variables": map[string]string{"id": id, "secret": secret},
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/graphql", bytes.NewReader(query))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct {
		Data struct{ APIKeyUser *struct{ JWT string } }
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if answer.Data.APIKeyUser == nil {
		return ""
	}
	return answer.Data.APIKeyUser.JWT
}

// TestWrongKeyFile: an old database never gets a new key, which would only hide
// that the right one is missing, and a foreign key is named.
func TestWrongKeyFile(t *testing.T) {
	clearEnv(t)
	data := t.TempDir()
	_, _, end := serve(t, data)
	end()
	key := filepath.Join(data, "encryption.key")
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	again := func(want string) {
		t.Helper()
		err := run(t.Context(), []string{"serve", "--data=" + data, "--listen=127.0.0.1:0", "--workers=0"}, &bytes.Buffer{}, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), key) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	again("is missing")
	if _, err := os.Stat(key); !os.IsNotExist(err) {
		t.Errorf("a new key was made: %v", err)
	}
	if err := os.WriteFile(key, []byte(strings.Repeat("ab", 32)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	again("airlock keys add")
}

func TestULIDsGrow(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	ids := newIDs(func() time.Time { return now })
	last := ""
	for i := range 1000 {
		if i == 500 {
			now = now.Add(-time.Hour) // a clock that steps back
		}
		id := ids.ULID()
		if len(id) != 26 || id <= last {
			t.Fatalf("%q after %q", id, last)
		}
		last = id
	}
}
