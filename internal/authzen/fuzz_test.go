package authzen

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

var seeds = []string{
	`{"subject":{"type":"user","id":"a"},"action":{"name":"run:trigger"},"resource":{"type":"space","id":"dev"}}`,
	`{"subject":{"type":"user","id":"a","properties":{"x":[1,-2.5e+7,true,false,null,"é😀\u00e9\ud83d\ude00\n\/"]}},"context":{"phase":"plan"},
		"evaluations":[{},{"action":{"name":"x"}},null,7],"options":{"evaluations_semantic":"deny_on_first_deny"},"page":{"token":"t","limit":0}}`,
	`{"a":"\ud800"}`, `{"a":"\udc00\ud800"}`, `[1,2]`, `"x"`, `-0.0`, `01`, `1.`, `.5`, `1e`, `tru`, `nul`, "\xff", "{\"a\":\"\x01\"}", `{"a" 1}`, `{"a":1,}`, `[1,]`, `[,]`, `{,}`,
	`{"subject":null,"subject":{}}`, `"\u00"`, `"\x"`, `"`, `{"a":`, strings.Repeat("[", 70) + strings.Repeat("]", 70), "\ufeff{}", " { } ", `{}{}`, `1 2`, `"\"`,
}

// FuzzScanner compares what is accepted, and what texts say, with encoding/json.
func FuzzScanner(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := newScanner(text)
		s.skip()
		s.end()
		valid := json.Valid([]byte(text)) && utf8.ValidString(text)
		if s.err == nil && !valid {
			t.Fatalf("accepted %q", text)
		}
		if s.err != nil && valid && !stricter(s.err) {
			t.Fatalf("refused %q: %v", text, s.err)
		}
		var want string
		if s.err == nil && json.Unmarshal([]byte(text), &want) == nil && strings.TrimSpace(text)[0] == '"' {
			if got := newScanner(text).str(); got != want {
				t.Fatalf("%q reads as %q, want %q", text, got, want)
			}
		}
	})
}

// stricter reports whether an error is one that encoding/json does not have.
func stricter(err error) bool {
	return strings.Contains(err.Error(), "levels") || strings.Contains(err.Error(), "surrogate")
}

// plainQuestion is a question as encoding/json reads it, names exact.
func plainQuestion(v any) (q question) {
	m, _ := v.(map[string]any)
	text := func(of any, name string) (string, bool) {
		o, _ := of.(map[string]any)
		s, ok := o[name].(string)
		return s, ok
	}
	q.subject.kind, q.subject.hasKind = text(m["subject"], "type")
	q.subject.id, q.subject.hasID = text(m["subject"], "id")
	q.resource.kind, q.resource.hasKind = text(m["resource"], "type")
	q.resource.id, q.resource.hasID = text(m["resource"], "id")
	q.action, q.hasName = text(m["action"], "name")
	q.phase, _ = text(m["context"], "phase")
	return q
}

// FuzzParse compares the questions that a request asks with what encoding/json
// reads in it.
func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r, err := parse(body, partEvaluations|partOptions|partPage)
		if err != nil {
			return
		}
		var plain map[string]any
		if err := json.Unmarshal([]byte(body), &plain); err != nil {
			t.Fatalf("accepted %q: %v", body, err)
		}
		compare(t, body, plainQuestion(plain), r.question)
		list, _ := plain["evaluations"].([]any)
		if len(list) != len(r.evaluations) || len(list) > maxEvaluations {
			t.Fatalf("%q: %d evaluations, want %d", body, len(r.evaluations), len(list))
		}
		for i, v := range list {
			if r.evaluations[i].problem != "" {
				continue
			}
			one := map[string]any{}
			for _, from := range []any{plain, v} {
				m, _ := from.(map[string]any)
				for name, value := range m {
					if value != nil {
						one[name] = value
					}
				}
			}
			compare(t, body, plainQuestion(one), r.evaluations[i])
		}
	})
}

func compare(t *testing.T, body string, want, got question) {
	t.Helper()
	got.has = 0
	if got != want {
		t.Fatalf("%q reads as %+v, want %+v", body, got, want)
	}
}
