package graphql

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/stacks"
)

// managedEntityOf shows entities of a stack.
func managedEntityOf(stack domain.Stack) func(stacks.EntityView) *generated.ManagedEntity {
	return func(e stacks.EntityView) *generated.ManagedEntity {
		id := string(stack.ID)
		return &generated.ManagedEntity{
			ID: id + "/" + e.Address, Address: e.Address, Name: e.Name, Type: e.Type, Parent: e.Module,
			StackID: &id, StackName: &stack.Name, UpdatedAt: view.OptionalSeconds(e.UpdatedAt),
			Creator: optionalRun(e.Creator), Updater: optionalRun(e.Updater),
			Vendor: &generated.EntityVendorTerraform{Terraform: terraformEntity(e.ManagedEntity)},
		}
	}
}

func optionalRun(r *domain.Run) *view.Run {
	if r == nil {
		return nil
	}
	return newRun(*r)
}

func terraformEntity(e domain.ManagedEntity) generated.TerraformEntity {
	if e.Output {
		out := &generated.TerraformOutput{Sensitive: e.Sensitive}
		if !e.Sensitive {
			sum := sha256.Sum256([]byte(e.Values))
			out.Hash, out.Value = hex.EncodeToString(sum[:]), &e.Values
		}
		return out
	}
	mode := "managed"
	if e.Data {
		mode = "data"
	}
	return &generated.TerraformResource{
		Address: e.Address, Mode: mode, Module: e.Module, Provider: e.Provider, Tainted: e.Tainted, Values: e.Values,
	}
}
