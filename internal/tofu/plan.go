package tofu

import (
	"encoding/json"
	"fmt"
	"sort"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/airlock-project/airlock/internal/domain"
)

// Plan is what is kept of a plan: no values.
type Plan struct {
	Delta   domain.Delta
	Changes []domain.ResourceChange
	// Descriptions are those of the root outputs that have one.
	Descriptions map[string]string
}

// ParsePlan reads the JSON of `tofu show -json` for a plan file.
func ParsePlan(body []byte) (*Plan, error) {
	raw, err := readPlan(body)
	if err != nil {
		return nil, err
	}
	return newPlan(raw), nil
}

func readPlan(body []byte) (raw tfjson.Plan, err error) {
	if err := json.Unmarshal(body, &raw); err != nil {
		return raw, fmt.Errorf("read the plan: %w", err)
	}
	return raw, nil
}

func newPlan(raw tfjson.Plan) *Plan {
	p := &Plan{Descriptions: map[string]string{}}
	for _, rc := range raw.ResourceChanges {
		if rc == nil || rc.Change == nil {
			continue
		}
		p.add(rc)
	}
	if raw.PlannedValues != nil {
		p.Delta.Resources = countResources(raw.PlannedValues.RootModule)
	}
	if raw.Config != nil && raw.Config.RootModule != nil {
		for name, o := range raw.Config.RootModule.Outputs {
			if o != nil && o.Description != "" {
				p.Descriptions[name] = o.Description
			}
		}
	}
	return p
}

func (p *Plan) add(rc *tfjson.ResourceChange) {
	action := actionOf(rc.Change)
	if action == "" {
		return
	}
	p.Changes = append(p.Changes, domain.ResourceChange{Address: rc.Address, Action: action})
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

// actionOf names a change; empty means that nothing is done.
func actionOf(c *tfjson.Change) string {
	a := c.Actions
	switch {
	case a.Replace():
		return "replace"
	case a.Create():
		return "create"
	case a.Update():
		return "update"
	case a.Delete():
		return "delete"
	case a.Read():
		return "read"
	case a.Forget():
		return "forget"
	case c.Importing != nil:
		return "import"
	case a.NoOp() || len(a) == 0:
		return ""
	default:
		return string(a[len(a)-1])
	}
}

func countResources(m *tfjson.StateModule) int {
	if m == nil {
		return 0
	}
	n := 0
	for _, r := range m.Resources {
		if r != nil && r.Mode == tfjson.ManagedResourceMode {
			n++
		}
	}
	for _, child := range m.ChildModules {
		n += countResources(child)
	}
	return n
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
