package graphql

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

var runPermissions = []permission{
	{field: "runStack", make: func(o *object) vars { return vars{"runId": aRun(o)["run"]} }},
	{field: "runTrigger", doc: "spacectl_runs/Deploy", make: func(o *object) vars { return vars{"stack": o.stack()} }},
	{
		field: "runTrigger", doc: "spacectl_runs/Deploy", when: []string{"with settings for this run"},
		make: func(o *object) vars {
			return vars{"stack": o.stack(), "runtimeConfig": vars{"yaml": "before_plan: [id]"}}
		},
	},
	{field: "runResourceCreate", make: func(o *object) vars { return vars{"stack": o.stack()} }},
	{field: "runConfirm", doc: "spacectl_runs/Confirm", make: anUnconfirmedRun},
	{field: "runDiscard", doc: "spacectl_runs/Discard", make: anUnconfirmedRun},

	{field: "stack.run.*", doc: `query($stack:ID!,$run:ID!){stack(id:$stack){run(id:$run){*}}}`, make: aRun},
	{
		field: "stack.run.changesV3", doc: `query($stack:ID!,$run:ID!){stack(id:$stack){run(id:$run){changesV3(input:{}){*}}}}`,
		make: func(o *object) vars {
			out := aRun(o)
			o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
				return tx.SetRunChanges(ctx, p.For(access.KindRun), domain.RunID(out["run"].(string)), []domain.ResourceChange{{Address: "null_resource.a", Action: "create"}})
			})
			return out
		},
	},
	{
		field: "stack.run.comments", doc: `query($stack:ID!,$run:ID!){stack(id:$stack){run(id:$run){comments{*}}}}`,
		make: noted(func(ctx context.Context, tx *store.Tx, p access.Permit, run domain.RunID) error {
			return tx.InsertRunComment(ctx, p, domain.RunComment{ID: string(run), Run: run, Username: "somebody", Body: "fine"})
		}),
	},
	{
		field: "stack.run.reviews", doc: `query($stack:ID!,$run:ID!){stack(id:$stack){run(id:$run){reviews{*}}}}`,
		make: noted(func(ctx context.Context, tx *store.Tx, p access.Permit, run domain.RunID) error {
			return tx.InsertRunReview(ctx, p, domain.RunReview{ID: string(run), Run: run, Author: "somebody", Decision: domain.ReviewApprove})
		}),
	},
	{
		field: "stack.run.customRuntimeConfig", doc: `query($stack:ID!,$run:ID!){stack(id:$stack){run(id:$run){customRuntimeConfig{*}}}}`,
		make: noted(func(ctx context.Context, tx *store.Tx, p access.Permit, run domain.RunID) error {
			return tx.SetRunSettings(ctx, p, run, domain.RunSettings{Config: &domain.RuntimeConfig{RunnerImage: "image:1"}})
		}),
	},
	{field: "stack.run.history", doc: `query($stack:ID!,$run:ID!){stack(id:$stack){run(id:$run){history{*}}}}`, make: aTriggeredRun},
	{field: "stack.run.isMostRecent", doc: `query($stack:ID!,$run:ID!){stack(id:$stack){run(id:$run){isMostRecent}}}`, make: aTriggeredRun},
	{
		field: "stack.run.logs", doc: `query($stack:ID!,$run:ID!){stack(id:$stack){run(id:$run){logs(state:PLANNING){*}}}}`,
		make: func(o *object) vars {
			out := aRun(o)
			o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
				return tx.AppendLog(ctx, p.For(access.KindRun), []domain.LogChunk{{RunID: domain.RunID(out["run"].(string)), State: domain.RunPlanning, Body: "a line\n"}})
			})
			return out
		},
	},
}

// noted is a run with something on it.
func noted(note func(ctx context.Context, tx *store.Tx, p access.Permit, run domain.RunID) error) func(o *object) vars {
	return func(o *object) vars {
		out := aRun(o)
		o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return note(ctx, tx, p.For(access.KindRun), domain.RunID(out["run"].(string)))
		})
		return out
	}
}

func anUnconfirmedRun(o *object) vars {
	stack := o.stack()
	return vars{"stack": stack, "run": o.run(stack, domain.RunTracked, domain.RunUnconfirmed)}
}

func aTriggeredRun(o *object) vars {
	stack := o.stack()
	return vars{"stack": stack, "run": o.admin.trigger(stack)}
}
