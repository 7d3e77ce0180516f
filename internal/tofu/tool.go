package tofu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
)

// Tool runs OpenTofu in one project. A run needs four processes: init, plan,
// show and apply, the same as by hand; the outputs come with the apply. Where
// nobody looks at a plan before it is applied, Told does without show.
type Tool struct {
	Binary  string
	Version string // as Version returned it; decides which options exist
	// Terraform is set when the binary is Terraform, for a stack that asks for it.
	Terraform bool
	Concise   bool // leaves progress out of the log, where the tool can
	Env       []string
	Dir       string
	Project   *os.Root  // the same, opened before any code ran there; nil: it is opened by its path
	Log       io.Writer // the tool's own words, live
	// Survivor is where the process id of an apply is written; see
	// Process.Survives. Empty: it is killed with the worker.
	Survivor string
	Wrap     func(cmd *exec.Cmd) error // see Process.Wrap
	Start    Starter                   // see Process.Start
}

// Product returns the tool's name.
func (t Tool) Product() string {
	if t.Terraform {
		return "Terraform"
	}
	return "OpenTofu"
}

func (t Tool) run(ctx context.Context, stdout io.Writer, args ...string) error {
	return t.process(stdout, args...).Run(ctx)
}

func (t Tool) process(stdout io.Writer, args ...string) Process {
	name := "tofu"
	if t.Terraform {
		name = "terraform"
	}
	return Process{
		Name: name + " " + args[0], Path: t.Binary, Args: args, Env: t.Env, Dir: t.Dir, Stdout: stdout, Stderr: t.Log, Wrap: t.Wrap, Start: t.Start,
	}
}

// change runs a command that changes something: it tries hard to store what it
// has changed, even when the worker is killed.
func (t Tool) change(ctx context.Context, args ...string) error {
	t.Env = keepTrying(t.Env)
	p := t.process(t.Log, args...)
	p.Survives = t.Survivor
	return p.Run(ctx)
}

// Init installs providers and modules and configures the backend. With locked
// it fails rather than change the dependency lock file.
func (t Tool) Init(ctx context.Context, locked bool) error {
	args := []string{"init", "-input=false"}
	if locked {
		args = append(args, "-lockfile=readonly")
	}
	t.Env = t.withoutGC()
	return t.run(ctx, t.Log, args...)
}

// withoutGC is the environment of a short process that holds little: it ends
// before collecting garbage would have paid (a fifth of its time). What the
// job sets itself stays. Plans and applies are left alone, because they and
// their providers may hold much.
func (t Tool) withoutGC() []string {
	for _, e := range t.Env {
		if strings.HasPrefix(e, "GOGC=") || strings.HasPrefix(e, "GOMEMLIMIT=") {
			return t.Env
		}
	}
	return append(slices.Clone(t.Env), "GOGC=off", "GOMEMLIMIT=512MiB")
}

// maxBackend bounds what is read of a configured backend.
const maxBackend = 1 << 20

// CheckBackend makes sure that the initialised project keeps its state in the
// http backend: another override file of the code could have replaced ours.
func (t Tool) CheckBackend() error {
	body, err := t.readInProject(filepath.Join(".terraform", "terraform.tfstate"))
	if err != nil {
		return errors.New("the run's state backend was not configured: " +
			"an override file of the project replaces it")
	}
	var file struct {
		Backend struct {
			Type   string                     `json:"type"`
			Config map[string]json.RawMessage `json:"config"`
		} `json:"backend"`
	}
	if err := json.Unmarshal(body, &file); err != nil {
		return fmt.Errorf("read the configured backend: %w", err)
	}
	if file.Backend.Type != "http" || len(file.Backend.Config["address"]) > 0 && string(file.Backend.Config["address"]) != "null" {
		return fmt.Errorf("an override file of the project replaces the run's state backend by %q", file.Backend.Type)
	}
	return nil
}

// SelectWorkspace makes a workspace of the code's own backend the current one,
// and creates it if there is none.
func (t Tool) SelectWorkspace(ctx context.Context, name string) error {
	t.Env = t.withoutGC()
	return t.run(ctx, t.Log, "workspace", "select", "-or-create=true", name)
}

// concise is the option that leaves out progress, since OpenTofu 1.7.
func (t Tool) concise(args []string) []string {
	if !t.Concise || t.Terraform || !atLeast(t.Version, 1, 7) {
		return args
	}
	return append(args, "-concise")
}

// Plan makes a plan file and reports whether it holds any change, be it only
// of an output. It is limited to targets, addresses of resources, if there are
// any. What Told reads goes to eventsFile, unless that is empty. It does not lock
// the state: it writes none, and the queue keeps every other run that could off
// the stack.
func (t Tool) Plan(ctx context.Context, planFile, eventsFile string, targets []string) (changes bool, err error) {
	args := t.concise([]string{"plan", "-input=false", "-lock=false", "-detailed-exitcode", "-out=" + planFile})
	if eventsFile != "" && t.tells() {
		args = append(args, "-json-into="+eventsFile)
	}
	for _, address := range targets {
		args = append(args, "-target="+address)
	}
	err = t.run(ctx, t.Log, args...)
	var failed *CommandError
	if errors.As(err, &failed) && failed.ExitCode == 2 {
		return true, nil
	}
	return false, err
}

// Show reads a plan file.
func (t Tool) Show(ctx context.Context, planFile string) (*Plan, error) {
	p, _, err := t.process(nil, "show", "-json", planFile).plan(ctx)
	return p, err
}

// Apply carries out a plan file. It returns the outputs when this version of
// OpenTofu tells them; otherwise they are asked for with another process.
func (t Tool) Apply(ctx context.Context, planFile, eventsFile string) ([]domain.Output, error) {
	args := append(t.concise([]string{"apply", "-input=false"}), planFile)
	if !t.tells() {
		if err := t.change(ctx, args...); err != nil {
			return nil, err
		}
		return t.Outputs(ctx)
	}
	args = append(t.concise([]string{"apply", "-input=false", "-json-into=" + eventsFile}), planFile)
	if err := t.change(ctx, args...); err != nil {
		return nil, err
	}
	return readOutputs(eventsFile)
}

func (t Tool) readInProject(name string) ([]byte, error) {
	f, err := t.openInProject(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxBackend))
}

// Destroy destroys everything in the state.
func (t Tool) Destroy(ctx context.Context) error {
	return t.change(ctx, t.concise([]string{"destroy", "-input=false", "-auto-approve"})...)
}

// Outputs asks for the root outputs of the state.
func (t Tool) Outputs(ctx context.Context) ([]domain.Output, error) {
	values, err := t.outputs(ctx)
	return toOutputs(values), err
}

// SensitiveOutputs is Outputs with the values of sensitive ones.
func (t Tool) SensitiveOutputs(ctx context.Context) ([]domain.Output, error) {
	values, err := t.outputs(ctx)
	return allOutputs(values), err
}

func (t Tool) outputs(ctx context.Context) (map[string]outputValue, error) {
	body, err := t.process(nil, "output", "-json").ask(ctx, maxAnswer)
	if err != nil {
		return nil, err
	}
	var values map[string]outputValue
	if err := json.Unmarshal(body, &values); err != nil {
		return nil, fmt.Errorf("read the outputs: %w", err)
	}
	return values, nil
}
