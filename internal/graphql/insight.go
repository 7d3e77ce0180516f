package graphql

import (
	"slices"
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

func whoCanQuestion(in generated.WhoCanInput) (q insight.WhoQuestion, err error) {
	q.Action, _ = authz.ParseAction(in.Action) // the schema lets only actions through
	if q.On, err = targetRef(in.Target); err != nil {
		return q, err
	}
	if q.Limit, err = pageSize(in.First); err != nil {
		return q, err
	}
	for _, k := range actorKinds {
		if slices.Contains(in.Kinds, view.EnumOf(k)) {
			q.Kinds = append(q.Kinds, k)
		}
	}
	q.After, err = actorCursor(in.After)
	return q, err
}

// actorCursor is the last actor of the page before; zero for the first page.
func actorCursor(cursor *string) (authz.ActorRef, error) {
	after, err := parseCursor(text(cursor))
	if after == nil || err != nil {
		return authz.ActorRef{}, err
	}
	who := actorRef(&generated.RoleBindingActorInput{Kind: after.key, ID: after.id})
	if who.ID == "" {
		return who, domain.Invalid("after", "is not a cursor of an earlier page")
	}
	return who, nil
}

func newWhoCanPage(x insight.Who, after *string) *generated.WhoCanPage {
	out := &generated.WhoCanPage{
		Action: x.Action.Enum(), Target: view.NewAccessTarget(x.Target), TotalCount: x.Total, HiddenCount: x.Hidden,
		PageInfo: &generated.PageInfo{HasNextPage: x.More, HasPreviousPage: text(after) != ""},
	}
	for _, a := range x.Able {
		cursor := position{view.EnumOf(a.Actor.Kind), a.Actor.ID}.cursor()
		out.Edges = append(out.Edges, &generated.WhoCanEdge{Cursor: cursor, Node: &view.WhoCanActor{Able: a}})
		out.PageInfo.EndCursor = &cursor
	}
	return out
}
