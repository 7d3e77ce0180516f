package tofu

import (
	"io"

	tfjson "github.com/hashicorp/terraform-json"
)

// ReadPlan reads the JSON of `tofu show -json` for a plan file, as it comes: of
// all that is in it only what Plan keeps is ever held, and one value at a time. It
// also tells whether there is something to apply, be it only an output or where
// something stands.
func ReadPlan(body io.Reader) (p *Plan, changes bool, err error) {
	r := planReader{walker: newWalker(body, "the plan"), plan: &Plan{Descriptions: map[string]string{}}}
	if err := r.read(); err != nil {
		return nil, false, err
	}
	return r.plan, r.changes, nil
}

type planReader struct {
	*walker
	plan    *Plan
	changes bool
}

func (r *planReader) read() error {
	version := tfjson.Plan{}
	err := r.whole(func(key string) error {
		switch key {
		case "format_version":
			return r.value(&version.FormatVersion)
		case "planned_values":
			return r.within("root_module", r.module)
		case "resource_changes":
			return r.array(r.resourceChange)
		case "output_changes":
			return r.object(r.outputChange)
		case "configuration":
			return r.within("root_module", func(key string) error {
				if key != "outputs" {
					return r.skip()
				}
				return r.object(r.output)
			})
		default:
			return r.skip()
		}
	})
	if err == nil {
		err = version.Validate()
	}
	if err != nil {
		return r.wrong(err)
	}
	return nil
}

// change is as much of a planned change as a run keeps.
type change struct {
	Actions   tfjson.Actions `json:"actions"`
	Importing *struct{}      `json:"importing"`
}

func (r *planReader) resourceChange() error {
	var c struct {
		Address  string  `json:"address"`
		Previous string  `json:"previous_address"`
		Change   *change `json:"change"`
	}
	if err := r.value(&c); err != nil || c.Change == nil {
		return err
	}
	action := c.Change.action()
	if action != "" {
		r.plan.add(c.Address, action)
	}
	if action != "" && action != "read" || c.Previous != "" {
		r.changes = true
	}
	return nil
}

func (r *planReader) outputChange(string) error {
	var c *change
	err := r.value(&c)
	if c != nil && !c.Actions.NoOp() {
		r.changes = true
	}
	return err
}

// module counts the resources that will be there.
func (r *planReader) module(key string) error {
	switch key {
	case "resources":
		return r.array(func() error {
			var resource struct {
				Mode tfjson.ResourceMode `json:"mode"`
			}
			err := r.value(&resource)
			if resource.Mode == tfjson.ManagedResourceMode {
				r.plan.Delta.Resources++
			}
			return err
		})
	case "child_modules":
		return r.array(func() error { return r.object(r.module) })
	default:
		return r.skip()
	}
}

func (r *planReader) output(name string) error {
	var o struct {
		Description string `json:"description"`
	}
	if err := r.value(&o); err != nil || o.Description == "" {
		return err
	}
	r.plan.Descriptions[name] = o.Description
	return nil
}

// action names a change; empty means that nothing is done.
func (c *change) action() string {
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
