package graphql

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

var versionPermissions = []permission{
	{field: "kubectlVersions"},
	{field: "openTofuVersions"},
	{field: "terraformVersions"},
	{field: "terragruntVersions"},
	{field: "openTofuEffectiveVersion", make: anyVersion},
	{field: "terraformEffectiveVersion", make: anyVersion},
	{field: "terragruntEffectiveVersion", doc: `query($a:String!,$b:String!){terragruntEffectiveVersion(terraformConstraints:$a,terragruntConstraints:$b){effectiveTerragruntVersion}}`, make: func(o *object) vars {
		o.builtInTools()
		return vars{"a": ">= 1.0", "b": ">= 0.5"}
	}},
	{field: "terragruntEffectiveVersion.*", doc: `query($a:String!,$b:String!){terragruntEffectiveVersion(terraformConstraints:$a,terragruntConstraints:$b){*}}`, make: func(o *object) vars {
		o.builtInTools()
		return vars{"a": ">= 1.0", "b": ">= 0.5"}
	}},
}

func anyVersion(o *object) vars {
	o.builtInTools()
	return vars{"constraints": ">= 1.0"}
}

// builtInTools gives the built-in pool a worker that has one version of each
// tool.
func (o *object) builtInTools() {
	now := o.kit.Clock.Now()
	w := domain.Worker{
		Pool: domain.DefaultWorkerPool, ID: o.name("worker"), Slots: 1, CreatedAt: now, AvailableAt: now, SeenAt: now,
		Metadata: map[string]string{"opentofu": "1.12.6", "terraform": "1.5.7", "kubectl": "1.30.0", "terragrunt": "0.60.0"},
	}
	o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.RegisterWorker(ctx, p.For(access.KindWorkerPool), w)
	})
}
