package domain

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestCase164CorruptStates: what is refused, whatever else it says.
func TestCase164CorruptStates(t *testing.T) {
	head := `"version":4,"serial":1,"lineage":"l"`
	for name, bad := range map[string]string{
		"gzip": "\x1f\x8b\x08", "NaN": `{"version":4,"serial":NaN,"lineage":"l"}`, "deep": `{` + head + `,"x":` + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + `}`,
		"twice": `{` + head + `,"serial":2}`, "twice in a list": `{` + head + `,"r":[{"a":1,"a":2}]}`, "twice by an escape": `{` + head + `,"lin\u0065age":"m"}`,
		"capitals": `{` + head + `,"VERSION":4}`, "provider": `{` + head + `,"resources":[{"provider":"provider[\"a\u0000\"]"}]}`,
		"outputs": `{` + head + `,"outputs":[]}`, "resources": `{` + head + `,"resources":{}}`, "101 MB": `{` + head + `,"x":"` + strings.Repeat("x", MaxState) + `"}`,
	} {
		if _, err := ReadState([]byte(bad)); ErrorCode(err) != CodeInvalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
}

// FuzzState reads whatever comes, without a panic; what is a state stays one
// when its serial and lineage change, and keeps all the rest.
func FuzzState(f *testing.F) {
	for _, seed := range []string{
		`{"version":4,"serial":1,"lineage":"l"}`, `{"serial":1,"lineage":"l","version":4,"outputs":{"a":{"value":[1,{"b":"\\\""}],"type":"string"}}}`,
		`{"version":4,"serial":1,"lineage":"l","resources":[{"provider":"provider[\"a/b/c\"]"}]}`, ` { "version" : 4 , "serial" : 1 , "lineage" : "l" } `,
		`[]`, `"`, `{"a":{"a":1,"a":2}}`, `{"version":4,"serial":1e3,"lineage":"l"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := ReadState(body)
		if err != nil {
			if ErrorCode(err) != CodeInvalid {
				t.Fatal(err)
			}
			return
		}
		next, err := s.Following(s.Serial/2+7, `other "lineage"`)
		if err != nil || next.Serial != s.Serial/2+7 || next.Lineage != `other "lineage"` {
			t.Fatalf("%+v, %v", next.StateHead, err)
		}
		same, err := next.Following(s.Serial, s.Lineage)
		var was, is any
		if err != nil || json.Unmarshal(body, &was) != nil || json.Unmarshal(same.Body, &is) != nil || fmt.Sprint(was) != fmt.Sprint(is) {
			t.Fatalf("%s became %s (%v)", body, same.Body, err)
		}
	})
}
