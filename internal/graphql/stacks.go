package graphql

import (
	"context"
	"fmt"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
)

// awakened warns of roles that the administrative flag had made ineffective.
func awakened(bindings int) string {
	if bindings == 0 {
		return ""
	}
	return fmt.Sprintf("%d other role bindings of the stack count from now on; while it was administrative they did not", bindings)
}

// changedStack is a stack after a change.
func (r *Resolver) changedStack(ctx context.Context, s domain.Stack, err error) (*view.Stack, error) {
	if err != nil {
		return nil, err
	}
	return r.newStack(ctx, s), nil
}

func newStackOutput(o domain.Output) *generated.StackOutput {
	return &generated.StackOutput{ID: o.Name, Description: o.Description, Sensitive: o.Sensitive, Value: o.Value}
}

// noIntegrations says truthfully that none is set up.
func noIntegrations() *generated.StackIntegrations {
	return &generated.StackIntegrations{
		AWS:   &generated.StackIntegrationAWS{},
		GCP:   &generated.StackIntegrationGCP{},
		Slack: &generated.StackIntegrationSlack{},
	}
}

func stackSettings(in generated.StackInput) (domain.StackSettings, error) {
	vendor, err := vendorInput(in.VendorConfig)
	return domain.StackSettings{
		Name:                   in.Name,
		Description:            text(in.Description),
		Labels:                 in.Labels,
		Space:                  domain.SpaceID(text(in.Space)),
		Administrative:         in.Administrative,
		Provider:               domain.VCSProvider(text(in.Provider)),
		Namespace:              text(in.Namespace),
		Repository:             in.Repository,
		RepositoryURL:          text(in.RepositoryURL),
		VCSIntegrationID:       text(in.VcsIntegrationID),
		Branch:                 in.Branch,
		ProjectRoot:            text(in.ProjectRoot),
		ProjectGlobs:           in.AdditionalProjectGlobs,
		SparsePaths:            in.GitSparseCheckoutPaths,
		Vendor:                 vendor,
		RunnerImage:            text(in.RunnerImage),
		WorkerPool:             domain.WorkerPoolID(text(in.WorkerPool)),
		Hooks:                  stackHooks(in),
		Autodeploy:             isTrue(in.Autodeploy),
		Autoretry:              isTrue(in.Autoretry),
		PromotionEnabled:       isTrue(in.GithubActionDeploy),
		LocalPreviewEnabled:    isTrue(in.LocalPreviewEnabled),
		ProtectFromDeletion:    isTrue(in.ProtectFromDeletion),
		MaskWellKnownSecrets:   isTrue(in.EnableWellKnownSecretMasking),
		UploadSensitiveOutputs: isTrue(in.EnableSensitiveOutputUpload),
	}, err
}

func stackHooks(in generated.StackInput) domain.Hooks {
	return domain.Hooks{
		BeforeInit: in.BeforeInit, AfterInit: in.AfterInit,
		BeforePlan: in.BeforePlan, AfterPlan: in.AfterPlan,
		BeforeApply: in.BeforeApply, AfterApply: in.AfterApply,
		BeforePerform: in.BeforePerform, AfterPerform: in.AfterPerform,
		BeforeDestroy: in.BeforeDestroy, AfterDestroy: in.AfterDestroy,
		AfterRun: in.AfterRun,
	}
}

// effectiveConfig is what a run would get: the stack's own elements, then
// those of its contexts in their order, each id once. What contexts have that
// attached themselves never wins, so that it can be left out.
func (r *Resolver) effectiveConfig(ctx context.Context, id domain.StackID, auto bool) ([]*generated.RuntimeConfigElement, error) {
	own, err := r.Stacks.Config(ctx, id)
	if err != nil {
		return nil, err
	}
	var out []*generated.RuntimeConfigElement
	seen := map[string]bool{}
	add := func(list []domain.Config, from *generated.RuntimeConfigElementContext) {
		for _, c := range list {
			if !seen[c.ID] {
				seen[c.ID] = true
				out = append(out, &generated.RuntimeConfigElement{Context: from, Element: newConfigElement(c)})
			}
		}
	}
	add(own, nil)
	attached, err := r.Contexts.OfStack(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, a := range attached {
		if a.Auto && !auto {
			continue
		}
		list, err := r.Contexts.Config(ctx, a.ContextOf.ID)
		if err != nil {
			return nil, err
		}
		add(list, &generated.RuntimeConfigElementContext{ID: string(a.ContextOf.ID), ContextName: a.ContextOf.Name, IsAutoattached: a.Auto})
	}
	return out, nil
}
