package graphql

import (
	"context"

	gqlgen "github.com/99designs/gqlgen/graphql"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/runtimeconfig"
)

// metadataHeader carries a text that clients let users put on a run.
const metadataHeader = "Spacelift-User-Provided-Run-Metadata"

func newRun(r domain.Run) *view.Run { return &view.Run{Run: r} }

// runMetadata is the text that a client lets its user put on a run.
func runMetadata(ctx context.Context) string {
	return gqlgen.GetOperationContext(ctx).Headers.Get(metadataHeader)
}

func newRunComment(c domain.RunComment) *view.RunComment { return &view.RunComment{RunComment: c} }

func newRunReview(r domain.RunReview) *view.RunReview { return &view.RunReview{RunReview: r} }

func newDiscarded(d runs.Discarded) *generated.RunDiscardAllResult {
	out := &generated.RunDiscardAllResult{DiscardedRuns: []*view.Run{}, FailedDiscarding: []string{}}
	for _, run := range d.Runs {
		out.DiscardedRuns = append(out.DiscardedRuns, newRun(run))
	}
	for _, id := range d.Failed {
		out.FailedDiscarding = append(out.FailedDiscarding, string(id))
	}
	return out
}

func newTransition(t domain.RunTransition) *view.RunStateTransition {
	return &view.RunStateTransition{RunTransition: t}
}

// runsPage is one page of the runs of a stack.
func (r *Resolver) runsPage(ctx context.Context, stack domain.StackID, t domain.RunType, before *string) ([]*view.Run, error) {
	list, err := r.Runs.List(ctx, stack, t, domain.RunID(text(before)))
	page, err := each(list, err, newRun)
	for i, run := range page {
		newest := i == 0 && text(before) == ""
		run.MostRecent = &newest
	}
	return page, err
}

// isMostRecent looks for a newer run, which only those learn who may list.
func (r *Resolver) isMostRecent(ctx context.Context, run *view.Run) (bool, error) {
	if run.MostRecent != nil {
		return *run.MostRecent, nil
	}
	list, err := r.Runs.List(ctx, run.StackID, run.Type, "")
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return false, r.lacksRead(ctx, run.StackID)
	}
	if err == nil && len(list) == 0 { // the run is there: he sees the stack by name, and lists nothing
		return false, r.lacksRead(ctx, run.StackID)
	}
	return err == nil && list[0].ID == run.ID, err
}

// lacksRead is the refusal for what needs more than run:read.
func (r *Resolver) lacksRead(ctx context.Context, id domain.StackID) error {
	v, err := r.Stacks.Get(ctx, id)
	if err != nil {
		return err
	}
	caller, err := access.CallerFrom(ctx)
	if err != nil {
		return err
	}
	return access.Forbidden(caller.Name, authz.ActionSpaceRead, v.Stack.Space)
}

func triggerInput(ctx context.Context, stack string, commit, force *string, kind *domain.RunType, config *generated.RuntimeConfigInput) (runs.TriggerInput, error) {
	in := runs.TriggerInput{
		Stack: domain.StackID(stack), Commit: text(commit), Type: domain.RunType(text(kind)),
		Metadata: runMetadata(ctx), Force: text(force),
	}
	if config == nil {
		return in, nil
	}
	c, err := runtimeConfig(*config)
	in.Config = &c
	return in, err
}

// runtimeConfig is either the document or the single fields.
func runtimeConfig(in generated.RuntimeConfigInput) (c domain.RuntimeConfig, err error) {
	c = domain.RuntimeConfig{
		Hooks: domain.Hooks{
			BeforeInit: in.BeforeInit, AfterInit: in.AfterInit, BeforePlan: in.BeforePlan, AfterPlan: in.AfterPlan,
			BeforeApply: in.BeforeApply, AfterApply: in.AfterApply, BeforePerform: in.BeforePerform, AfterPerform: in.AfterPerform,
			BeforeDestroy: in.BeforeDestroy, AfterDestroy: in.AfterDestroy, AfterRun: in.AfterRun,
		},
		ProjectRoot: in.ProjectRoot, RunnerImage: text(in.RunnerImage),
	}
	for _, e := range in.Environment {
		c.Env = append(c.Env, domain.EnvOverride{Name: e.Key, Value: e.Value})
	}
	if in.Yaml == nil {
		return c, nil
	}
	if !c.Empty() {
		return c, domain.Invalid("runtimeConfig", "give either yaml or the other fields, not both")
	}
	if c, err = runtimeconfig.Read([]byte(*in.Yaml)); err != nil {
		return c, domain.Invalid("runtimeConfig.yaml", "%s", err)
	}
	return c, nil
}

func newLogs(p runs.LogPage) *generated.RunLogs {
	out := &generated.RunLogs{
		Exists:    len(p.Lines) > 0 || p.HasMore,
		Finished:  p.Finished,
		HasMore:   p.HasMore,
		NextToken: view.Optional(p.Next),
		Messages:  make([]*generated.RunLogMessage, len(p.Lines)),
	}
	for i, line := range p.Lines {
		out.Messages[i] = &generated.RunLogMessage{Message: line}
	}
	return out
}

// runChanges is one group of all planned changes, none where nothing is planned.
func runChanges(list []domain.ResourceChange) []*generated.RunChanges {
	if len(list) == 0 {
		return nil
	}
	group := &generated.RunChanges{}
	for _, c := range list {
		group.Resources = append(group.Resources, &view.RunChangesResource{ResourceChange: c})
	}
	return []*generated.RunChanges{group}
}
