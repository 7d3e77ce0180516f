package domain

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const someState = `{"version":4,"serial":3,"lineage":"l",
 "outputs":{"plain":{"value":{"a":1},"type":"x"},"secret":{"value":"canary-1","sensitive":true}},
 "resources":[
  {"mode":"managed","type":"null_resource","name":"a","provider":"provider[\"registry.opentofu.org/hashicorp/null\"]","instances":[
    {"index_key":0,"attributes":{"id":"one","triggers":{"x":"canary-2"},"n":7,"list":["y",null]},"sensitive_attributes":[[{"type":"get_attr","value":"triggers"},{"type":"index","value":{"value":"x","type":"string"}}]]},
    {"index_key":"k\"","status":"tainted","attributes":{"id":"two"}},
    {"index_key":0,"deposed":"abc","attributes":{"id":"old"}}]},
  {"module":"module.m[\"x\"]","mode":"data","type":"http","name":"b","provider":"module.m.provider[\"example.com/a/http\"].east","instances":[
    {"attributes":{"body":"canary-3"},"sensitive_attributes":[[{"type":"get_attr","value":"body"}]]}]}]}`

func TestReadEntities(t *testing.T) {
	null := "registry.opentofu.org/hashicorp/null"
	want := func(first string) []ManagedEntity {
		second := `{"id":"two"}`
		if !strings.Contains(first, "one") {
			second = `{"id":"(not shown)"}`
		}
		return []ManagedEntity{
			{Address: `module.m["x"].data.http.b`, Module: `module.m["x"]`, Type: "http", Name: "b", Provider: "example.com/a/http", Data: true, Values: `{"body":"(not shown)"}`},
			{Address: `null_resource.a["k\""]`, Type: "null_resource", Name: "a", Provider: null, Tainted: true, Values: second},
			{Address: "null_resource.a[0]", Type: "null_resource", Name: "a", Provider: null, Values: first},
			{Address: "output.plain", Type: "output", Name: "plain", Output: true, Values: `{"a":1}`},
			{Address: "output.secret", Type: "output", Name: "secret", Output: true, Sensitive: true},
		}
	}
	for smart, first := range map[bool]string{
		true:  `{"id":"one","list":["y",null],"n":7,"triggers":"(not shown)"}`,
		false: `{"id":"(not shown)","list":["(not shown)",null],"n":"(not shown)","triggers":"(not shown)"}`,
	} {
		got, err := ReadEntities([]byte(someState), smart)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want(first), got, cmpopts.IgnoreFields(ManagedEntity{}, "Print")); d != "" {
			t.Errorf("smart %v (-want +got):\n%s", smart, d)
		}
		for _, e := range got {
			if strings.Contains(e.Values, "canary") || len(e.Print) != 64 {
				t.Errorf("%+v", e)
			}
		}
	}
	for _, bad := range []string{"", "[]", `{"resources":3}`, `{"resources":[{"instances":[{"attributes":[]}]}]}`} {
		if _, err := ReadEntities([]byte(bad), true); ErrorCode(err) != CodeInvalid {
			t.Errorf("%s: %v", bad, err)
		}
	}
	odd := `{"resources":[{"type":"t","name":"n","instances":[{"attributes":{"a":"canary"},"sensitive_attributes":[[{"type":"index","value":{"value":0}}]]}]}]}`
	if got, err := ReadEntities([]byte(odd), true); err != nil || got[0].Values != "{}" {
		t.Errorf("a path that is not understood: %+v, %v", got, err)
	}
}

// FuzzReadEntities never panics, whatever a state says.
func FuzzReadEntities(f *testing.F) {
	f.Add([]byte(someState))
	f.Fuzz(func(_ *testing.T, body []byte) {
		for _, smart := range []bool{true, false} {
			_, _ = ReadEntities(body, smart) // an error is an answer
		}
	})
}
