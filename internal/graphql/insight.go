package graphql

import (
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/insight"
)

func newAccessExplanation(x insight.Explanation) *view.AccessExplanation {
	return &view.AccessExplanation{Explanation: x}
}

func newEffectiveAccess(x insight.Effective) *view.EffectiveAccess {
	return &view.EffectiveAccess{Effective: x}
}

// targetRef is what a question is about.
func targetRef(in *generated.AccessTargetInput) (access.Ref, error) {
	if in.ID == "" {
		return access.Ref{}, domain.Invalid("target", "must have an id")
	}
	return access.Ref{Kind: access.Kind(strings.ToLower(in.Kind)), ID: in.ID}, nil
}

// askedActor is who a question is about; the zero value is the caller.
func askedActor(in *generated.RoleBindingActorInput) (authz.ActorRef, error) {
	if in != nil && in.ID == "" {
		return authz.ActorRef{}, domain.Invalid("actor", "must have an id")
	}
	return actorRef(in), nil
}

func explainQuestion(in generated.ExplainAccessInput) (q insight.Question, err error) {
	q.Plan = isTrue(in.Plan)
	if q.Actor, err = askedActor(in.Actor); err != nil {
		return q, err
	}
	switch {
	case in.Action == nil && in.Target == nil:
		return q, nil
	case in.Action == nil:
		return q, domain.Invalid("action", "must be given with a target")
	case in.Target == nil:
		return q, domain.Invalid("target", "must be given with an action")
	}
	q.Action, _ = authz.ParseAction(*in.Action) // the schema lets only actions through
	q.On, err = targetRef(in.Target)
	return q, err
}

func effectiveQuestion(in generated.EffectiveAccessInput) (q insight.Question, err error) {
	q.Plan = isTrue(in.Plan)
	if q.Actor, err = askedActor(in.Actor); err != nil {
		return q, err
	}
	q.On, err = targetRef(in.Target)
	return q, err
}
