package runner

import (
	"fmt"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/tofu"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// maxVariable is how long an interpolated value may become: what Linux takes
// for one variable of a new process, in bytes.
const maxVariable = 128 << 10

// variables returns the run's own variables as they are in one kind of stage:
// those of that stage win over those of all stages, and references to others
// are replaced.
func variables(env []workerapi.EnvVar, writes bool) ([]workerapi.EnvVar, error) {
	at := map[string]int{}
	var out []workerapi.EnvVar
	for _, staged := range []bool{false, true} { // the stronger last
		for _, e := range env {
			name, isStaged, inWrites := domain.StageOf(e.Name)
			if isStaged != staged || isStaged && inWrites != writes || tofu.Reserved(name) {
				continue
			}
			if name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(e.Value, 0) {
				return nil, fmt.Errorf("the environment variable %q cannot be set: its name or value is not allowed", e.Name)
			}
			e.Name = name
			if i, ok := at[name]; ok {
				out[i] = e
				continue
			}
			at[name] = len(out)
			out = append(out, e)
		}
	}
	x := interpolation{vars: out, at: at, done: map[string]string{}, open: map[string]bool{}}
	for i := range out {
		value, err := x.value(out[i].Name)
		if err != nil {
			return nil, err
		}
		x.result = append(x.result, value)
	}
	for i, v := range x.result {
		out[i].Value = v
	}
	return out, nil
}

// interpolation replaces ${NAME} by the value of that variable. What names no
// variable, or the variable itself in the end, stays as it is written.
type interpolation struct {
	vars   []workerapi.EnvVar
	at     map[string]int
	done   map[string]string
	open   map[string]bool // being worked out
	result []string
}

func (x *interpolation) value(name string) (string, error) {
	if v, ok := x.done[name]; ok {
		return v, nil
	}
	e := x.vars[x.at[name]]
	// What the control plane sets, and what another stack put out, is nobody's
	// to write references in: a branch's name, say.
	if e.Literal || domain.ReservedVariable(name) || !strings.Contains(e.Value, "${") {
		x.done[name] = e.Value
		return e.Value, nil
	}
	x.open[name] = true
	v, err := x.expand(e.Name, e.Value)
	delete(x.open, name)
	x.done[name] = v
	return v, err
}

func (x *interpolation) expand(name, text string) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		b.WriteString(before)
		if !found {
			break
		}
		ref, after, closed := strings.Cut(rest, "}")
		_, known := x.at[ref]
		if !closed || !known || x.open[ref] {
			b.WriteString("${")
			text = rest
			continue
		}
		v, err := x.value(ref)
		if err != nil {
			return "", err
		}
		b.WriteString(v)
		if b.Len() > maxVariable {
			return "", fmt.Errorf("the environment variable %s is longer than %d bytes once its references are replaced", name, maxVariable)
		}
		text = after
	}
	return b.String(), nil
}
