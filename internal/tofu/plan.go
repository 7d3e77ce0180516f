package tofu

import (
	"encoding/json"
	"fmt"
	"sort"

	"github.com/airlock-project/airlock/internal/domain"
)

// Plan is what is kept of a plan: no values.
type Plan struct {
	Delta   domain.Delta
	Changes []domain.ResourceChange
	// Descriptions are those of the root outputs that have one.
	Descriptions map[string]string
}

func (p *Plan) add(address, action string) {
	p.Changes = append(p.Changes, domain.ResourceChange{Address: address, Action: action})
	switch action {
	case "create":
		p.Delta.Added++
	case "update":
		p.Delta.Changed++
	case "delete":
		p.Delta.Deleted++
	case "replace":
		p.Delta.Added++
		p.Delta.Deleted++
	}
}

// outputValue is one output as `output -json` and the apply's events show it.
type outputValue struct {
	Sensitive bool            `json:"sensitive"`
	Value     json.RawMessage `json:"value"`
}

// toOutputs drops the values of sensitive outputs and sorts by name.
func toOutputs(values map[string]outputValue) []domain.Output {
	out := allOutputs(values)
	for i := range out {
		if out[i].Sensitive {
			out[i].Value = ""
		}
	}
	return out
}

// allOutputs sorts by name.
func allOutputs(values map[string]outputValue) []domain.Output {
	out := make([]domain.Output, 0, len(values))
	for name, v := range values {
		out = append(out, domain.Output{Name: name, Sensitive: v.Sensitive, Value: string(v.Value)})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// readOutputs finds the outputs among the events of an apply. Lines that are not
// JSON are skipped: some versions mix warnings in.
func readOutputs(eventsFile string) ([]domain.Output, error) {
	outputs := []domain.Output{}
	err := eachEvent(eventsFile, func(line []byte) error {
		var event struct {
			Type    string                 `json:"type"`
			Outputs map[string]outputValue `json:"outputs"`
		}
		if json.Unmarshal(line, &event) == nil && event.Type == "outputs" {
			outputs = toOutputs(event.Outputs)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the outputs: %w", err)
	}
	return outputs, nil
}
