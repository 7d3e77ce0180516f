package main

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// event is one line of `go test -json` (go doc test2json).
type event struct {
	Action     string
	Package    string
	ImportPath string // of a package that does not build
	Test       string
	Output     string
}

// report collects what the tests wrote until it is known how they ended.
type report struct {
	out                     io.Writer
	output                  map[testID][]string
	skips                   map[string][]testID // by reason
	passed, failed, skipped int
}

type testID struct{ pkg, test string }

func newReport(out io.Writer) *report {
	return &report{out: out, output: map[testID][]string{}, skips: map[string][]testID{}}
}

// add takes the events in the order in which go test sends them.
func (r *report) add(e event) {
	id := testID{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		switch {
		case e.Test == "" && closing(e.Output):
			fmt.Fprint(r.out, e.Output)
		case !chatter(e.Output):
			r.output[id] = append(r.output[id], e.Output)
		}
	case "pass", "fail", "skip":
		r.end(id, e.Action)
	}
}

// end settles one test, or a package where id has no test.
func (r *report) end(id testID, action string) {
	said := r.output[id]
	delete(r.output, id)
	switch {
	case action == "fail":
		// What a package writes outside its tests explains a panic or TestMain.
		fmt.Fprint(r.out, strings.Join(said, ""))
	case action == "skip" && id.test != "":
		reason := skipReason(said)
		r.skips[reason] = append(r.skips[reason], id)
	}
	if id.test == "" {
		return
	}
	switch action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
	case "skip":
		r.skipped++
	}
}

// close prints the skips and the counts.
func (r *report) close() {
	// A test without an end was running when its package died.
	for _, id := range slices.SortedFunc(maps.Keys(r.output), compareIDs) {
		if id.test != "" {
			fmt.Fprintf(r.out, "%s %s did not end:\n%s", id.pkg, id.test, strings.Join(r.output[id], ""))
		}
	}
	if r.skipped > 0 {
		fmt.Fprintf(r.out, "\nSkipped:\n")
	}
	for _, reason := range slices.Sorted(maps.Keys(r.skips)) {
		ids := r.skips[reason]
		fmt.Fprintf(r.out, "  %s\n", reason)
		for _, id := range ids[:min(len(ids), maxNamed)] {
			fmt.Fprintf(r.out, "      %s %s\n", id.pkg, id.test)
		}
		if more := len(ids) - maxNamed; more > 0 {
			fmt.Fprintf(r.out, "      and %d more\n", more)
		}
	}
	fmt.Fprintf(r.out, "\n%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
}

// maxNamed bounds how many tests are listed under one reason.
const maxNamed = 10

// closing tells the line with which go test closes a package.
func closing(line string) bool {
	return strings.HasPrefix(line, "ok  \t") || strings.HasPrefix(line, "FAIL\t")
}

// chatter tells the lines by which test2json knows what it otherwise says in
// the event's action.
func chatter(line string) bool {
	text := strings.TrimSpace(line)
	return strings.HasPrefix(text, "=== ") || text == "PASS" || text == "FAIL" ||
		strings.HasSuffix(text, "[no test files]") || strings.HasPrefix(text, "coverage:")
}

// position is where a test's message comes from: "    url_test.go:12: ".
var position = regexp.MustCompile(`^\s*\S+\.go:\d+: `)

// skipReason finds what a skipped test said, on one line.
func skipReason(said []string) string {
	var words []string
	for _, line := range said {
		if text := strings.TrimSpace(position.ReplaceAllString(line, "")); text != "" && !strings.HasPrefix(text, "--- SKIP") {
			words = append(words, text)
		}
	}
	if len(words) == 0 {
		return "no reason given"
	}
	return strings.Join(words, " ")
}

func compareIDs(a, b testID) int {
	return strings.Compare(a.pkg+" "+a.test, b.pkg+" "+b.test)
}
