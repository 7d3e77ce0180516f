package graphql

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// The circumstances of the rules about locks, as the schema says them.
const (
	ownLock   = "one's own lock"
	otherLock = "somebody else's lock"
)

var stackActionPermissions = []permission{
	{field: "stackLock", make: aStack},
	{field: "stackUnlock", when: []string{ownLock}, make: aStack}, // a stack that nobody has locked is nobody else's
	{field: "stackUnlock", when: []string{otherLock}, make: aLockedStack},
	{field: "stackDisable", make: aStack},
	{field: "stackEnable", make: aStack},
	{field: "stackMigrateVendor", make: saying(aTofuStack, "targetVendor", "Terraform"), named: names1(authz.ActionStackManage)},
	{field: "starSet", make: saying(aStack, "star", true)},
	{field: "stackReslug", make: aStack, named: names1(authz.ActionStackManage)},
	{field: "stackSetCurrentCommit", make: saying(aStack, "sha", "0123456789abcdef")},
	{field: "stackSyncCommit", make: aStack},
	{field: "stackDelete", note: "destroyResources", make: saying(aStack, "destroyResources", true)},
}

// aTofuStack is one that could become one of Terraform.
func aTofuStack(o *object) vars {
	in := with(stackInput(o.name("stack"), o.space), "vendorConfig", vars{"opentofu": vars{}})
	return vars{"id": id(o.admin.do("provider_stacks", "Create", vars{"input": in, "manageState": true}))}
}

// aLockedStack is locked by an actor that no caller is.
func aLockedStack(o *object) vars {
	out := aStack(o)
	o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		lock := &domain.StackLock{ID: "1", Owner: authz.ActorRef{Kind: authz.ActorUser, ID: "somebody"}, By: "github::somebody", At: tx.Now()}
		return tx.SetStackLife(ctx, p.For(access.KindStack), domain.StackID(out["id"].(string)), domain.StackLife{Lock: lock})
	})
	return out
}
