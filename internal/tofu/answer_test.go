package tofu

import (
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// largePlan is a plan of n resources of 64 KiB each, which comes into being while
// it is read, and looks now and then how much memory is used.
type largePlan struct {
	n, at int
	rest  string
	most  uint64
}

var largeValue = strings.Repeat(`"0123456789abcde",`, 4<<10)

func (p *largePlan) Read(b []byte) (int, error) {
	if p.rest == "" {
		resource := `{"address":"a.b[` + strconv.Itoa(p.at) + `]","mode":"managed","change":{"actions":["update"],"after":{"list":[` + largeValue + `1]}}}`
		switch {
		case p.at == 0:
			p.rest = `{"format_version":"1.2","prior_state":[` + resource + `],"resource_changes":[` + resource
		case p.at < p.n:
			p.rest = "," + resource
		case p.at == p.n:
			p.rest = `],"planned_values":{"root_module":{"resources":[` + resource + `,` + resource + `]}}}`
		default:
			return 0, io.EOF
		}
		if p.at++; p.at%64 == 0 {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			p.most = max(p.most, now.HeapInuse)
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// TestLargePlanTakesLittleMemory reads a plan of 64 MiB.
func TestLargePlanTakesLittleMemory(t *testing.T) {
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	p := &largePlan{n: 1024}
	plan, changes, err := ReadPlan(p)
	if err != nil || !changes || plan.Delta.Changed != p.n || plan.Delta.Resources != 2 {
		t.Fatalf("%+v %v %v", plan, changes, err)
	}
	if more := int64(p.most) - int64(before.HeapInuse); p.most == 0 || more > 16<<20 {
		t.Errorf("reading it took %d MiB", more>>20)
	}
}

func TestReadPlanBounds(t *testing.T) {
	deep := strings.Repeat("[", 3*maxDepth)
	for name, c := range map[string]struct{ body, want string }{
		"deep where nobody looks":  {`{"prior_state":` + deep, "nested deeper than 10000"},
		"deep where somebody does": {`{"planned_values":{"root_module":` + strings.Repeat(`{"child_modules":[`, maxDepth), "nested deeper than 10000"},
		"deep in a value":          {`{"resource_changes":[` + deep, "max depth"},
		"more after it":            {`{"format_version":"1.2"} {}`, "there is more after its end"},
		"a cut one":                {`{"format_version":"1.2","prior_state":{"a"`, "unexpected EOF"},
		"another version":          {`{"format_version":"9.0"}`, "9.0"},
		"another form":             {`{"format_version":"1.2","resource_changes":{}}`, "it has { where [ belongs"},
		"nothing":                  {"", "unexpected EOF"},
		"null":                     {"null", "it is empty"},
	} {
		if _, err := readPlanOf(c.body); err == nil || !strings.HasPrefix(err.Error(), "read the plan: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	for name, c := range map[string]struct {
		most, held int64
		want       string
	}{"all": {4 << 20, 8 << 20, "it is larger than 4 MiB"}, "one value": {8 << 20, 1 << 20, "one value of it is larger than 1 MiB"}} {
		w := newWalker(strings.NewReader(`{"a":[1,2,"`+strings.Repeat("x", 5<<20)), "the plan")
		w.most, w.held = c.most, c.held
		if err := w.wrong(w.whole(func(string) error { return w.skip() })); !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestAnswers: what a process answers begins with the first line that begins with
// an object; one that fails, is not understood or says too much is an error, and
// nothing waits for it.
func TestAnswers(t *testing.T) {
	process := func(script string) Process {
		return Process{Name: "tofu x", Path: "/bin/sh", Args: []string{"-c", script}, Dir: t.TempDir(), Env: []string{"PATH=/usr/bin:/bin"}, Stderr: io.Discard}
	}
	const much = "; head -c 5000000 /dev/zero"
	for script, want := range map[string]string{
		`printf 'Warning: {\n\n{"a":\n1}'`:                           "{\"a\":\n1}",
		"head -c 9000 /dev/zero | tr '\\0' w; printf '\\n{\"a\":1}'": `{"a":1}`,
		"echo nothing":     "",
		"true":             "",
		"echo '{'; exit 3": "tofu x failed with exit code 3",
		"echo '{'" + much:  "the answer of tofu x is larger than 1 MiB",
	} {
		got, err := process(script).ask(t.Context(), 1<<20)
		if err != nil && err.Error() != want || err == nil && string(got) != want {
			t.Errorf("%s: %.50q %v, want %q", script, got, err, want)
		}
	}
	for script, want := range map[string]string{
		"echo '{]'" + much:                "invalid character",
		"echo '{]'" + much + "; exit 3":   "tofu x failed with exit code 3",
		"echo nothing":                    "read the plan: unexpected EOF",
		`echo '{"format_version":"1.2"}'`: "",
	} {
		if _, _, err := process(script).plan(t.Context()); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", script, err, want)
		}
	}
}
