package graphql

import (
	"context"

	"github.com/airlock-project/airlock/internal/dependencies"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
)

// Dependencies are the use cases of stack dependencies.
type Dependencies interface {
	Of(ctx context.Context, id domain.StackID) ([]dependencies.View, error)
	On(ctx context.Context, id domain.StackID) ([]dependencies.View, error)
	Create(ctx context.Context, in dependencies.Input) (dependencies.View, error)
	CreateAll(ctx context.Context, stack domain.StackID, on []domain.StackID) ([]dependencies.View, error)
	Update(ctx context.Context, id domain.DependencyID, always *bool) (dependencies.View, error)
	Delete(ctx context.Context, id domain.DependencyID) (dependencies.View, error)
	AddReferences(ctx context.Context, id domain.DependencyID, in []domain.OutputReference) ([]domain.OutputReference, error)
	UpdateReferences(ctx context.Context, in []domain.OutputReference) ([]domain.OutputReference, error)
	DeleteReferences(ctx context.Context, ids []domain.ReferenceID) ([]domain.OutputReference, error)
}

func (r *Resolver) newDependency(ctx context.Context) func(dependencies.View) *view.StackDependency {
	return func(v dependencies.View) *view.StackDependency {
		upstream := r.newStack(ctx, v.UpstreamOf)
		upstream.Bare = v.Hidden
		return &view.StackDependency{StackDependency: v.StackDependency, StackOf: r.newStack(ctx, v.StackOf), UpstreamOf: upstream}
	}
}

// findDependency finds one of what a stack depends on by its id, or by the
// other stack where that is empty; nil if there is none.
func (r *Resolver) findDependency(ctx context.Context, stack domain.StackID, id string, on *string) (*view.StackDependency, error) {
	list, err := r.Dependencies.Of(ctx, stack)
	if err != nil {
		return nil, err
	}
	for _, v := range list {
		if string(v.ID) == id || id == "" && string(v.DependsOn) == text(on) {
			return r.newDependency(ctx)(v), nil
		}
	}
	return nil, nil
}

// outputReference checks how an output is handed on, in the one way there is.
func outputReference(how, id, input, output string, always bool) (domain.OutputReference, error) {
	ref := domain.OutputReference{ID: domain.ReferenceID(id), Output: output, Input: input, TriggerAlways: always}
	return ref, oneOf("type", how, string(domain.ConfigEnvironmentVariable))
}

func newReferences(in []*generated.StackDependencyReferenceInput) (out []domain.OutputReference, err error) {
	for _, i := range in {
		ref, err := outputReference(i.Type, "", i.InputName, i.OutputName, i.TriggerAlways)
		if err != nil {
			return nil, err
		}
		out = append(out, ref)
	}
	return out, nil
}

func changedReferences(in []*generated.StackDependencyReferenceUpdateInput) (out []domain.OutputReference, err error) {
	for _, i := range in {
		ref, err := outputReference(i.Type, i.ID, i.InputName, i.OutputName, i.TriggerAlways)
		if err != nil {
			return nil, err
		}
		out = append(out, ref)
	}
	return out, nil
}

// only is the single element of a list of one.
func only[T any](list []T, err error) (v T, _ error) {
	if err != nil || len(list) == 0 {
		return v, err
	}
	return list[0], nil
}

func newRunDependency(d domain.RunDependency) *generated.RunDependency {
	out := &generated.RunDependency{RunID: string(d.Upstream), StackID: string(d.Stack)}
	if d.Outcome != domain.OutcomeOpen {
		out.Outcome = &d.Outcome
	}
	return out
}

func idsOf[T ~string](names []string) []T {
	out := make([]T, len(names))
	for i, n := range names {
		out[i] = T(n)
	}
	return out
}
