package authzen_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/authzen"
)

// TestEvaluation asks as the specification's examples do, in our words.
func TestEvaluation(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		subject := `"subject":{"type":"api_key","id":"` + string(b.KeyID("will")) + `"`
		for _, c := range []struct {
			name, body string
			want       bool
		}{
			{"permit", subject + `},"action":{"name":"run:trigger"},"resource":{"type":"space","id":"dev"}`, true},
			{"deny", subject + `},"action":{"name":"stack:delete"},"resource":{"type":"space","id":"dev"}`, false},
			{"with context", subject + `},"action":{"name":"run:trigger"},"resource":{"type":"stack","id":"k2"},
				"context":{"time":"1985-10-26T01:22-07:00","schema":"https://schema.example.com/x.json"}`, true},
			{"with properties", subject + `,"properties":{"department":"Sales","level":3.5e-2,"tags":["a",null,true,{}]}},
				"action":{"name":"run:trigger","properties":{"period":"2W"}},"resource":{"type":"space","id":"dev","properties":{"x":{"y":[]}}}`, true},
			{"in another order, unknown members", `"future":{"nested":[{"subject":1}]},"resource":{"id":"dev","type":"space","owner":"x"},
				"foo":"bar","action":{"name":"run:trigger"},` + subject + `}`, true},
			{"nulls", subject + `,"properties":null},"action":{"name":"run:trigger","properties":null},"resource":{"type":"space","id":"dev"},"context":null`, true},
			{"escapes", strings.Replace(subject, "type", `t\u0079pe`, 1) + `},"action":{"name":"run\u003atrigger"},"resource":{"type":"sp\u0061ce","id":"de\u0076"}`, true},
			{"evaluations mean nothing here", subject + `},"action":{"name":"run:trigger"},"resource":{"type":"space","id":"dev"},"evaluations":7,"options":[],"page":"x"`, true},
		} {
			for range 3 { // the same question has the same answer
				if got := read[decided](t, b.post(t, "root-admin", authzen.PathEvaluation, "{"+c.body+"}")); got.yes(t) != c.want {
					t.Errorf("%s: %+v", c.name, got)
				}
			}
		}
	})
}

// TestEvaluationContext: the context says why, in words that stay.
func TestEvaluationContext(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, c := range []struct {
			who, action, resource string
			want                  string
		}{
			{"will", "run:trigger", "stack/k2", `{"decision":true,"context":{"reason":"granted_by_tier","tier":"writer","role":"R","binding":"B","space":"dev"}}`},
			{"will", "space:write", "space/dev", `{"decision":true,"context":{"reason":"granted_by_name","role":"R","binding":"B","space":"dev"}}`},
			{"will", "space:read", "space/apps", `{"decision":true,"context":{"reason":"derived_read"}}`},
			{"will", "stack:delete", "stack/k2", `{"decision":false,"context":{"reason":"not_granted","missing":"stack:delete","space":"dev"}}`},
			{"will", "STACK_DELETE", "stack/k2", `{"decision":false,"context":{"reason":"not_granted","missing":"stack:delete","space":"dev"}}`},
			{"will", "run:trigger", "stack/nope", `{"decision":false,"context":{"reason":"not_found"}}`},
			{"will", "run:fly", "space/dev", `{"decision":false,"context":{"reason":"unknown_action"}}`},
			{"will", "context:manage", "space/dev", `{"decision":false,"context":{"reason":"unknown_action"}}`}, // stands for several
			{"will", "run:trigger", "module/dev", `{"decision":false,"context":{"reason":"unknown_resource_type"}}`},
			{"will", "run:trigger", "policy/p", `{"decision":false,"context":{"reason":"not_found"}}`},
		} {
			got := b.post(t, "root-admin", authzen.PathEvaluation, question(b.ref(c.who), c.action, c.resource))
			want := strings.NewReplacer(`"R"`, quoted(string(b.RoleID("space-writer"))), `"B"`, quoted(string(b.bindingOf(t, c.who)))).Replace(c.want)
			if got.body != want || got.status != http.StatusOK {
				t.Errorf("%s %s %s: %s, want %s", c.who, c.action, c.resource, got.body, want)
			}
		}
		unknown := b.post(t, "root-admin", authzen.PathEvaluation, question("spaceship/x", "run:trigger", "space/dev"))
		if want := `{"decision":false,"context":{"reason":"unknown_subject_type"}}`; unknown.body != want {
			t.Errorf("%s, want %s", unknown.body, want)
		}
	})
}

// TestEvaluations asks several questions in one request.
func TestEvaluations(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		will, rita := `{"type":"api_key","id":"`+string(b.KeyID("will"))+`"}`, `{"type":"api_key","id":"`+string(b.KeyID("rita"))+`"}`
		dev, prod := `{"type":"space","id":"dev"}`, `{"type":"space","id":"prod"}`
		trigger, read := `{"name":"run:trigger"}`, `{"name":"space:read"}`
		for _, c := range []struct {
			name, body string
			want       []string
		}{
			{"without defaults", `"evaluations":[{"subject":` + will + `,"action":` + trigger + `,"resource":` + dev + `},
				{"subject":` + rita + `,"action":` + trigger + `,"resource":` + prod + `},{"subject":` + rita + `,"action":` + read + `,"resource":` + prod + `}]`,
				[]string{"yes", "not_granted", "yes"}},
			{"with defaults", `"subject":` + will + `,"action":` + trigger + `,"resource":` + dev + `,"evaluations":[{},{"resource":` + prod + `},{"action":` + read + `},{"subject":` + rita + `}]`,
				[]string{"yes", "not_granted", "yes", "not_granted"}},
			{"defaults that follow", `"evaluations":[{"resource":` + dev + `},{"subject":null}],"resource":` + prod + `,"action":` + trigger + `,"subject":` + will, []string{"yes", "not_granted"}},
			{"members replace defaults as a whole", `"subject":` + will + `,"action":` + trigger + `,"resource":` + dev + `,"evaluations":[{"resource":{"type":"space"}},{"subject":{"id":"x"}},{"action":{}}]`,
				[]string{"400 resource.id: is missing", "400 subject.type: is missing", "400 action.name: is missing"}},
			{"each with its own error", `"subject":` + will + `,"action":` + trigger + `,"evaluations":[{"resource":` + dev + `},{},7,null,{"resource":"dev"},{"resource":` + dev + `,"context":[]},{"resource":{"type":1,"id":"x"}}]`,
				[]string{"yes", "400 resource: is missing", "400 must be an object", "400 must be an object", "400 resource: must be an object", "400 context: must be an object", "400 resource.type: must be a string"}},
			{"execute all", `"options":{"evaluations_semantic":"execute_all","another_option":"value"},"subject":` + will + `,"action":` + trigger + `,"evaluations":[{"resource":` + prod + `},{"resource":` + dev + `}]`,
				[]string{"not_granted", "yes"}},
			{"deny on first deny", `"options":{"evaluations_semantic":"deny_on_first_deny"},"subject":` + will + `,"action":` + trigger + `,"evaluations":[{"resource":` + dev + `},{"resource":` + prod + `},{"resource":` + dev + `}]`,
				[]string{"yes", "not_granted"}},
			{"deny on first error", `"options":{"evaluations_semantic":"deny_on_first_deny"},"subject":` + will + `,"action":` + trigger + `,"evaluations":[{},{"resource":` + dev + `}]`,
				[]string{"400 resource: is missing"}},
			{"permit on first permit", `"options":{"evaluations_semantic":"permit_on_first_permit"},"subject":` + will + `,"action":` + trigger + `,"evaluations":[{},{"resource":` + prod + `},{"resource":` + dev + `},{"resource":` + dev + `}]`,
				[]string{"400 resource: is missing", "not_granted", "yes"}},
			{"never permitted", `"options":{"evaluations_semantic":"permit_on_first_permit"},"subject":` + will + `,"action":` + trigger + `,"evaluations":[{"resource":` + prod + `},{"resource":` + prod + `}]`,
				[]string{"not_granted", "not_granted"}},
		} {
			r := b.post(t, "root-admin", authzen.PathEvaluations, "{"+c.body+"}")
			if strings.HasPrefix(r.body, `{"decision"`) {
				t.Errorf("%s: a decision besides the evaluations: %s", c.name, r.body)
			}
			if diff := cmp.Diff(c.want, words(t, decodeAll(t, r))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.name, diff)
			}
		}
		for _, none := range []string{"", `,"evaluations":[]`, `,"evaluations":null`, `,"options":null`} { // as a single question
			r := b.post(t, "root-admin", authzen.PathEvaluations, `{"subject":`+will+`,"action":`+trigger+`,"resource":`+dev+none+`}`)
			same(t, "evaluations"+none, b.post(t, "root-admin", authzen.PathEvaluation, `{"subject":`+will+`,"action":`+trigger+`,"resource":`+dev+`}`), r)
		}
	})
}

func decodeAll(t *testing.T, r reply) []decided {
	t.Helper()
	return read[decided](t, r).Evaluations
}

// words is an answer in a word or two.
func words(t *testing.T, list []decided) (out []string) {
	t.Helper()
	for _, d := range list {
		switch {
		case d.yes(t):
			out = append(out, "yes")
		case d.Context.Error != nil:
			out = append(out, fmt.Sprint(d.Context.Error.Status, " ", d.Context.Error.Message))
		default:
			out = append(out, d.Context.Reason)
		}
	}
	return out
}

// TestEvaluationsLimit: a thousand questions are answered in order, and one
// more is too many.
func TestEvaluationsLimit(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		head := `{"subject":{"type":"api_key","id":"` + string(b.KeyID("will")) + `"},"action":{"name":"run:trigger"},"evaluations":[`
		one, two := `{"resource":{"type":"space","id":"dev"}}`, `{"resource":{"type":"stack","id":"k"}}`
		list := strings.Repeat(one+","+two+",", 500)
		got := decodeAll(t, b.post(t, "root-admin", authzen.PathEvaluations, head+strings.TrimSuffix(list, ",")+"]}"))
		if len(got) != 1000 {
			t.Fatalf("%d answers", len(got))
		}
		for i, d := range got {
			if d.yes(t) != (i%2 == 0) {
				t.Fatalf("answer %d: %+v", i, d)
			}
		}
		refused(t, "1001", b.post(t, "root-admin", authzen.PathEvaluations, head+list+one+"]}"), http.StatusBadRequest, "at most 1000 questions")
	})
}

// TestBadRequests are refused as a whole.
func TestBadRequests(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		s, a, r := `"subject":{"type":"api_key","id":"x"}`, `"action":{"name":"run:trigger"}`, `"resource":{"type":"space","id":"dev"}`
		for body, want := range map[string]string{
			"": "not valid JSON", " ": "not valid JSON", "{": "not valid JSON", "[]": "not valid JSON", "null": "not valid JSON", `"x"`: "not valid JSON", "{}x": "not valid JSON",
			"{" + s + "," + a + "," + r + ",}":                                                              "not valid JSON",
			"{" + s + "," + a + "," + r + "}{}":                                                             "something follows",
			"{" + s + "," + a + "," + r + `,"x":01}`:                                                        "not valid JSON",
			"{" + s + "," + a + "," + r + `,"x":"` + "\x01" + `"}`:                                          "control character",
			"{" + s + "," + a + "," + r + `,"x":"` + "\xff" + `"}`:                                          "UTF-8",
			"{" + s + "," + a + "," + r + `,"x":"\ud800"}`:                                                  "surrogate",
			"{" + s + "," + a + "," + r + "," + r + "}":                                                     "resource occurs twice",
			"{" + s + "," + a + "," + r + `,"\u0072esource":null}`:                                          "resource occurs twice",
			`{"subject":{"type":"a","id":"x","id":"y"},` + a + r:                                            "subject.id occurs twice",
			"{" + s + "," + a + "," + r + `,"x":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + "}": "levels",
			"{" + a + "," + r + "}":                                                                         "subject: is missing", "{" + s + "," + r + "}": "action: is missing", "{" + s + "," + a + "}": "resource: is missing",
			`{"subject":null,` + a + "," + r + "}":                                  "subject: is missing",
			`{"subject":{"id":"x"},` + a + "," + r + "}":                            "subject.type: is missing",
			`{"subject":{"type":"user"},` + a + "," + r + "}":                       "subject.id: is missing",
			`{"subject":{"type":"user","id":null},` + a + "," + r + "}":             "subject.id: is missing",
			`{"subject":"x",` + a + "," + r + "}":                                   "subject: must be an object",
			`{"subject":{"type":"user","id":7},` + a + "," + r + "}":                "subject.id: must be a string",
			`{"subject":{"type":"u","id":"x","properties":[]},` + a + "," + r + "}": "subject.properties: must be an object",
			"{" + s + `,"action":{},` + r + "}":                                     "action.name: is missing",
			"{" + s + `,"action":{"name":1},` + r + "}":                             "action.name: must be a string",
			"{" + s + `,"action":{"name":"x","properties":1},` + r + "}":            "action.properties: must be an object",
			"{" + s + "," + a + `,"resource":{"id":"x"}}`:                           "resource.type: is missing",
			"{" + s + "," + a + `,"resource":{"type":"space"}}`:                     "resource.id: is missing",
			"{" + s + "," + a + "," + r + `,"context":"x"}`:                         "context: must be an object",
		} {
			for _, path := range []string{authzen.PathEvaluation, authzen.PathEvaluations} {
				refused(t, path+" "+body, b.post(t, "root-admin", path, body), http.StatusBadRequest, want)
			}
		}
		for body, want := range map[string]string{
			`"evaluations":{}`: "evaluations: must be an array", `"options":[]`: "options: must be an object",
			`"options":{"evaluations_semantic":"any"}`: "options.evaluations_semantic: must be execute_all", `"options":{"evaluations_semantic":1}`: "options.evaluations_semantic: must be a string",
			`"evaluations":[{}],"evaluations":[]`: "evaluations occurs twice", `"options":{},"options":{}`: "options occurs twice",
			`"subject":"x","evaluations":[` + "{" + s + "}]": "subject: must be an object", // a default that is none
		} {
			refused(t, body, b.post(t, "root-admin", authzen.PathEvaluations, "{"+body+"}"), http.StatusBadRequest, want)
		}
	})
}

// TestTransport is what the HTTP binding asks for.
func TestTransport(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		good := question(b.ref("will"), "run:trigger", "space/dev")
		for _, kind := range []string{"", "text/plain", "application/jsonx", "application/x-www-form-urlencoded", "application/"} {
			refused(t, kind, b.post(t, "will", authzen.PathEvaluation, good, "Content-Type", kind), http.StatusBadRequest, "application/json")
		}
		for _, kind := range []string{"application/json; charset=utf-8", "Application/JSON", "application/json;charset=\"UTF-8\""} {
			if r := b.post(t, "will", authzen.PathEvaluation, good, "Content-Type", kind); r.status != http.StatusOK {
				t.Errorf("%s: %d %s", kind, r.status, r.body)
			}
		}
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			r := b.send(t, b.As(t, "will"), method, authzen.PathEvaluation, good)
			if r.status != http.StatusMethodNotAllowed || r.header.Get("Allow") != "POST" {
				t.Errorf("%s: %d %v", method, r.status, r.header)
			}
		}
		for _, path := range []string{"/access/", "/access/v1", "/access/v1/evaluation/", "/access/v1/search", "/access/v2/evaluation", "/access/v1/Evaluation"} {
			refused(t, path, b.post(t, "will", path, good), http.StatusNotFound, "no such endpoint")
		}
		large := `{"x":"` + strings.Repeat("x", 4<<20) + `"}`
		refused(t, "large", b.post(t, "will", authzen.PathEvaluation, large), http.StatusRequestEntityTooLarge, "4194304")

		for _, id := range []string{"bfe9eb29-ab87-4ca3-be83-a1d5d8305716", "x", strings.Repeat("long ", 100) + "x"} {
			for _, body := range []string{good, "{", question(b.ref("rita"), "space:read", "space/prod")} {
				if r := b.post(t, "will", authzen.PathEvaluation, body, "X-Request-ID", id); r.header.Get("X-Request-Id") != id {
					t.Errorf("%d: the id %q came back as %q", r.status, id, r.header.Get("X-Request-Id"))
				}
			}
		}
		for _, path := range []string{authzen.PathEvaluation, authzen.PathEvaluations, authzen.PathSearchSubject, "/access/nope"} {
			r := b.send(t, b.As(t, ""), "POST", path, "{", "X-Request-ID", "7")
			refused(t, path, r, http.StatusUnauthorized, "unauthorized")
			if r.header.Get("WWW-Authenticate") != `Bearer realm="`+base+`"` || r.header.Get("X-Request-Id") != "7" {
				t.Errorf("%s: %v", path, r.header)
			}
		}
	})
}

// TestCase73DatabaseDown: no decision is made without the database.
func TestCase73DatabaseDown(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		other := b.Open(t)
		b.door = newDoor(other, access.NewGate())
		bodies := map[string]string{
			authzen.PathEvaluation:  question(b.ref("will"), "run:trigger", "space/dev"),
			authzen.PathEvaluations: question(b.ref("will"), "run:trigger", "stack/k2"),
		}
		for path, body := range bodies {
			if d := read[decided](t, b.post(t, "will", path, body)); !d.yes(t) {
				t.Fatalf("%s: %+v", path, d)
			}
		}
		if err := other.Close(); err != nil {
			t.Fatal(err)
		}
		for path, body := range bodies {
			refused(t, path, b.post(t, "will", path, body), http.StatusServiceUnavailable, "unavailable")
		}
	})
}

// TestMetadata describes the endpoints to anybody.
func TestMetadata(t *testing.T) {
	door := authzen.NewHandler(nil, nil, base, nil)
	w := httptest.NewRecorder()
	door.Metadata().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, authzen.PathMetadata, nil))
	r := reply{w.Code, w.Result().Header, w.Body.String()}
	want := map[string]string{
		"policy_decision_point":       base,
		"access_evaluation_endpoint":  base + "/access/v1/evaluation",
		"access_evaluations_endpoint": base + "/access/v1/evaluations",
		"search_subject_endpoint":     base + "/access/v1/search/subject",
		"search_resource_endpoint":    base + "/access/v1/search/resource",
		"search_action_endpoint":      base + "/access/v1/search/action",
	}
	if diff := cmp.Diff(want, read[map[string]string](t, r)); diff != "" || r.header.Get("Cache-Control") != "max-age=3600" {
		t.Errorf("(-want +got):\n%s%v", diff, r.header)
	}
}
