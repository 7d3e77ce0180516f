package pushes

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/pushhooks"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// door is the real handler over a real store.
type door struct {
	*storetest.Kit
	t      *testing.T
	server *httptest.Server
	id     domain.PushHookID
	secret string
}

func each(t *testing.T, kind domain.PushHookKind, test func(d door)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		s := pushhooks.New(store.Bind[pushhooks.Tx](k.Store), access.NewGate(), k.IDs, pushhooks.Config{Secret: identity.SigningSecret})
		name := "Forge"
		h, secret, err := s.Create(k.As(t, "root-admin"), pushhooks.Input{Space: "dev", Kind: kind, Name: &name})
		if err != nil {
			t.Fatal(err)
		}
		handler := Handler(s)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			handler.ServeHTTP(w, r.WithContext(access.WithCall(r.Context(), access.Call{RequestID: "req", RemoteIP: "192.0.2.1"})))
		}))
		t.Cleanup(server.Close)
		test(door{k, t, server, h.ID, secret})
	})
}

func (d door) send(id domain.PushHookID, header map[string]string, body []byte) (int, string) {
	d.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, d.server.URL+pushhooks.Path+string(id), bytes.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := d.server.Client().Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (d door) pushes() (out []domain.Push) {
	d.t.Helper()
	for _, row := range d.Rows(d.t, `select body from pushes order by created_at, id`) {
		var p domain.Push
		if err := json.Unmarshal([]byte(fmt.Sprint(row[0])), &p); err != nil {
			d.t.Fatal(err)
		}
		p.ID, p.At, p.Hook, p.Key = "", time.Time{}, "", "" // where it came from is seen in what it starts
		out = append(out, p)
	}
	return out
}

const hash = "0123456789abcdef0123456789abcdef01234567"

const githubBody = `{"ref":"refs/heads/feature/x","before":"aa","after":"` + hash + `","deleted":false,"created":false,"forced":false,
 "commits":[{"message":"one","added":["a/new.tf"],"modified":[],"removed":["old.tf"]},{"message":"two","added":[],"modified":["a/new.tf","b.tf"],"removed":[]}],
 "head_commit":{"message":"two\n\nmore"},"pusher":{"name":"octo"},
 "repository":{"clone_url":"https://github.com/Team/Infra.git","ssh_url":"git@github.com:Team/Infra.git","html_url":"https://github.com/Team/Infra"}}`

func github(secret, body string) map[string]string {
	return map[string]string{
		"X-GitHub-Event": "push", "X-GitHub-Delivery": "d1", "Content-Type": "application/json",
		"X-Hub-Signature-256": "sha256=" + hex.EncodeToString(sign([]byte(secret), body)),
	}
}

func TestGitHubPush(t *testing.T) {
	each(t, domain.PushHookGitHub, func(d door) {
		status, text := d.send(d.id, github(d.secret, githubBody), []byte(githubBody))
		if status != http.StatusAccepted || !strings.Contains(text, `"repository":"github.com/team/infra"`) {
			d.t.Fatalf("%d %s", status, text)
		}
		want := []domain.Push{{
			By: "git::octo", Title: "two", Space: "dev", Source: "github.com/team/infra", Branch: "feature/x", Commit: hash,
			Files: []string{"a/new.tf", "b.tf", "old.tf"},
		}}
		if diff := cmp.Diff(want, d.pushes()); diff != "" {
			d.t.Error(diff)
		}
	})
}

func TestGitHubMessagesThatAreNoPush(t *testing.T) {
	each(t, domain.PushHookGitHub, func(d door) {
		for n, c := range []struct{ event, body string }{
			{"ping", `{"zen":"Keep it simple."}`},
			{"push", strings.Replace(githubBody, "refs/heads/", "refs/tags/", 1)},
			{"push", strings.Replace(githubBody, `"deleted":false`, `"deleted":true`, 1)},
		} {
			h := github(d.secret, c.body)
			h["X-GitHub-Event"] = c.event
			if status, text := d.send(d.id, h, []byte(c.body)); status != http.StatusOK || !strings.Contains(text, "ignored") {
				d.t.Errorf("message %d: %d %s", n, status, text)
			}
		}
		if got := d.pushes(); len(got) != 0 {
			d.t.Errorf("pushes %+v", got)
		}
	})
}

// TestCase136Webhooks is every way to send what must have no effect.
func TestCase136Webhooks(t *testing.T) {
	each(t, domain.PushHookGitHub, func(d door) {
		refused := map[int]int{}
		var first string
		for name, c := range map[string]struct {
			id     domain.PushHookID
			change func(h map[string]string)
		}{
			"no signature":    {d.id, func(h map[string]string) { delete(h, "X-Hub-Signature-256") }},
			"empty signature": {d.id, func(h map[string]string) { h["X-Hub-Signature-256"] = "sha256=" }},
			"another secret": {d.id, func(h map[string]string) {
				h["X-Hub-Signature-256"] = github("whsec_eA==", githubBody)["X-Hub-Signature-256"]
			}},
			"of another body": {d.id, func(h map[string]string) {
				h["X-Hub-Signature-256"] = github(d.secret, githubBody+" ")["X-Hub-Signature-256"]
			}},
			"cut off":        {d.id, func(h map[string]string) { h["X-Hub-Signature-256"] = h["X-Hub-Signature-256"][:20] }},
			"no hexadecimal": {d.id, func(h map[string]string) { h["X-Hub-Signature-256"] = "sha256=zz" }},
			"only SHA-1": {d.id, func(h map[string]string) {
				h["X-Hub-Signature"] = "sha1=" + h["X-Hub-Signature-256"][7:47]
				delete(h, "X-Hub-Signature-256")
			}},
			"without algorithm":   {d.id, func(h map[string]string) { h["X-Hub-Signature-256"] = h["X-Hub-Signature-256"][7:] }},
			"as GitLab would":     {d.id, func(h map[string]string) { h["X-Gitlab-Token"] = d.secret; delete(h, "X-Hub-Signature-256") }},
			"to no hook":          {"01JAAAAAAAAAAAAAAAAAAAAAAA", func(map[string]string) {}},
			"to a hook's likes":   {d.id + "%00", func(map[string]string) {}},
			"to something longer": {domain.PushHookID(strings.Repeat("x", 3000)), func(map[string]string) {}},
		} {
			h := github(d.secret, githubBody)
			c.change(h)
			status, text := d.send(c.id, h, []byte(githubBody))
			if first == "" {
				first = text
			}
			if refused[status]++; status != http.StatusUnauthorized || text != first {
				d.t.Errorf("%s: %d %s", name, status, text)
			}
		}
		denied := 0
		for _, e := range d.Audit(d.t) {
			if e.Event == "pushHook.deliver" && e.Outcome == domain.AuditDenied && e.RemoteIP == "192.0.2.1" {
				denied++
			}
			if strings.Contains(e.Args+e.Reason+e.ObjectID, d.secret) {
				d.t.Errorf("the trail shows the secret: %+v", e)
			}
		}
		if denied != 12 {
			d.t.Errorf("%d refusals are recorded", denied)
		}
		if got := d.pushes(); len(got) != 0 {
			d.t.Errorf("pushes %+v", got)
		}
	})
}

// TestCase136SignedMessages are what its owner may send, and still has no effect.
func TestCase136SignedMessages(t *testing.T) {
	each(t, domain.PushHookGitHub, func(d door) {
		for name, c := range map[string]struct {
			body string
			want int
		}{
			"no JSON":        {`{"ref":`, http.StatusBadRequest},
			"empty":          {``, http.StatusBadRequest},
			"a list":         {`[]`, http.StatusBadRequest},
			"two objects":    {githubBody + githubBody, http.StatusBadRequest},
			"deep":           {strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000), http.StatusBadRequest},
			"bad branch":     {strings.Replace(githubBody, "feature/x", "--upload-pack=id", 1), http.StatusBadRequest},
			"control in it":  {strings.Replace(githubBody, "feature/x", `a\u0007b`, 1), http.StatusBadRequest},
			"bad commit":     {strings.Replace(githubBody, hash, "HEAD", 1), http.StatusBadRequest},
			"no repository":  {strings.Replace(githubBody, `"repository"`, `"other"`, 1), http.StatusBadRequest},
			"30 MB":          {strings.Repeat(" ", 30<<20), http.StatusRequestEntityTooLarge},
			"wrong type":     {strings.Replace(githubBody, `"refs/heads/feature/x"`, `7`, 1), http.StatusBadRequest},
			"not even UTF-8": {strings.Replace(githubBody, "feature/x", "\xff\xfe", 1), http.StatusBadRequest},
		} {
			status, text := d.send(d.id, github(d.secret, c.body), []byte(c.body))
			if name == "not even UTF-8" && status == http.StatusAccepted {
				continue // the decoder makes replacement characters of it
			}
			if status != c.want {
				d.t.Errorf("%s: %d %s", name, status, text)
			}
		}
		form := github(d.secret, githubBody)
		form["Content-Type"] = "application/x-www-form-urlencoded"
		if status, text := d.send(d.id, form, []byte(githubBody)); status != http.StatusBadRequest || !strings.Contains(text, "content type") {
			d.t.Errorf("as a form: %d %s", status, text)
		}
	})
}

// TestCase136Replay sends a copy under another delivery id, which is not signed.
func TestCase136Replay(t *testing.T) {
	each(t, domain.PushHookGitHub, func(d door) {
		h := github(d.secret, githubBody)
		for _, want := range []int{http.StatusAccepted, http.StatusOK, http.StatusOK} {
			if status, text := d.send(d.id, h, []byte(githubBody)); status != want {
				d.t.Errorf("%d %s", status, text)
			}
			h["X-GitHub-Delivery"] += "x"
		}
		if n := len(d.pushes()); n != 1 {
			d.t.Errorf("%d pushes", n)
		}
	})
}

func TestGitLabPush(t *testing.T) {
	const body = `{"object_kind":"push","ref":"refs/heads/main","before":"` + hash + `","after":"` + hash + `","user_username":"lab","total_commits_count":1,
 "commits":[{"message":"Fix","added":[],"modified":["x.tf"],"removed":[]}],
 "project":{"git_http_url":"https://gitlab.example.com/team/infra.git","git_ssh_url":"ssh://git@gitlab.example.com:2222/team/infra.git","web_url":"https://gitlab.example.com/team/infra"}}`
	each(t, domain.PushHookGitLab, func(d door) {
		send := func(body string, h map[string]string) int {
			h["X-Gitlab-Event"] = "Push Hook"
			status, _ := d.send(d.id, h, []byte(body))
			return status
		}
		if got := send(body, map[string]string{"X-Gitlab-Token": d.secret + "x"}); got != http.StatusUnauthorized {
			d.t.Errorf("another token: %d", got)
		}
		if got := send(body, map[string]string{"X-Gitlab-Token": ""}); got != http.StatusUnauthorized {
			d.t.Errorf("an empty token: %d", got)
		}
		if got := send(body, map[string]string{"X-Gitlab-Token": d.secret}); got != http.StatusAccepted {
			d.t.Errorf("token: %d", got)
		}
		signed := standard(d.secret, "m1", d.Clock.Now(), body+" ")
		if got := send(body+" ", signed); got != http.StatusAccepted {
			d.t.Errorf("signed: %d", got)
		}
		wrong := standard(d.secret, "m2", d.Clock.Now(), body)
		wrong["X-Gitlab-Token"] = d.secret // does not save a wrong signature
		if got := send(body+"  ", wrong); got != http.StatusUnauthorized {
			d.t.Errorf("wrongly signed: %d", got)
		}
		want := domain.Push{
			By: "git::lab", Title: "Fix", Space: "dev", Source: "gitlab.example.com/team/infra", Branch: "main", Commit: hash, Files: []string{"x.tf"},
		}
		if diff := cmp.Diff([]domain.Push{want, want}, d.pushes()); diff != "" {
			d.t.Error(diff)
		}
	})
}

func standard(secret, id string, at time.Time, body string) map[string]string {
	when := strconv.FormatInt(at.Unix(), 10)
	return map[string]string{"Webhook-Id": id, "Webhook-Timestamp": when, "Webhook-Signature": standardSignature(secret, id, when, body)}
}

func TestGenericPush(t *testing.T) {
	const body = `{"repository":"https://git.example.com/team/infra.git","branch":"main","commit":"` + hash + `","author":"ann","message":"Write"}`
	each(t, domain.PushHookGeneric, func(d door) {
		now := d.Clock.Now()
		for name, c := range map[string]struct {
			header map[string]string
			want   int
		}{
			"old":         {standard(d.secret, "m0", now.Add(-fresh), body), http.StatusUnauthorized},
			"early":       {standard(d.secret, "m0", now.Add(fresh+time.Second), body), http.StatusUnauthorized},
			"without id":  {standard(d.secret, "", now, body), http.StatusUnauthorized},
			"other body":  {standard(d.secret, "m0", now, body+" "), http.StatusUnauthorized},
			"two, one so": {both(standard(d.secret, "m1", now, body)), http.StatusAccepted},
		} {
			if status, text := d.send(d.id, c.header, []byte(body)); status != c.want {
				d.t.Errorf("%s: %d %s", name, status, text)
			}
		}
		again := body[:len(body)-1] + `,"files":[]}`
		if status, _ := d.send(d.id, standard(d.secret, "m1", now, again), []byte(again)); status != http.StatusOK {
			d.t.Errorf("the same id: %d", status)
		}
		if status, text := d.send(d.id, standard(d.secret, "m2", now, `{"repo":1}`), []byte(`{"repo":1}`)); status != http.StatusBadRequest {
			d.t.Errorf("an unknown field: %d %s", status, text)
		}
		want := domain.Push{
			By: "git::ann", Title: "Write", Space: "dev", Source: "git.example.com/team/infra", Branch: "main", Commit: hash, All: true,
		}
		if diff := cmp.Diff([]domain.Push{want}, d.pushes()); diff != "" {
			d.t.Error(diff)
		}
	})
}

// both adds a signature of a secret that we do not know.
func both(h map[string]string) map[string]string {
	h["Webhook-Signature"] = "v1,eA== v2,eA== " + h["Webhook-Signature"]
	return h
}

// TestStrangersTakeNoRoom: of who names no hook nothing is read, so that he cannot
// keep the few places by sending slowly.
func TestStrangersTakeNoRoom(t *testing.T) {
	each(t, domain.PushHookGitHub, func(d door) {
		post := func(id domain.PushHookID, body io.Reader) int {
			w := httptest.NewRecorder()
			d.server.Config.Handler.ServeHTTP(w, httptest.NewRequestWithContext(d.t.Context(), http.MethodPost, pushhooks.Path+string(id), body))
			return w.Code
		}
		if code := post("01JAAAAAAAAAAAAAAAAAAAAAAA", unread{d.t}); code != http.StatusUnauthorized {
			d.t.Errorf("no hook: %d", code)
		}
		if code := post(d.id, strings.NewReader("{}")); code != http.StatusUnauthorized {
			d.t.Errorf("no signature: %d", code)
		}
	})
}

// unread is a body that nobody may read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestRefusalsAreRecordedAFewAMinute(t *testing.T) {
	var r rate
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	recorded := 0
	for range 100 {
		if _, ok := r.take(now); ok {
			recorded++
		}
	}
	also, ok := r.take(now.Add(time.Minute))
	if recorded != recordedRefusals || !ok || also != 100-recordedRefusals {
		t.Errorf("recorded %d, then %v %d", recorded, ok, also)
	}
}

func FuzzFormats(f *testing.F) {
	f.Add([]byte(githubBody))
	f.Add([]byte(`{"repository":"https://x/y","branch":"main","commit":"` + hash + `"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m := message{http.Header{"X-Github-Event": {"push"}, "X-Gitlab-Event": {"Push Hook"}, "Content-Type": {"application/json"}}, body}
		for kind, format := range formats {
			said, err := format.read(m)
			if err == nil {
				said, err = clean(said)
			}
			if err == nil && said.Ignored == "" && (said.Branch == "" || len(domain.SourceKeys(said.URLs)) == 0) {
				t.Errorf("%s takes %q", kind, body)
			}
		}
	})
}

func standardSignature(secret, id, at, body string) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		panic(err)
	}
	return "v1," + base64.StdEncoding.EncodeToString(sign(key, id, ".", at, ".", body))
}
