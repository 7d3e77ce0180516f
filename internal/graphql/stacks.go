package graphql

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/stacks"
)

func newStack(s domain.Stack) *view.Stack { return &view.Stack{Stack: s} }

func newStackView(v stacks.View) *view.Stack { return &view.Stack{Stack: v.Stack, Bare: v.Bare} }

// awakened warns of roles that the administrative flag had made ineffective.
func awakened(bindings int) string {
	if bindings == 0 {
		return ""
	}
	return fmt.Sprintf("%d other role bindings of the stack count from now on; while it was administrative they did not", bindings)
}

func newStackOutput(o domain.Output) *generated.StackOutput {
	return &generated.StackOutput{ID: o.Name, Description: o.Description, Sensitive: o.Sensitive, Value: o.Value}
}

// noIntegrations says truthfully that none is set up.
func noIntegrations() *generated.StackIntegrations {
	return &generated.StackIntegrations{
		AWS:            &generated.StackIntegrationAWS{},
		DriftDetection: &generated.DriftDetectionIntegration{Deleted: true, Timezone: "UTC"},
		GCP:            &generated.StackIntegrationGCP{},
		Slack:          &generated.StackIntegrationSlack{},
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
// those of its contexts in their order, each id once.
func (r *Resolver) effectiveConfig(ctx context.Context, id domain.StackID) ([]*generated.RuntimeConfigElement, error) {
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
		list, err := r.Contexts.Config(ctx, a.ContextOf.ID)
		if err != nil {
			return nil, err
		}
		add(list, &generated.RuntimeConfigElementContext{ID: string(a.ContextOf.ID), ContextName: a.ContextOf.Name})
	}
	return out, nil
}

var searchableStacks = searchable[domain.Stack]{
	id: func(s domain.Stack) string { return string(s.ID) },
	words: func(s domain.Stack) []string {
		return append([]string{s.Name, string(s.ID), s.Description, s.Repository}, s.Labels...)
	},
	fields: map[string]func(domain.Stack) []string{
		"id":             func(s domain.Stack) []string { return []string{string(s.ID)} },
		"slug":           func(s domain.Stack) []string { return []string{string(s.ID)} },
		"name":           func(s domain.Stack) []string { return []string{s.Name} },
		"description":    func(s domain.Stack) []string { return []string{s.Description} },
		"label":          func(s domain.Stack) []string { return s.Labels },
		"labels":         func(s domain.Stack) []string { return s.Labels },
		"space":          func(s domain.Stack) []string { return []string{string(s.Space)} },
		"branch":         func(s domain.Stack) []string { return []string{s.Branch} },
		"commit":         func(domain.Stack) []string { return nil },
		"repository":     func(s domain.Stack) []string { return []string{s.Repository} },
		"namespace":      func(s domain.Stack) []string { return []string{s.Namespace} },
		"provider":       func(s domain.Stack) []string { return []string{string(s.Provider)} },
		"projectRoot":    func(s domain.Stack) []string { return []string{s.ProjectRoot} },
		"state":          func(s domain.Stack) []string { return []string{string(newStack(s).State())} },
		"vendor":         vendorNames,
		"workerPool":     func(s domain.Stack) []string { return []string{string(s.WorkerPool)} },
		"administrative": func(s domain.Stack) []string { return []string{strconv.FormatBool(s.Administrative)} },
		"locked":         func(domain.Stack) []string { return []string{"false"} },
		"starred":        func(domain.Stack) []string { return []string{"false"} },
		"createdAt":      func(s domain.Stack) []string { return []string{sortableTime(s.CreatedAt)} },
		"stateSetAt":     func(s domain.Stack) []string { return []string{sortableTime(s.StateSetAt)} },
	},
}

// vendorNames are the spellings of a stack's tool that clients search for.
func vendorNames(s domain.Stack) []string {
	name := strings.TrimPrefix(view.TypeName(newStack(s).VendorConfig()), "StackConfigVendor")
	names := []string{name, strings.ToUpper(name)}
	switch name {
	case "OpenTofu":
		names = append(names, "OPEN_TOFU")
	case "CloudFormation":
		names = append(names, "CLOUD_FORMATION")
	}
	return names
}
