package domain

import (
	"reflect"
	"regexp"

	version "github.com/hashicorp/go-version"
)

// Vendor is the tool that a stack asks for, with its settings. Exactly one
// member is set. Only OpenTofu and Terraform run; a stack of another vendor is
// one from before that was asked for.
type Vendor struct {
	OpenTofu       *TofuVendor           `json:"openTofu,omitempty"`
	Terraform      *TofuVendor           `json:"terraform,omitempty"`
	Terragrunt     *TerragruntVendor     `json:"terragrunt,omitempty"`
	Ansible        *AnsibleVendor        `json:"ansible,omitempty"`
	CloudFormation *CloudFormationVendor `json:"cloudFormation,omitempty"`
	Kubernetes     *KubernetesVendor     `json:"kubernetes,omitempty"`
	Pulumi         *PulumiVendor         `json:"pulumi,omitempty"`
}

// TofuVendor configures OpenTofu, or Terraform.
type TofuVendor struct {
	Version             string `json:"version,omitempty"`
	WorkflowTool        string `json:"workflowTool,omitempty"` // OPEN_TOFU, TERRAFORM_FOSS or CUSTOM
	Workspace           string `json:"workspace,omitempty"`
	ExternalStateAccess bool   `json:"externalStateAccess,omitempty"`
	SmartSanitization   bool   `json:"smartSanitization,omitempty"`
	Concise             bool   `json:"concise,omitempty"`
}

// TerragruntVendor configures Terragrunt.
type TerragruntVendor struct {
	TerraformVersion     string `json:"terraformVersion,omitempty"`
	TerragruntVersion    string `json:"terragruntVersion,omitempty"`
	Tool                 string `json:"tool,omitempty"`
	UseRunAll            bool   `json:"useRunAll,omitempty"`
	SmartSanitization    bool   `json:"smartSanitization,omitempty"`
	UseStateManagement   bool   `json:"useStateManagement,omitempty"`
	SkipReplan           bool   `json:"skipReplan,omitempty"`
	SkipReplanWhenRunAll bool   `json:"skipReplanWhenRunAll,omitempty"`
	PrefixResourceNames  bool   `json:"prefixResourceNames,omitempty"`
}

// AnsibleVendor configures Ansible.
type AnsibleVendor struct {
	Playbook string `json:"playbook"`
}

// CloudFormationVendor configures CloudFormation.
type CloudFormationVendor struct {
	EntryTemplateFile string `json:"entryTemplateFile"`
	Region            string `json:"region"`
	StackName         string `json:"stackName"`
	TemplateBucket    string `json:"templateBucket"`
}

// KubernetesVendor configures kubectl.
type KubernetesVendor struct {
	Namespace      string `json:"namespace"`
	KubectlVersion string `json:"kubectlVersion,omitempty"`
	WorkflowTool   string `json:"workflowTool,omitempty"`
}

// PulumiVendor configures Pulumi.
type PulumiVendor struct {
	LoginURL  string `json:"loginURL"`
	StackName string `json:"stackName"`
}

// Tofu returns the settings of a vendor that OpenTofu can run, nil for the rest.
func (v Vendor) Tofu() *TofuVendor {
	if v.OpenTofu != nil {
		return v.OpenTofu
	}
	return v.Terraform
}

// check asks for exactly one vendor whose settings are single lines.
func (v Vendor) check() error {
	named := 0
	all := reflect.ValueOf(v)
	for i := range all.NumField() {
		if all.Field(i).IsNil() {
			continue
		}
		named++
		settings := all.Field(i).Elem()
		for j := range settings.NumField() {
			if f := settings.Field(j); f.Kind() == reflect.String {
				if err := CheckLine("vendorConfig", f.String()); err != nil {
					return err
				}
			}
		}
	}
	if named != 1 {
		return Invalid("vendorConfig", "must name exactly one vendor")
	}
	return nil
}

// Workflow tools of stacks that do not run OpenTofu.
const (
	WorkflowTerraform = "TERRAFORM_FOSS"
	WorkflowCustom    = "CUSTOM" // commands of one's own
)

// check refuses what a run could not make true. Clients look for the first
// error, from its first word on.
func (t *TofuVendor) check(field, key, tool string, managed bool) error {
	if t.Version != "" {
		if _, err := version.NewConstraint(t.Version); err != nil {
			wrong := Invalid(field+".version", "stack has 1 error: %s: invalid %s version constraints: improper constraint: %s", key, tool, clip(t.Version))
			wrong.Whole = true
			return wrong
		}
	}
	if t.ExternalStateAccess && !managed {
		return Invalid(field+".externalStateAccessEnabled", "a stack whose state is not kept here has none to open to others")
	}
	if t.Workspace != "" && !workspaceName.MatchString(t.Workspace) {
		return Invalid(field+".workspace", "must be letters, digits, hyphens, underscores and dots, at most 90, not %q", clip(t.Workspace))
	}
	if managed && t.Workspace != "" && t.Workspace != "default" {
		return Invalid(field+".workspace", "a stack whose state is kept here has one state and no workspaces")
	}
	return nil
}

// workspaceName is what the backends that have workspaces agree on.
var workspaceName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,89}$`)

// CheckVendor refuses a vendor that no worker can run, and settings of it that
// mean nothing. The error names the member of the input.
func (s Stack) CheckVendor() error {
	v := s.Vendor
	for _, other := range []struct {
		set         bool
		field, name string
	}{
		{v.Ansible != nil, "ansible", "Ansible"},
		{v.CloudFormation != nil, "cloudFormation", "CloudFormation"},
		{v.Kubernetes != nil, "kubernetes", "Kubernetes"},
		{v.Pulumi != nil, "pulumi", "Pulumi"},
		{v.Terragrunt != nil, "terragrunt", "Terragrunt"},
	} {
		if other.set {
			return Invalid("vendorConfig."+other.field, "%s does not run here: a stack is one of OpenTofu or Terraform", other.name)
		}
	}
	if v.OpenTofu != nil {
		return v.OpenTofu.check("vendorConfig.opentofu", "opentofu", "OpenTofu", s.ManagesState)
	}
	return v.Terraform.check("vendorConfig.terraform", "terraform", "Terraform", s.ManagesState)
}
