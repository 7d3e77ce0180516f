package runner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/go-version"

	"github.com/airlock-project/airlock/internal/tofu"
)

// chooseTool returns the binary for the run: the worker's own when it meets
// the stack's version constraint, else the newest of the tool directory that
// does. A stack that asks for another tool gets OpenTofu, and its log says so:
// that tool's versions mean nothing here.
func (r *run) chooseTool(ctx context.Context) (binary, own string, err error) {
	own, err = tofu.Version(ctx, r.tofu)
	if err != nil {
		return "", "", err
	}
	want := r.job.ToolVersion
	switch r.job.Tool {
	case "", "OPEN_TOFU":
	case "TERRAFORM_FOSS":
		r.log.say(fmt.Sprintf("The stack asks for %s; this worker runs OpenTofu %s instead", strings.TrimSpace("Terraform "+want), own))
		return r.tofu, own, nil
	default:
		r.log.say(fmt.Sprintf("The stack asks for the workflow tool %s; this worker runs OpenTofu %s instead", r.job.Tool, own))
		return r.tofu, own, nil
	}
	if want == "" {
		return r.tofu, own, nil
	}
	constraint, err := version.NewConstraint(want)
	if err != nil {
		return "", "", fmt.Errorf("the stack's OpenTofu version %q is not a version constraint", want)
	}
	if meets(own, constraint) != nil {
		return r.tofu, own, nil
	}
	return r.fromToolDir(ctx, constraint, own)
}

// meets returns the version when the constraint allows it. Builds are compared
// by their release, so that a build from source counts as what it was built from.
func meets(text string, constraint version.Constraints) *version.Version {
	v, err := version.NewVersion(text)
	if err != nil || !constraint.Check(v) && !constraint.Check(v.Core()) {
		return nil
	}
	return v
}

func (r *run) fromToolDir(ctx context.Context, constraint version.Constraints, own string) (binary, chosen string, err error) {
	missing := fmt.Errorf("the stack asks for OpenTofu %s, which is not installed on this worker (it has %s)", constraint, own)
	if r.cfg.ToolDir == "" {
		return "", "", missing
	}
	entries, err := os.ReadDir(r.cfg.ToolDir)
	if err != nil {
		return "", "", fmt.Errorf("%w: the tool directory cannot be read", missing)
	}
	var best *version.Version
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
