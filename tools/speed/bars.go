package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// suite is benchmarks that one command runs.
type suite struct {
	folder, benchmarks string
	bars               []bar
}

// bar is a figure that a benchmark should reach.
type bar struct {
	what      string
	benchmark string // without Benchmark and the number of processors
	metric    string
	limit     float64
	per       float64 // of the metric, in one of unit; 0 is 1
	unit      string
	atLeast   bool
	above     string // a benchmark whose figure is subtracted
}

const (
	nano, micro, milli = 1.0, 1e3, 1e6
	median             = "median-ns"
)

// searchedStacks is how many stacks BenchmarkSearchStacks searches: as many as
// its bar is about, in world L.
const searchedStacks = "AIRLOCK_BENCH_STACKS=1000000"

var suites = []suite{
	{"authz", "^Benchmark(Compile|Memory|Decide|Batch|Spaces|AddBinding|MoveSubtree)/^XL$", []bar{
		{"`Decide` by ids, 64 questions again and again", "DecideWarm/XL", median, 80, nano, "ns", false, ""},
		{"the same by `Holder` and `Place`", "DecideWarmHandles/XL", median, 80, nano, "ns", false, ""},
		{"`Decide` by ids, 1,000,000 random questions", "DecideRandom/XL", median, 300, nano, "ns", false, ""},
		{"the same by `Holder` and `Place`", "DecideRandomHandles/XL", median, 300, nano, "ns", false, ""},
		{"`DecideAll`, 100 questions of one holder", "Batch/XL", median, 3, micro, "µs", false, ""},
		{"`Spaces` of an actor who may read 130", "Spaces/XL", median, 2, micro, "µs", false, ""},
		{"`Compile`", "Compile/XL", median, 300, milli, "ms", false, ""},
		{"memory of a snapshot", "Memory/XL", "bytes/binding", 64, 1, "bytes a binding", false, ""},
		{"`Apply` of one binding", "AddBinding/XL", median, 5, micro, "µs", false, ""},
		{"`Apply` of a move of a subtree of 1,000", "MoveSubtree/XL", median, 30, milli, "ms", false, ""},
	}},
	{"authz", "^Benchmark(Explain|DecideWarmHandles)$", []bar{
		{"`Explain` above `Decide`, allowed", "Explain/allowed/XL", median, 1, micro, "µs", false, "DecideWarmHandles/XL"},
		{"`Explain` above `Decide`, denied", "Explain/denied/XL", median, 1, micro, "µs", false, "DecideWarmHandles/XL"},
	}},
	{"authz", "^Benchmark(Who|Diff)/^XL$", []bar{
		{"`Who` may do anything in a space", "Who/XL/any", median, 10, milli, "ms", false, ""},
		{"`Who` sees root: 105,471 actors", "Who/XL/root", median, 10, milli, "ms", false, ""},
		{"`Diff` of a binding of a user", "Diff/XL/user", median, 20, milli, "ms", false, ""},
		{"`Diff` of a binding of a group", "Diff/XL/group", median, 20, milli, "ms", false, ""},
		{"`Diff` of an edit of a role, bound 2,500 times", "Diff/XL/role", median, 20, milli, "ms", false, ""},
		{"`Diff` of a move of 1,000 spaces", "Diff/XL/move", median, 20, milli, "ms", false, ""},
	}},
	{"authz", "^BenchmarkPaths", []bar{
		{"`Paths` to root admin, first question", "PathsCold", median, 1000, milli, "ms", false, ""},
		{"`Paths` to root admin, further ones", "PathsWarm/root-admin", median, 50, milli, "ms", false, ""},
	}},
	{"internal/authzen", "^BenchmarkAuthZEN/^sqlite$/spaces", []bar{
		{"AuthZEN over HTTP, single questions", "AuthZEN/sqlite/spaces/single", "decisions/s", 15_000, 1, "a second", true, ""},
		{"AuthZEN over HTTP, batches of 100", "AuthZEN/sqlite/spaces/batch100", "decisions/s", 300_000, 1, "a second", true, ""},
		{"99 % of single questions at half that load", "AuthZEN/sqlite/spaces/single", "p99-half-ms", 5, 1, "ms", false, ""},
		{"99 % of batches at half that load", "AuthZEN/sqlite/spaces/batch100", "p99-half-ms", 5, 1, "ms", false, ""},
	}},
	{"internal/graphql", "^BenchmarkSearchStacks/^sqlite$/^130_spaces$/^by_name$", []bar{
		{"`searchStacks`, first 50 of 1,000,000, half", "SearchStacks/sqlite/130_spaces/by_name", "p50-ms", 5, 1, "ms", false, ""},
		{"`searchStacks`, the same, 99 %", "SearchStacks/sqlite/130_spaces/by_name", "p99-ms", 60, 1, "ms", false, ""},
	}},
}

// figures are what runs of a benchmark reported, by benchmark and metric.
type figures map[string]map[string][]float64

// read takes the figures out of the output of go test -bench.
func read(output string) figures {
	found := figures{}
	for line := range strings.Lines(output) {
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		name := strings.TrimPrefix(f[0], "Benchmark")
		if i := strings.LastIndexByte(name, '-'); i > 0 {
			name = name[:i]
		}
		if found[name] == nil {
			found[name] = map[string][]float64{}
		}
		for i := 2; i+1 < len(f); i += 2 {
			if v, err := strconv.ParseFloat(f[i], 64); err == nil {
				found[name][f[i+1]] = append(found[name][f[i+1]], v)
			}
		}
	}
	return found
}

// median is that of the runs; ok is false if there are none.
func (f figures) median(benchmark, metric string) (v float64, ok bool) {
	runs := slices.Sorted(slices.Values(f[benchmark][metric]))
	if len(runs) == 0 {
		return 0, false
	}
	return runs[len(runs)/2], true
}

const head = "| What | Bar | Median | Best 5 % | Median to bar | Allocations | |\n| --- | ---: | ---: | ---: | ---: | ---: | --- |\n"

const best = "p5-ns"

// busy reports whether the median is so far above the best that the machine
// must have done other things meanwhile.
func (b bar) busy(found figures) bool {
	m, _ := found.median(b.benchmark, median)
	p, ok := found.median(b.benchmark, best)
	return ok && m > 1.4*p
}

// row is one line of the table.
func (b bar) row(found figures) (string, error) {
	v, err := b.figure(found, b.metric)
	if err != nil {
		return "", err
	}
	limit, verdict := "at most", "reached"
	if b.atLeast {
		limit = "at least"
	}
	if v > b.limit != b.atLeast && v != b.limit {
		verdict = "**missed**"
	}
	allocs, least := "", ""
	if n, ok := found.median(b.benchmark, "allocs/op"); ok && b.metric == median {
		allocs = number(n)
	}
	if p, err := b.figure(found, best); err == nil && b.metric == median {
		least = number(p)
	}
	return fmt.Sprintf("| %s | %s %s %s | %s | %s | %.2f | %s | %s |",
		b.what, limit, number(b.limit), b.unit, number(v), least, v/b.limit, allocs, verdict), nil
}

// figure is what a bar is about, in its unit, by a metric.
func (b bar) figure(found figures, metric string) (float64, error) {
	v, ok := found.median(b.benchmark, metric)
	if !ok {
		return 0, fmt.Errorf("no %s of %s", metric, b.benchmark)
	}
	if b.above != "" {
		base, ok := found.median(b.above, metric)
		if !ok {
			return 0, fmt.Errorf("no %s of %s", metric, b.above)
		}
		v -= base
	}
	return v / b.per, nil
}

// number has three digits, or all of a larger one.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10 || v == float64(int(v)):
		return fmt.Sprintf("%.3g", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
