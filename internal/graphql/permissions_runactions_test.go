package graphql

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// The circumstances of rules about a run's type, as the schema says them.
const (
	ofProposed   = "a proposed run"
	ofBlocking   = "a tracked run, a task or a destroying run"
	ofRetryable  = "a tracked run or a task"
	onRoleHolder = "the stack holds roles"
)

var runActionPermissions = []permission{
	{field: "runCancel", when: []string{ofProposed}, make: aRunThat(domain.RunProposed, domain.RunReady)},
	{field: "runCancel", when: []string{ofBlocking}, make: aRunThat(domain.RunTracked, domain.RunReady)},
	{field: "runStop", when: []string{ofProposed}, make: aRunThat(domain.RunProposed, domain.RunPlanning)},
	{field: "runStop", when: []string{ofBlocking}, make: aRunThat(domain.RunTracked, domain.RunPlanning)},
	{field: "runKill", when: []string{ofProposed}, make: aRunThat(domain.RunProposed, domain.RunPlanning)},
	{field: "runKill", when: []string{ofBlocking}, make: aRunThat(domain.RunTracked, domain.RunPlanning)},
	{field: "runRetry", when: []string{ofProposed}, make: aRunThat(domain.RunProposed, domain.RunFailed)},
	{field: "runRetry", when: []string{ofRetryable}, make: aRunThat(domain.RunTracked, domain.RunFailed)},
	{field: "runRetry", when: []string{onRoleHolder}, make: func(o *object) vars {
		out := aRunThat(domain.RunProposed, domain.RunFailed)(o)
		o.admin.do("provider_bindings", "CreateOfStack", vars{"input": vars{"roleID": o.reader(), "spaceID": o.space, "stackID": out["stack"]}})
		return out
	}},
	{field: "runPromote", make: aPromotableRun},
	{field: "runDiscardAll", make: func(o *object) vars {
		stack := o.stack()
		o.run(stack, domain.RunTracked, domain.RunUnconfirmed)
		return vars{"stack": stack}
	}},
	{field: "runPrioritizeSet", make: saying(aRunThat(domain.RunTracked, domain.RunReady), "prioritize", true)},
	{field: "runPrioritySet", make: saying(aRunThat(domain.RunTracked, domain.RunReady), "preset", "LOW")},
	{field: "runReview", make: saying(anUnconfirmedRun, "decision", "APPROVE")},
	{field: "runTargetedReplan", make: saying(anUnconfirmedRun, "targets", []any{"null_resource.a"})},
	{field: "runComment", make: saying(anUnconfirmedRun, "body", "fine")},
	{field: "taskCreate", make: func(o *object) vars { return vars{"stack": o.stack(), "command": "tofu state list"} }},
}

func aRunThat(is domain.RunType, was domain.RunState) func(o *object) vars {
	return func(o *object) vars {
		stack := o.stack()
		return vars{"stack": stack, "run": o.run(stack, is, was)}
	}
}

func saying(make func(o *object) vars, name string, value any) func(o *object) vars {
	return func(o *object) vars {
		out := make(o)
		out[name] = value
		return out
	}
}

// aPromotableRun is a proposed run of a commit, on a stack that lets it be promoted.
func aPromotableRun(o *object) vars {
	out := aRunThat(domain.RunProposed, domain.RunFinished)(o)
	o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		stack, err := tx.LockStack(ctx, domain.StackID(out["stack"].(string)))
		if err != nil {
			return err
		}
		stack.PromotionEnabled = true
		if err := tx.UpdateStack(ctx, p.For(access.KindStack), stack); err != nil {
			return err
		}
		run, err := tx.LockRun(ctx, domain.RunID(out["run"].(string)))
		if err != nil {
			return err
		}
		run.Commit = domain.Commit{Hash: "0123456789abcdef", Timestamp: time.Unix(1, 0)}
		return tx.SaveRun(ctx, p.For(access.KindRun), run)
	})
	return out
}
