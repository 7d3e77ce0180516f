package domain

import (
	"cmp"
	"slices"
	"strings"

	version "github.com/hashicorp/go-version"
)

// Tool is a program that workers run, by the name under which they say in their
// metadata which versions of it they have.
type Tool string

// The tools that the API asks for. Workers run, and tell, the first two.
const (
	ToolOpenTofu   Tool = "opentofu"
	ToolTerraform  Tool = "terraform"
	ToolKubectl    Tool = "kubectl"
	ToolTerragrunt Tool = "terragrunt"
)

// Versions are those that the worker has of a tool, as it says. The first one is
// what it uses where nothing else is asked for.
func (w Worker) Versions(t Tool) []string {
	return strings.FieldsFunc(w.Metadata[string(t)], func(r rune) bool { return r == ',' || r == ' ' })
}

// JoinVersions is what a worker says of the versions that it has: its own, and
// then the others, the newest first.
func JoinVersions(own string, others []string) string {
	rest := slices.DeleteFunc(SortVersions(others), func(v string) bool { return v == own })
	return strings.Join(append([]string{own}, rest...), ",")
}

// ToolVersion is the version that the worker's runs of a vendor use: its own
// OpenTofu if that meets the constraints, else the newest of the others that
// does; for Terraform its Terraform if that meets them, else its own OpenTofu.
// It is empty where such runs fail.
func (w Worker) ToolVersion(v Vendor) string {
	t := v.Tofu()
	if t == nil || t.WorkflowTool == WorkflowCustom {
		return ""
	}
	wanted := version.Constraints{}
	if t.Version != "" {
		var err error
		if wanted, err = version.NewConstraint(t.Version); err != nil {
			return ""
		}
	}
	tofu := w.Versions(ToolOpenTofu)
	if t.WorkflowTool == WorkflowTerraform {
		if has := w.Versions(ToolTerraform); len(has) > 0 && meets(has[0], wanted) {
			return has[0]
		}
		tofu = tofu[:min(1, len(tofu))]
		wanted = nil
	}
	if at := slices.IndexFunc(tofu, func(v string) bool { return meets(v, wanted) }); at >= 0 {
		return tofu[at]
	}
	return ""
}

// meets counts a build as the release that it was built from.
func meets(text string, wanted version.Constraints) bool {
	v, err := version.NewVersion(text)
	return err == nil && (wanted.Check(v) || wanted.Check(v.Core()))
}

// SortVersions returns each version once, the newest first. What is no version
// is left out.
func SortVersions(list []string) []string {
	type parsed struct {
		text string
		v    *version.Version
	}
	var all []parsed
	for _, text := range list {
		if v, err := version.NewVersion(text); err == nil {
			all = append(all, parsed{v.String(), v})
		}
	}
	slices.SortFunc(all, func(a, b parsed) int { return cmp.Or(b.v.Compare(a.v), strings.Compare(a.text, b.text)) })
	out := []string{}
	for _, p := range all {
		if len(out) == 0 || out[len(out)-1] != p.text {
			out = append(out, p.text)
		}
	}
	return out
}

// NewestVersion returns the newest of the versions that meets constraints, empty
// for none; a build counts as the release that it was built from. field is the
// argument that the constraints are in.
func NewestVersion(field string, list []string, constraints string) (string, error) {
	if err := CheckLine(field, constraints); err != nil {
		return "", err
	}
	wanted, err := version.NewConstraint(constraints)
	if err != nil {
		return "", Invalid(field, "improper constraint: %s", clip(constraints))
	}
	for _, text := range SortVersions(list) {
		if meets(text, wanted) {
			return text, nil
		}
	}
	return "", nil
}
