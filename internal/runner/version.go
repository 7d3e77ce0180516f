package runner

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	versions "github.com/hashicorp/go-version"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/tofu"
)

// choice is the binary that a run uses.
type choice struct {
	binary, version string
	terraform       bool
}

// title is what the log calls it.
func (c choice) title() string { return tofu.Tool{Terraform: c.terraform}.Product() + " " + c.version }

func (c choice) found() found {
	if c.terraform {
		return found{c.binary, "terraform", c.title()}
	}
	return found{c.binary, "tofu", c.title()}
}

// chooseOpenTofu returns the worker's own OpenTofu when it meets the stack's
// version constraint, else the newest of the tool directory that does. A worker
// without a usable OpenTofu still takes runs: they fail with the reason, where
// people look.
func (r *run) chooseOpenTofu(ctx context.Context) (choice, error) {
	own, err := r.ownOpenTofu(ctx)
	if err != nil {
		return choice{}, err
	}
	if _, known := vendors[r.job.Tool]; !known {
		r.log.say(fmt.Sprintf("The stack asks for the workflow tool %s; this worker runs OpenTofu %s instead", r.job.Tool, own.version))
		return own, nil
	}
	return r.constrained(ctx, own, r.job.ToolVersion)
}

// chooseTerraform returns the worker's Terraform where it has one that meets
// the stack's version constraint; else it ends in OpenTofu, and the log says so.
func (r *run) chooseTerraform(ctx context.Context) (choice, error) {
	want := r.job.ToolVersion
	if c, ok := r.terraform(ctx, want); ok {
		return c, nil
	}
	own, err := r.ownOpenTofu(ctx)
	if err == nil {
		r.log.say(fmt.Sprintf("The stack asks for %s, which this worker does not have; OpenTofu %s runs instead", strings.TrimSpace("Terraform "+want), own.version))
	}
	return own, err
}

func (r *run) ownOpenTofu(ctx context.Context) (choice, error) {
	binary, err := tofu.Find(r.cfg.Tofu)
	if err != nil {
		return choice{}, err
	}
	version, err := tofu.Version(ctx, binary)
	return choice{binary: binary, version: version}, err
}

// terraform returns the worker's Terraform if it has one of the wanted version.
func (r *run) terraform(ctx context.Context, want string) (choice, bool) {
	binary := r.cfg.Terraform
	if binary == "" {
		binary, _ = exec.LookPath("terraform") // none: answered by the empty path
	}
	if binary == "" {
		return choice{}, false
	}
	version, err := tofu.Version(ctx, binary)
	if err != nil {
		return choice{}, false
	}
	c := choice{binary: binary, version: version, terraform: true}
	if want == "" {
		return c, true
	}
	constraint, err := versions.NewConstraint(want)
	return c, err == nil && meets(version, constraint) != nil
}

// constrained returns the OpenTofu that meets the stack's version constraint.
func (r *run) constrained(ctx context.Context, own choice, want string) (choice, error) {
	if want == "" {
		return own, nil
	}
	constraint, err := versions.NewConstraint(want)
	if err != nil {
		return choice{}, fmt.Errorf("the stack's OpenTofu version %q is not a version constraint", want)
	}
	if meets(own.version, constraint) != nil {
		return own, nil
	}
	binary, chosen, err := r.fromToolDir(ctx, constraint, own.version)
	return choice{binary: binary, version: chosen}, err
}

// meets returns the version when the constraint allows it. Builds are compared
// by their release, so that a build from source counts as what it was built from.
func meets(text string, constraint versions.Constraints) *versions.Version {
	v, err := versions.NewVersion(text)
	if err != nil || !constraint.Check(v) && !constraint.Check(v.Core()) {
		return nil
	}
	return v
}

func (r *run) fromToolDir(ctx context.Context, constraint versions.Constraints, own string) (binary, chosen string, err error) {
	missing := fmt.Errorf("the stack asks for OpenTofu %s, which is not installed on this worker (it has %s)", constraint, own)
	if r.cfg.ToolDir == "" {
		return "", "", missing
	}
	entries, err := os.ReadDir(r.cfg.ToolDir)
	if err != nil {
		return "", "", fmt.Errorf("%w: the tool directory cannot be read", missing)
	}
	var best *versions.Version
	for _, e := range entries {
		v := meets(e.Name(), constraint)
		if v == nil || best != nil && !v.GreaterThan(best) {
			continue
		}
		if path, err := tofu.Find(filepath.Join(r.cfg.ToolDir, e.Name(), "tofu")); err == nil {
			best, binary = v, path
		}
	}
	if best == nil {
		return "", "", missing
	}
	chosen, err = tofu.Version(ctx, binary)
	return binary, chosen, err
}

// withTools is what the worker says of itself, and which tools it can run.
func withTools(ctx context.Context, cfg Config) map[string]string {
	out := maps.Clone(cfg.Metadata)
	if out == nil {
		out = map[string]string{}
	}
	tell := func(t domain.Tool, own string, others []string) {
		if delete(out, string(t)); own != "" {
			out[string(t)] = domain.JoinVersions(own, others)
		}
	}
	var others []string
	entries, _ := os.ReadDir(cfg.ToolDir) // none: there are no further ones
	for _, e := range entries {
		if _, err := tofu.Find(filepath.Join(cfg.ToolDir, e.Name(), "tofu")); cfg.ToolDir != "" && err == nil {
			others = append(others, e.Name())
		}
	}
	own, _ := toolVersion(ctx, cfg) // without one every run fails, with the reason
	tell(domain.ToolOpenTofu, own, others)
	r := &run{worker: &worker{cfg: cfg}}
	terraform, _ := r.terraform(ctx, "") // none: nothing is said of it
	tell(domain.ToolTerraform, terraform.version, nil)
	return out
}
