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
func managedEntityOf(stack domain.Stack) func(stacks.EntityView) *view.ManagedEntity {
	return func(e stacks.EntityView) *view.ManagedEntity {
		details := entityDetails(e)
		return &view.ManagedEntity{
			ManagedEntity: e.ManagedEntity, StackTitle: stack.Name,
			Details: func() (view.EntityDetails, error) { return details, nil },
		}
	}
}

func entityDetails(e stacks.EntityView) view.EntityDetails {
	return view.EntityDetails{ManagedEntity: e.ManagedEntity, Creator: optionalRun(e.Creator), Updater: optionalRun(e.Updater)}
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
