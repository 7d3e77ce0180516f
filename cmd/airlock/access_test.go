package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/internal/cli"
)

// operator runs `airlock access` as one API key against a server.
type operator struct {
	t               *testing.T
	url, id, secret string
}

// access runs one command and returns what it printed and its exit status.
func (o *operator) access(args ...string) (out string, status int, message string) {
	o.t.Helper()
	o.t.Setenv("AIRLOCK_ENDPOINT", o.url)
	o.t.Setenv("AIRLOCK_API_KEY_ID", o.id)
	o.t.Setenv("AIRLOCK_API_KEY_SECRET", o.secret)
	var stdout, stderr bytes.Buffer
	err := run(o.t.Context(), append([]string{"access"}, args...), &stdout, &stderr)
	if err != nil {
		message = err.Error()
	}
	if o.secret != "" && strings.Contains(stdout.String()+stderr.String()+message, o.secret) {
		o.t.Errorf("%v shows the secret", args)
	}
	return stdout.String(), cli.ExitStatus(err), message
}

// must is access for what has to work.
func (o *operator) must(args ...string) string {
	o.t.Helper()
	out, status, message := o.access(args...)
	if status != 0 {
		o.t.Fatalf("%v: status %d: %s", args, status, message)
	}
	return out
}

// says runs a command and wants all the words in what it prints.
func (o *operator) says(args []string, words ...string) {
	o.t.Helper()
	out := o.must(args...)
	for _, w := range words {
		if !strings.Contains(out, w) {
			o.t.Errorf("%v: no %q in\n%s", args, w, out)
		}
	}
}

// fails runs a command and wants it to end with a status and words.
func (o *operator) fails(status int, words string, args ...string) {
	o.t.Helper()
	out, got, message := o.access(args...)
	if got != status || !strings.Contains(message, words) || out != "" {
		o.t.Errorf("%v: status %d, %q, output %q; want status %d and %q", args, got, message, out, status, words)
	}
}

// startOperators starts a server and returns its root admin, and a key that
// holds nothing.
func startOperators(t *testing.T) (admin, other *operator) {
	t.Helper()
	clearEnv(t)
	data := filepath.Join(t.TempDir(), "data")
	url, _, _ := serve(t, data)
	key := readJSON(t, filepath.Join(data, adminKeyFile))
	admin = &operator{t, url, key["id"], key["secret"]}
	var made struct {
		Data struct{ APIKeyCreate struct{ ID, Secret string } }
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/graphql",
		strings.NewReader(`{"query": "mutation { apiKeyCreate(input: {name: \"ci\", admin: false, teams: []}) { id secret } }"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+exchange(t, url, admin.id, admin.secret))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(res.Body).Decode(&made); err != nil || made.Data.APIKeyCreate.ID == "" {
		t.Fatalf("no key: %+v, %v", made, err)
	}
	return admin, &operator{t, url, made.Data.APIKeyCreate.ID, made.Data.APIKeyCreate.Secret}
}

// TestAccessRequests asks for access, decides, and looks at what came of it,
// all by the command line against a real server.
func TestAccessRequests(t *testing.T) {
	admin, ci := startOperators(t)
	admin.says([]string{"requests"}, "No requests.")
	admin.says([]string{"grants"}, "No binding that you may see ends within 30 days.")

	ask := []string{"request", "--role=space-reader", "--space=legacy", "--for=2d", "--reason=INC-1"}
	var asked struct {
		ID, State string
		Duration  int
	}
	if err := json.Unmarshal([]byte(ci.must(append(ask, "--json")...)), &asked); err != nil || asked.State != "PENDING" || asked.Duration != 2*24*3600 {
		t.Fatalf("asked %+v, %v", asked, err)
	}
	ci.fails(1, "", ask...) // asked already
	ci.says([]string{"requests", "--mine", "--state=pending"}, asked.ID, "PENDING", "space-reader", "legacy", "2d", "INC-1")
	admin.says([]string{"requests", "--decidable"}, asked.ID, "api_key:"+ci.id, "you")
	ci.fails(2, "nobody decides his own access request", "grant", asked.ID)
	admin.says([]string{"grant", asked.ID, "--note=until Friday"}, asked.ID+" GRANTED: space-reader for api_key:"+ci.id, "at legacy, for 2d, by binding ")

	admin.says([]string{"grants"}, "ENDS", "space-reader", "legacy", "api_key:"+ci.id)
	admin.says([]string{"grants", "--within=1"}, "No binding")
	admin.says([]string{"grants", "--space=root", "--actor=api_key:" + ci.id}, "space-reader")
	admin.says([]string{"grants", "--actor=api_key:" + admin.id}, "No binding")
	var granted []struct {
		Actor    struct{ Kind, ID string }
		NotAfter int64
	}
	if err := json.Unmarshal([]byte(admin.must("grants", "--json")), &granted); err != nil || len(granted) != 1 || granted[0].NotAfter == 0 || granted[0].Actor.ID != ci.id {
		t.Errorf("grants as JSON: %+v, %v", granted, err)
	}

	second := ci.must("request", "--role=space-writer", "--space=legacy", "--for=30m", "--reason=INC-2")
	ci.says([]string{"cancel", strings.Fields(second)[0]}, "CANCELED", "for 30m")
	third := ci.must("request", "--role=space-writer", "--space=legacy", "--for=1h", "--reason=INC-3")
	admin.says([]string{"refuse", strings.Fields(third)[0]}, "REFUSED", "for 1h")
	admin.fails(1, "", "grant", strings.Fields(third)[0])
	ci.says([]string{"requests", "--limit=2"}, "GRANTED", "CANCELED")
	if out := ci.must("requests", "--limit=2"); strings.Contains(out, "REFUSED") {
		t.Errorf("more than two:\n%s", out)
	}
}

// TestAccessArguments: what is wrong on the command line is said without
// asking anybody, with the status of an error and not of a denial.
func TestAccessArguments(t *testing.T) {
	clearEnv(t)
	o := &operator{t: t, url: "http://127.0.0.1:1", id: "x", secret: "hidden-one"}
	o.fails(1, "unknown flag --nonsense", "requests", "--nonsense")
	o.fails(1, "missing flags: --for=SPAN", "request", "--role=r", "--space=s", "--reason=why")
	o.fails(1, "give --space or --on", "request", "--role=r", "--for=1h", "--reason=why")
	o.fails(1, "can't be used together", "request", "--role=r", "--for=1h", "--reason=why", "--space=s", "--on=stack:x")
	o.fails(1, "is none of stack:ID, context:ID", "request", "--role=r", "--for=1h", "--reason=why", "--on=space:x")
	o.fails(1, `"soon" is no length of time`, "request", "--role=r", "--for=soon", "--reason=why", "--space=s")
	o.fails(1, "--limit must be at least 1", "requests", "--limit=0")
	o.fails(1, "cannot reach http://127.0.0.1:1: ", "requests")
	o.url = "airlock.example.com"
	o.fails(1, "must be an http:// or https:// URL", "requests")
}

// TestAccessCredentials: what the server does not accept is said, and no
// secret is.
func TestAccessCredentials(t *testing.T) {
	_, ci := startOperators(t)
	wrong := *ci
	wrong.secret = "hidden-one"
	wrong.fails(1, "does not accept API key "+ci.id+": it does not exist there", "requests")
	t.Setenv("AIRLOCK_API_TOKEN", "hidden-two")
	wrong.secret, wrong.id = "", ""
	wrong.fails(1, "does not accept the credentials: ", "requests")
	wrong.id = ci.id
	wrong.fails(1, "set both AIRLOCK_API_KEY_ID and AIRLOCK_API_KEY_SECRET, or neither", "requests")

	wrong = operator{t: t}
	t.Setenv("AIRLOCK_API_TOKEN", "")
	t.Setenv("SPACELIFT_API_KEY_ENDPOINT", ci.url+"/graphql")
	t.Setenv("SPACELIFT_API_KEY_ID", ci.id)
	t.Setenv("SPACELIFT_API_KEY_SECRET", ci.secret)
	wrong.says([]string{"requests"}, "No requests.")
	wrong.url = ci.url // another endpoint never gets that secret
	wrong.fails(1, "no credentials for "+ci.url, "requests")
}
