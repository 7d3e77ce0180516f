package tofu

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
)

const everyAction = `{"format_version":"1.2",
"planned_values":{"root_module":{"resources":[{"address":"a.b","mode":"managed"},{"address":"data.a.b","mode":"data"}],
  "child_modules":[{"address":"module.m","resources":[{"address":"module.m.a.b","mode":"managed"}]}]}},
"resource_changes":[
 {"address":"a.create","change":{"actions":["create"],"after":{"password":"canary"}}},
 {"address":"a.update","change":{"actions":["update"]}},
 {"address":"a.delete","change":{"actions":["delete"]}},
 {"address":"a.replace","change":{"actions":["delete","create"]}},
 {"address":"a.replace2","change":{"actions":["create","delete"]}},
 {"address":"data.a.read","mode":"data","change":{"actions":["read"]}},
 {"address":"a.forget","change":{"actions":["forget"]}},
 {"address":"a.import","change":{"actions":["no-op"],"importing":{"id":"x"}}},
 {"address":"a.importupdate","change":{"actions":["update"],"importing":{"id":"x"}}},
 {"address":"a.noop","change":{"actions":["no-op"]}},
 {"address":"a.new","change":{"actions":["open"]}},
 {"address":"a.none"}],
"configuration":{"root_module":{"outputs":{"x":{"description":"d"},"y":{}}}}}`

func readPlanOf(body string) (*Plan, error) {
	p, _, err := ReadPlan(strings.NewReader(body))
	return p, err
}

func TestReadPlan(t *testing.T) {
	got, err := readPlanOf(everyAction)
	if err != nil {
		t.Fatal(err)
	}
	want := &Plan{
		Delta: domain.Delta{Added: 3, Changed: 2, Deleted: 3, Resources: 2},
		Changes: []domain.ResourceChange{
			{Address: "a.create", Action: "create"}, {Address: "a.update", Action: "update"}, {Address: "a.delete", Action: "delete"},
			{Address: "a.replace", Action: "replace"}, {Address: "a.replace2", Action: "replace"}, {Address: "data.a.read", Action: "read"},
			{Address: "a.forget", Action: "forget"}, {Address: "a.import", Action: "import"}, {Address: "a.importupdate", Action: "update"},
			{Address: "a.new", Action: "open"},
		},
		Descriptions: map[string]string{"x": "d"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, bad := range []string{"", "{", `{"format_version":"9.0"}`, "[]"} {
		if _, err := readPlanOf(bad); err == nil {
			t.Errorf("%q was read as a plan", bad)
		}
	}
}

func TestReadOutputs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events")
	write := func(body string) string {
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	got, err := readOutputs(write("\nWarning: plain words\n" + `{"type":"version"}` + "\n" +
		`{"type":"outputs","outputs":{"b":{"sensitive":true,"value":"canary"},"a":{"sensitive":false,"value":{"x":1}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []domain.Output{{Name: "a", Value: `{"x":1}`}, {Name: "b", Sensitive: true}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got, err := readOutputs(write("")); err != nil || len(got) != 0 {
		t.Errorf("no events: %v %v", got, err)
	}
}

func FuzzReadPlan(f *testing.F) {
	f.Add([]byte(everyAction))
	f.Fuzz(func(_ *testing.T, body []byte) { _, _, _ = ReadPlan(bytes.NewReader(body)) })
}
