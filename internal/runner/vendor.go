package runner

import (
	"context"
	"os"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// vendor is the tool of a stack, as a run uses it. What lies between its steps
// (hooks, the log, what the control plane is told, who decides) is the same for
// every vendor. Processes get the environment that the run's hooks have at the
// time, and live in the run's box.
type vendor interface {
	// Lay puts what the vendor needs into a project that was just checked out,
	// before anything of the run is executed.
	Lay(project *os.Root) error
	// Find looks for the tool on this worker.
	Find(ctx context.Context) (tool found, err error)
	// Init makes the project ready. In a workspace that was kept, again is set:
	// then it must bring back exactly what the plan was made with.
	Init(ctx context.Context, again bool) error
	// Plan writes a plan, limited to targets if there are any, and reports whether
	// there is something to apply, be it only an output. With told it also lets
	// Told know.
	Plan(ctx context.Context, targets []string, told bool) (changes bool, err error)
	// Told is what Read tells, without another process, as far as planning itself
	// has told it: nobody may decide anything by it. An error says that it is not to
	// be had, and Read is to be asked.
	Told() (*planned, error)
	// Read tells what the plan would change.
	Read(ctx context.Context) (*planned, error)
	// Apply carries out the plan. Values of sensitive outputs are empty.
	Apply(ctx context.Context) ([]domain.Output, error)
	// Destroy destroys everything that the stack has made.
	Destroy(ctx context.Context) error
	// Entities asks for what the state holds: no values.
	Entities(ctx context.Context) ([]domain.ManagedEntity, error)
	// Outputs asks for the outputs, with the values of sensitive ones.
	Outputs(ctx context.Context) ([]domain.Output, error)
}

// found is a tool of the worker.
type found struct {
	binary  string // its path; empty where the run brings the tool
	command string // how hooks and tasks call it
	title   string // what the log calls it
}

// vendors are the tools that this worker can run, by the name that a job has
// for them. What is not among them is left to OpenTofu, and the log says so.
var vendors = map[string]func(r *run) vendor{
	"":            newOpenTofu, // as older control planes leave it
	toolOpenTofu:  newOpenTofu,
	"OPENTOFU":    newOpenTofu, // the other spelling of the API
	toolTerraform: newTerraform,
	toolCustom:    newWorkflow,
}

// How jobs name the tools.
const (
	toolOpenTofu  = "OPEN_TOFU"
	toolTerraform = domain.WorkflowTerraform
	toolCustom    = domain.WorkflowCustom
)

// planned is what a vendor tells of a plan: no values.
type planned struct {
	Delta     domain.Delta
	Resources []domain.ResourceChange
	// Descriptions are those of the outputs that have one.
	Descriptions map[string]string
}

// chooseVendor takes the tool that the job names.
func (r *run) chooseVendor() {
	of, known := vendors[r.job.Tool]
	if !known {
		of = newOpenTofu
	}
	r.vendor = of(r)
}

func (p *planned) report() workerapi.Advance {
	return workerapi.Advance{Delta: &p.Delta, Changes: p.Resources}
}
