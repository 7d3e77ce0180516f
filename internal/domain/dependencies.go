package domain

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// MaxDependencies bounds how many stacks one stack waits for, and how many
// outputs of one of them it takes.
const MaxDependencies = 100

// StackDependency says that tracked runs of one stack follow those of another.
type StackDependency struct {
	ID            DependencyID
	Stack         StackID // it waits
	DependsOn     StackID // it is waited for
	TriggerAlways bool    // also when nothing that is handed on has changed
	CreatedAt     time.Time
	References    []OutputReference // by input
}

// OutputReference hands an output of one stack to another as a variable.
type OutputReference struct {
	ID            ReferenceID
	Dependency    DependencyID
	Output        string // of the stack that is waited for
	Input         string // variable of the stack that waits
	TriggerAlways bool   // also when the output has not changed
}

// Always reports whether the stack that waits runs whatever has changed.
func (d StackDependency) Always() bool {
	return d.TriggerAlways || len(d.References) == 0 ||
		slices.ContainsFunc(d.References, func(r OutputReference) bool { return r.TriggerAlways })
}

// Check validates what a caller may set of a reference.
func (r OutputReference) Check() error {
	if err := CheckName("outputName", r.Output); err != nil {
		return err
	}
	plain, _, _ := StageOf(r.Input)
	return checkVariable("inputName", plain)
}

// CirclePath returns the way along which a stack would wait for itself if it
// waited for on: it begins and ends with the stack. It is nil if it would not.
// Edges must have no circle yet.
func CirclePath(edges []StackDependency, stack, on StackID) []StackID {
	next := map[StackID][]StackID{}
	for _, e := range edges {
		next[e.Stack] = append(next[e.Stack], e.DependsOn)
	}
	came := map[StackID]StackID{on: stack}
	for queue := []StackID{on}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at == stack {
			path := []StackID{stack}
			for at = came[at]; at != stack; at = came[at] {
				path = append(path, at)
			}
			path = append(path, stack)
			slices.Reverse(path)
			return path
		}
		for _, to := range next[at] {
			if _, seen := came[to]; !seen {
				came[to] = at
				queue = append(queue, to)
			}
		}
	}
	return nil
}

// SayPath writes a way through stacks as people read it.
func SayPath(path []StackID) string {
	words := make([]string, len(path))
	for i, id := range path {
		words[i] = string(id)
	}
	return strings.Join(words, " -> ")
}

// RunOutcome is what the end of one run means for another that waits for it.
type RunOutcome string

// The outcomes. While the other run has not ended there is none.
const (
	OutcomeOpen      RunOutcome = ""
	OutcomeChanged   RunOutcome = "CHANGED"   // the run that waits has a reason to begin
	OutcomeUnchanged RunOutcome = "UNCHANGED" // it has none from here
	OutcomeFailed    RunOutcome = "FAILED"    // it must not begin
)

// RunDependency says that a queued run waits for the end of another.
type RunDependency struct {
	Run      RunID   // it waits
	Upstream RunID   // it is waited for
	Stack    StackID // of the run that is waited for; empty once it is deleted
	Outcome  RunOutcome
}

// OutputText is an output's JSON value as the text of a variable: a string as
// it is, everything else as JSON, which OpenTofu reads for complex types.
func OutputText(value string) string {
	var text string
	if json.Unmarshal([]byte(value), &text) == nil {
		return text
	}
	return value
}
