package stacks

import (
	"context"
	"slices"

	"github.com/airlock-project/airlock/internal/domain"
)

// Vendors that a stack can be migrated to, in the spelling of the API.
const (
	VendorTerraform  = "Terraform"
	VendorTerragrunt = "Terragrunt"
)

// MigrateVendor makes a stack one of another vendor, which keeps the settings
// that both have, and gives it further labels.
func (s *Service) MigrateVendor(ctx context.Context, id domain.StackID, to string, labels []string) (domain.Stack, error) {
	return s.change(ctx, "stack.migrate_vendor", id, func(old domain.Stack) (domain.StackSettings, error) {
		in := old.StackSettings
		if to != VendorTerraform {
			return in, domain.Invalid("targetVendor", "%s does not run here: a stack is one of OpenTofu or Terraform", to)
		}
		switch v := old.Vendor; {
		case v.Terraform != nil:
			return in, domain.Conflict("stack %s is one of Terraform already", old.ID)
		case v.OpenTofu != nil:
			same := *v.OpenTofu
			same.Concise = false // OpenTofu alone has it
			in.Vendor = domain.Vendor{Terraform: &same}
		case v.Terragrunt != nil:
			in.Vendor = domain.Vendor{Terraform: &domain.TofuVendor{
				Version: v.Terragrunt.TerraformVersion, SmartSanitization: v.Terragrunt.SmartSanitization,
			}}
			if v.Terragrunt.Tool == "TERRAFORM_FOSS" {
				in.Vendor.Terraform.WorkflowTool = v.Terragrunt.Tool
			}
		default:
			return in, domain.Conflict("stack %s is neither one of OpenTofu nor of Terragrunt: its code means nothing to Terraform", old.ID)
		}
		in.Labels = slices.Clone(in.Labels)
		for _, l := range labels {
			if !slices.Contains(in.Labels, l) {
				in.Labels = append(in.Labels, l)
			}
		}
		return in, nil
	})
}
