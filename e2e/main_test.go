package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// callSpace makes this test binary a client inside a run: it creates a context
// in the space that the variable names, with the run's own token.
const callSpace = "E2E_CREATE_CONTEXT_IN"

func TestMain(m *testing.M) {
	if space := os.Getenv(callSpace); space != "" {
		if err := createContext(space); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// createContext calls the API as code in a run would, and prints the answer.
func createContext(space string) error {
	body, err := json.Marshal(map[string]any{
		"query":     `mutation($input:ContextInput!){contextCreateV2(input:$input){id,name,space}}`,
		"variables": map[string]any{"input": map[string]any{"name": "made by a run in " + space, "space": space}},
	})
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, os.Getenv("AIRLOCK_API_ENDPOINT")+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+os.Getenv("SPACELIFT_API_TOKEN"))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var answer bytes.Buffer
	if _, err := answer.ReadFrom(res.Body); err != nil {
		return err
	}
	fmt.Printf("answer: %s", answer.String())
	return nil
}

// binary returns the built airlock, or skips: `make e2e` builds it first.
func binary(t testing.TB) string {
	t.Helper()
	path := os.Getenv("AIRLOCK_BIN")
	if path == "" {
		path = filepath.Join("..", "bin", "airlock")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no binary at %s: run `make e2e`, or set AIRLOCK_BIN", path)
	}
	return path
}

// needTofu skips where there is no OpenTofu.
func needTofu(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("tofu"); err != nil {
		t.Skip("no tofu on PATH: run `make e2e`, which builds one")
	}
}
