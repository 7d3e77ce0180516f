package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/authz"
)

const root = "../../.."

func rendered(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := render(authz.Actions())
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestGeneratedFilesAreCurrent(t *testing.T) {
	for name, want := range rendered(t) {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from the catalogue: run go generate ./authz", name)
		}
	}
}

func TestRunWritesThem(t *testing.T) {
	dir := t.TempDir()
	if err := run(dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range rendered(t) {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The API's enum has every value that existing clients may send.
func TestA57SchemaHoldsTheContract(t *testing.T) {
	schema := string(rendered(t)[schemaFile])
	values := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^  ([A-Z_]+)$`).FindAllStringSubmatch(schema, -1) {
		values[m[1]]++
	}
	contract, err := os.ReadFile(filepath.Join(root, "authz/testdata/contract_actions.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(string(contract))
	for _, a := range authz.Actions() {
		want = append(want, a.Enum)
	}
	for _, name := range want {
		if values[name] != 1 {
			t.Errorf("%s occurs %d times", name, values[name])
		}
	}
	for name := range values {
		if _, ok := authz.ParseAction(name); !ok {
			t.Errorf("%s is no action", name)
		}
	}
}

func TestSentencesFitTheirFiles(t *testing.T) {
	for _, a := range authz.Actions() {
		if strings.ContainsAny(a.Sentence, "\"\\|\n") {
			t.Errorf("%s: %q needs escaping", a.Name, a.Sentence)
		}
	}
}
