package graphql

import (
	"slices"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
)

// vendorInput is the one tool that the input names; none is the zero value.
func vendorInput(in *generated.VendorConfigInput) (domain.Vendor, error) {
	var v domain.Vendor
	if in == nil {
		return v, nil
	}
	given := 0
	if o := in.Opentofu; o != nil {
		given++
		v.OpenTofu = &domain.TofuVendor{
			Version: text(o.Version), WorkflowTool: text(o.WorkflowTool), Workspace: text(o.Workspace),
			ExternalStateAccess: isTrue(o.ExternalStateAccessEnabled), SmartSanitization: isTrue(o.UseSmartSanitization),
			Concise: isTrue(o.Concise),
		}
	}
	if t := in.Terraform; t != nil {
		given++
		v.Terraform = &domain.TofuVendor{
			Version: text(t.Version), WorkflowTool: text(t.WorkflowTool), Workspace: text(t.Workspace),
			ExternalStateAccess: isTrue(t.ExternalStateAccessEnabled), SmartSanitization: isTrue(t.UseSmartSanitization),
		}
	}
	given += otherVendors(in, &v)
	if given > 1 {
		return v, domain.Invalid("vendorConfig", "must name one tool, not %d", given)
	}
	return v, checkTools(v)
}

// otherVendors fills in tools that are kept and shown but not run.
func otherVendors(in *generated.VendorConfigInput, v *domain.Vendor) (given int) {
	if t := in.Terragrunt; t != nil {
		given++
		v.Terragrunt = &domain.TerragruntVendor{
			TerraformVersion: text(t.TerraformVersion), TerragruntVersion: text(t.TerragruntVersion), Tool: text(t.Tool),
			UseRunAll: t.UseRunAll, SmartSanitization: t.UseSmartSanitization, UseStateManagement: isTrue(t.UseStateManagement),
			SkipReplan: isTrue(t.SkipReplan), SkipReplanWhenRunAll: isTrue(t.SkipReplanWhenRunAll),
			PrefixResourceNames: isTrue(t.PrefixResourceNamesWithModuleName),
		}
	}
	if a := in.Ansible; a != nil {
		given++
		v.Ansible = &domain.AnsibleVendor{Playbook: a.Playbook}
	}
	if c := in.CloudFormation; c != nil {
		given++
		v.CloudFormation = &domain.CloudFormationVendor{
			EntryTemplateFile: c.EntryTemplateFile, Region: c.Region, StackName: c.StackName, TemplateBucket: c.TemplateBucket,
		}
	}
	if k := in.Kubernetes; k != nil {
		given++
		v.Kubernetes = &domain.KubernetesVendor{
			Namespace: k.Namespace, KubectlVersion: text(k.KubectlVersion), WorkflowTool: text(k.KubernetesWorkflowTool),
		}
	}
	if p := in.Pulumi; p != nil {
		given++
		v.Pulumi = &domain.PulumiVendor{LoginURL: p.LoginURL, StackName: p.StackName}
	}
	return given
}

// checkTools refuses a tool that the schema could not answer again.
func checkTools(v domain.Vendor) error {
	switch {
	case v.OpenTofu != nil:
		return oneOf("vendorConfig.opentofu.workflowTool", v.OpenTofu.WorkflowTool, "OPENTOFU", "CUSTOM")
	case v.Terraform != nil:
		return oneOf("vendorConfig.terraform.workflowTool", v.Terraform.WorkflowTool, "OPEN_TOFU", "TERRAFORM_FOSS", "CUSTOM")
	case v.Terragrunt != nil:
		return oneOf("vendorConfig.terragrunt.tool", v.Terragrunt.Tool, "OPEN_TOFU", "TERRAFORM_FOSS", "MANUALLY_PROVISIONED")
	case v.Kubernetes != nil:
		return oneOf("vendorConfig.kubernetes.kubernetesWorkflowTool", v.Kubernetes.WorkflowTool, "KUBERNETES", "CUSTOM")
	default:
		return nil
	}
}

func oneOf(field, value string, known ...string) error {
	if value == "" || slices.Contains(known, value) {
		return nil
	}
	return domain.Invalid(field, "must be one of %v", known)
}
