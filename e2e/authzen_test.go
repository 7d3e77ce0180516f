package e2e

import (
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// TestAuthZENDoor asks a real server for decisions: by the address that its
// metadata name, as a key that then is revoked.
func TestAuthZENDoor(t *testing.T) {
	for name, url := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, url(t), "--workers", "0")
			admin := signIn(t, s.Endpoint, s.ID, s.Secret)
			var made struct {
				APIKeyCreate struct{ ID, Secret string }
			}
			admin.must(t, apiKeyCreate, vars{"input": vars{"name": "pep", "admin": true, "teams": []string{}}}, &made)
			key := made.APIKeyCreate
			caller := signIn(t, s.Endpoint, key.ID, key.Secret)

			door := s.Endpoint + "/access/v1/evaluation"
			if _, metadata := send(t, http.MethodGet, s.Endpoint+"/.well-known/authzen-configuration", "", ""); !strings.Contains(metadata, `"access_evaluation_endpoint":"`+door+`"`) {
				t.Errorf("metadata %s", metadata)
			}
			question := `{"subject":{"type":"api_key","id":"` + key.ID + `"},"action":{"name":"space:admin"},"resource":{"type":"space","id":"root"}}`
			ask := func() string {
				status, body := send(t, http.MethodPost, door, caller.token, question)
				return status + " " + body
			}
			if got := ask(); !strings.HasPrefix(got, `200 OK {"decision":true,`) {
				t.Errorf("an admin's key: %s", got)
			}
			admin.must(t, `mutation($id:ID!){apiKeyDelete(id:$id){id}}`, vars{"id": key.ID}, nil)
			if got := ask(); !strings.HasPrefix(got, "401 ") {
				t.Errorf("a deleted key: %s", got)
			}
			if _, body := send(t, http.MethodPost, door, admin.token, question); !strings.HasPrefix(body, `{"decision":false,`) {
				t.Errorf("about a deleted key: %s", body)
			}
		})
	}
}

// send sends one request and returns status and body.
func send(t *testing.T, method, url, token, body string) (status, answer string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.Status, string(out)
}

// TestCase191SecondServer: a second server on one embedded database does not
// start, and a killed one leaves nothing that would keep the next from it.
func TestCase191SecondServer(t *testing.T) {
	s := start(t, "sqlite", "--workers", "0")
	out, err := exec.Command(binary(t), "serve", "--data", s.data, "--listen", "127.0.0.1:0", "--workers", "0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "an embedded database serves one server") {
		t.Errorf("a second server: %v\n%s", err, out)
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait() // it was killed
	s.run(t, "--listen", "127.0.0.1:"+s.Endpoint[strings.LastIndex(s.Endpoint, ":")+1:], "--workers", "0")
}
