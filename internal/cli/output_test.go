package cli

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	var b strings.Builder
	if err := table(&b, []string{"ID", "NAME", "END"}, [][]string{{"1", "Ünïcode", "now"}, {"12", "\x1b]0;evil\x07\u202e", ""}}); err != nil {
		t.Fatal(err)
	}
	want := "ID  NAME        END\n1   Ünïcode     now\n12  \ufffd]0;evil\ufffd\ufffd  -\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestTree(t *testing.T) {
	var b strings.Builder
	root := branch{"root", []branch{{"a", []branch{{text: "a1"}, {text: "a2"}}}, {"b\n", []branch{{text: "b1"}}}}}
	if err := tree(&b, root); err != nil {
		t.Fatal(err)
	}
	want := "root\n├─ a\n│  ├─ a1\n│  └─ a2\n└─ b \n   └─ b1\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestSpans(t *testing.T) {
	for text, want := range map[string]time.Duration{"30m": 30 * time.Minute, "8h": 8 * time.Hour, "7d": 7 * 24 * time.Hour, "90s": 90 * time.Second} {
		var s span
		if err := s.UnmarshalText([]byte(text)); err != nil || time.Duration(s) != want {
			t.Errorf("%s: %v, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "-1h", "1", "1w", "70000d", "1.5d"} {
		var s span
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %v", text, s)
		}
	}
	for d, want := range map[time.Duration]string{7 * 24 * time.Hour: "7d", 36 * time.Hour: "36h", 90 * time.Minute: "90m", 61 * time.Second: "1m1s", 0: "0s"} {
		if got := span(d).String(); got != want {
			t.Errorf("%v is shown as %s", d, got)
		}
	}
}

func TestKindsAndIDs(t *testing.T) {
	var a actor
	if err := a.UnmarshalText([]byte("api_key:01:x")); err != nil || a != (actor{"api_key", "01:x"}) {
		t.Errorf("%+v, %v", a, err)
	}
	for _, text := range []string{"user", "user:", "space:dev", "API_KEY:1", ""} {
		if err := a.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "user:ID, api_key:ID, group:ID, stack:ID") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if (&thing{}).input() != nil {
		t.Error("nothing is given as something")
	}
}

// TestCollect asks page after page, and for no more than is wanted.
func TestCollect(t *testing.T) {
	numbers := func(total int, asked *[]int) func(int, *string) (page[int], error) {
		return func(first int, after *string) (p page[int], err error) {
			*asked = append(*asked, first)
			start := 0
			if after != nil {
				if start, err = strconv.Atoi(*after); err != nil {
					return p, err
				}
			}
			for i := start; i < min(start+first, total); i++ {
				p.Edges = append(p.Edges, struct{ Node int }{i})
			}
			end := strconv.Itoa(start + len(p.Edges))
			p.PageInfo.EndCursor, p.PageInfo.HasNextPage = &end, start+first < total
			return p, nil
		}
	}
	for _, tc := range []struct {
		total, limit, want int
		more               bool
		asked              []int
	}{
		{0, 10, 0, false, []int{10}},
		{250, 1000, 250, false, []int{100, 100, 100}},
		{250, 120, 120, true, []int{100, 20}},
		{120, 120, 120, false, []int{100, 20}},
	} {
		var asked []int
		list, more, err := collect(tc.limit, numbers(tc.total, &asked))
		if err != nil || len(list) != tc.want || more != tc.more || list == nil {
			t.Errorf("%+v: %d entries, more %v, %v", tc, len(list), more, err)
		}
		if diff := cmp.Diff(tc.asked, asked); diff != "" {
			t.Errorf("%+v: %s", tc, diff)
		}
	}
}
