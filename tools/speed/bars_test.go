package main

import (
	"os"
	"path/filepath"
	"testing"
)

const output = `goos: linux
BenchmarkA/XL-2   	   15133	       468.1 cpu-ns	       90.0 median-ns	 50 p5-ns	      32 B/op	       0 allocs/op
BenchmarkA/XL-2   	   15133	       468.1 cpu-ns	       70.0 median-ns	 48 p5-ns	      32 B/op	       0 allocs/op
BenchmarkA/XL-2   	   15133	       468.1 cpu-ns	       60.0 median-ns	 44 p5-ns	      32 B/op	       0 allocs/op
BenchmarkB/XL-2   	      10	   2570 median-ns	 1048 p5-ns	      4.25 allocs/op
BenchmarkC-2   	      10	   14000 decisions/s
PASS
`

func TestRow(t *testing.T) {
	found := read(output)
	for want, b := range map[string]bar{
		"| a | at most 80 ns | 70 | 48 | 0.88 | 0 | reached |":              {"a", "A/XL", median, 80, nano, "ns", false, ""},
		"| b | at most 1 µs | 2.50 | 1 | 2.50 | 4.25 | **missed** |":        {"b", "B/XL", median, 1, micro, "µs", false, "A/XL"},
		"| c | at least 15000 a second | 14000 |  | 0.93 |  | **missed** |": {"c", "C", "decisions/s", 15000, 1, "a second", true, ""},
		"| d | at least 10000 a second | 14000 |  | 1.40 |  | reached |":    {"d", "C", "decisions/s", 10000, 1, "a second", true, ""},
		"| e | at most 14000 a second | 14000 |  | 1.00 |  | reached |":     {"e", "C", "decisions/s", 14000, 1, "a second", false, ""},
	} {
		if got, err := b.row(found); err != nil || got != want {
			t.Errorf("got %q (%v), want %q", got, err, want)
		}
	}
	if !(bar{benchmark: "A/XL"}).busy(found) || (bar{benchmark: "C"}).busy(found) {
		t.Error("A was busy by half, C says nothing of it")
	}
	if row, err := (bar{benchmark: "D", metric: median}).row(found); err == nil {
		t.Errorf("a benchmark that did not run got %q", row)
	}
}

func TestReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.md")
	const before, after = "# F\n\n<!-- make speed writes from here -->\nold\n<!-- to here -->\n\nrest\n",
		"# F\n\n<!-- make speed writes from here -->\n\nnew\n\n<!-- to here -->\n\nrest\n"
	if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := replace(path, "new\n"); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != after {
		t.Errorf("got %q (%v)", got, err)
	}
	if err := os.WriteFile(path, []byte("no marks"), 0o600); err != nil {
		t.Fatal(err)
	}
	if replace(path, "new\n") == nil {
		t.Error("a file without marks was accepted")
	}
}
