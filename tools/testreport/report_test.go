package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module writes a small module and makes it the working directory.
func module(t *testing.T, source string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":      "module example.test/m\n\ngo 1.26\n",
		"p/p_test.go": "package p\nimport \"testing\"\n" + source,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

func TestRun(t *testing.T) {
	for name, tc := range map[string]struct {
		source string
		ok     bool
		want   []string
		never  string
	}{
		"passes quietly": {
			source: `func TestA(t *testing.T) { t.Log("chat") }`,
			ok:     true, want: []string{"ok  \texample.test/m/p", "\n1 passed, 0 failed, 0 skipped\n"}, never: "chat",
		},
		"prints failures": {
			source: `func TestA(t *testing.T) { t.Log("clue"); t.Error("wrong") }; func TestB(t *testing.T) { t.Log("chat") }`,
			want:   []string{"clue", "wrong", "--- FAIL: TestA", "FAIL\texample.test/m/p", "1 passed, 1 failed, 0 skipped"}, never: "chat",
		},
		"lists skips by reason": {
			source: `func TestA(t *testing.T) { t.Skip("needs a moon") }; func TestB(t *testing.T) { t.SkipNow() }; func TestC(*testing.T) {}`,
			ok:     true, want: []string{
				"Skipped:", "  needs a moon\n      example.test/m/p TestA", "  no reason given\n      example.test/m/p TestB",
				"1 passed, 0 failed, 2 skipped",
			},
		},
		"shows a build failure":     {source: `var x int = "no"`, want: []string{"cannot use", "FAIL\texample.test/m/p [build failed]"}},
		"shows a panic":             {source: `func TestA(t *testing.T) { panic("ouch") }`, want: []string{"ouch", "FAIL\texample.test/m/p"}},
		"does not accept no tests":  {source: `var _ testing.TB`, want: []string{"0 passed, 0 failed, 0 skipped"}},
		"counts a failing TestMain": {source: `func TestMain(*testing.M) { println("early"); panic("main") }`, want: []string{"main", "FAIL\t"}},
	} {
		t.Run(name, func(t *testing.T) {
			module(t, tc.source)
			var out strings.Builder
			ok, err := run([]string{"./..."}, &out, &out)
			if err != nil || ok != tc.ok {
				t.Errorf("got %v, %v; want %v", ok, err, tc.ok)
			}
			for _, want := range tc.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q", want)
				}
			}
			if tc.never != "" && strings.Contains(out.String(), tc.never) {
				t.Errorf("%q, which only matters in a failure", tc.never)
			}
			if t.Failed() {
				t.Log(out.String())
			}
		})
	}
}
