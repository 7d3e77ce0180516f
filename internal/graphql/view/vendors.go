package view

import (
	"fmt"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
)

// StackConfigVendor is one of the types of this file.
type StackConfigVendor interface{ IsStackConfigVendor() }

// The settings of the tools, under the names of the API.
type (
	StackConfigVendorAnsible        struct{ *domain.AnsibleVendor }
	StackConfigVendorCloudFormation struct{ *domain.CloudFormationVendor }
	StackConfigVendorKubernetes     struct{ *domain.KubernetesVendor }
	StackConfigVendorOpenTofu       struct{ *domain.TofuVendor }
	StackConfigVendorPulumi         struct{ *domain.PulumiVendor }
	StackConfigVendorTerraform      struct{ *domain.TofuVendor }
	StackConfigVendorTerragrunt     struct{ *domain.TerragruntVendor }
)

func (StackConfigVendorAnsible) IsStackConfigVendor()        {}
func (StackConfigVendorCloudFormation) IsStackConfigVendor() {}
func (StackConfigVendorKubernetes) IsStackConfigVendor()     {}
func (StackConfigVendorOpenTofu) IsStackConfigVendor()       {}
func (StackConfigVendorPulumi) IsStackConfigVendor()         {}
func (StackConfigVendorTerraform) IsStackConfigVendor()      {}
func (StackConfigVendorTerragrunt) IsStackConfigVendor()     {}

func newVendor(v domain.Vendor) StackConfigVendor {
	switch {
	case v.OpenTofu != nil:
		return StackConfigVendorOpenTofu{v.OpenTofu}
	case v.Terragrunt != nil:
		return StackConfigVendorTerragrunt{v.Terragrunt}
	case v.Ansible != nil:
		return StackConfigVendorAnsible{v.Ansible}
	case v.CloudFormation != nil:
		return StackConfigVendorCloudFormation{v.CloudFormation}
	case v.Kubernetes != nil:
		return StackConfigVendorKubernetes{v.Kubernetes}
	case v.Pulumi != nil:
		return StackConfigVendorPulumi{v.Pulumi}
	case v.Terraform != nil:
		return StackConfigVendorTerraform{v.Terraform}
	default:
		return StackConfigVendorTerraform{&domain.TofuVendor{}}
	}
}

func (v StackConfigVendorKubernetes) KubectlVersion() *string {
	return Optional(v.KubernetesVendor.KubectlVersion)
}
func (v StackConfigVendorKubernetes) KubernetesWorkflowTool() *string {
	return Optional(v.KubernetesVendor.WorkflowTool)
}

func (v StackConfigVendorOpenTofu) ExternalStateAccessEnabled() bool { return v.ExternalStateAccess }
func (v StackConfigVendorOpenTofu) UseSmartSanitization() bool       { return v.SmartSanitization }
func (v StackConfigVendorOpenTofu) Version() *string                 { return Optional(v.TofuVendor.Version) }

// WorkflowTool has its own spelling for this vendor.
func (v StackConfigVendorOpenTofu) WorkflowTool() *string {
	if v.TofuVendor.WorkflowTool == domain.WorkflowCustom {
		return Optional(domain.WorkflowCustom)
	}
	return Optional("OPENTOFU")
}

func (v StackConfigVendorOpenTofu) Workspace() *string { return Optional(v.TofuVendor.Workspace) }

func (v StackConfigVendorTerraform) ExternalStateAccessEnabled() bool { return v.ExternalStateAccess }
func (v StackConfigVendorTerraform) UseSmartSanitization() bool       { return v.SmartSanitization }
func (v StackConfigVendorTerraform) Version() *string                 { return Optional(v.TofuVendor.Version) }
func (v StackConfigVendorTerraform) WorkflowTool() *string {
	return Optional(v.TofuVendor.WorkflowTool)
}
func (v StackConfigVendorTerraform) Workspace() *string { return Optional(v.TofuVendor.Workspace) }

func (v StackConfigVendorTerragrunt) PrefixResourceNamesWithModuleName() bool {
	return v.PrefixResourceNames
}
func (v StackConfigVendorTerragrunt) UseSmartSanitization() bool { return v.SmartSanitization }
func (v StackConfigVendorTerragrunt) TerraformVersion() *string {
	return Optional(v.TerragruntVendor.TerraformVersion)
}
func (v StackConfigVendorTerragrunt) TerragruntVersion() *string {
	return Optional(v.TerragruntVendor.TerragruntVersion)
}
func (v StackConfigVendorTerragrunt) Tool() *string { return Optional(v.TerragruntVendor.Tool) }

// TypeName is the name of a vendor's type in the schema.
func TypeName(v StackConfigVendor) string {
	name := fmt.Sprintf("%T", v)
	return name[strings.LastIndexByte(name, '.')+1:]
}
