package domain_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/airlock-project/airlock/internal/domain"
)

// TestCirclesAreFoundWithTheirWay grows graphs edge by edge, as callers do: an
// edge is refused exactly where a walk over all edges finds the way back, and
// the way that is named consists of edges.
func TestCirclesAreFoundWithTheirWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "stacks")
		id := func(label string) domain.StackID {
			return domain.StackID(fmt.Sprint("s", rapid.IntRange(0, n-1).Draw(t, label)))
		}
		var edges []domain.StackDependency
		waits := map[domain.StackID]map[domain.StackID]bool{}
		for range rapid.IntRange(0, 20).Draw(t, "edges") {
			stack, on := id("stack"), id("on")
			path := domain.CirclePath(edges, stack, on)
			if closes := reaches(edges, on, stack); closes != (path != nil) {
				t.Fatalf("%s -> %s closes a circle: %v, way %v", stack, on, closes, path)
			}
			if path == nil {
				edges = append(edges, domain.StackDependency{Stack: stack, DependsOn: on})
				if waits[stack] == nil {
					waits[stack] = map[domain.StackID]bool{}
				}
				waits[stack][on] = true
				continue
			}
			if path[0] != stack || path[1] != on || path[len(path)-1] != stack {
				t.Fatalf("the way round %s -> %s is %v", stack, on, path)
			}
			for i := 1; i+1 < len(path); i++ {
				if !waits[path[i]][path[i+1]] {
					t.Fatalf("the way %v has no edge %s -> %s", path, path[i], path[i+1])
				}
			}
		}
	})
}

// reaches walks the edges until nothing new is found.
func reaches(edges []domain.StackDependency, from, to domain.StackID) bool {
	found := map[domain.StackID]bool{from: true}
	for grown := true; grown; {
		grown = false
		for _, e := range edges {
			if found[e.Stack] && !found[e.DependsOn] {
				found[e.DependsOn], grown = true, true
			}
		}
	}
	return found[to]
}

func TestOutputTextIsWhatAVariableHolds(t *testing.T) {
	got := map[string]string{}
	for _, value := range []string{`"a b"`, `""`, `7`, `true`, `["x"]`, `{"k":"v"}`, `null`} {
		got[value] = domain.OutputText(value)
	}
	want := map[string]string{`"a b"`: "a b", `""`: "", `7`: "7", `true`: "true", `["x"]`: `["x"]`, `{"k":"v"}`: `{"k":"v"}`, `null`: ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReferencesSetOnlyWhatAnybodyMaySet(t *testing.T) {
	for _, bad := range []domain.OutputReference{
		{Input: "X"}, {Output: "o"}, {Output: "o", Input: "a=b"}, {Output: "o", Input: "AIRLOCK_API_TOKEN"}, {Output: "o", Input: "LD_PRELOAD"}, {Output: "o", Input: "wo_LD_PRELOAD"}, {Output: "o\n", Input: "X"},
	} {
		if err := bad.Check(); domain.ErrorCode(err) != domain.CodeInvalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if err := (domain.OutputReference{Output: "vpc-id", Input: "TF_VAR_vpc"}).Check(); err != nil {
		t.Error(err)
	}
}
