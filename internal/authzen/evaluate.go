package authzen

import (
	"context"
	"net/http"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
)

// needsAll are the members of a question that may not be missing.
const needsAll = partSubject | partAction | partResource

// evaluation answers one question.
func (h *Handler) evaluation(ctx context.Context, caller access.Caller, body string, out []byte) ([]byte, error) {
	r, err := parse(body, 0)
	if err != nil {
		return out, err
	}
	return h.single(ctx, caller, r.question, out)
}

func (h *Handler) single(ctx context.Context, caller access.Caller, q question, out []byte) ([]byte, error) {
	questions := []question{q}
	if questions[0].complete(needsAll, true, true); questions[0].problem != "" {
		return out, badRequest(questions[0].problem)
	}
	a, err := h.ask(ctx, caller, refs(questions))
	if err != nil {
		return out, err
	}
	answer := a.answer(&questions[0])
	if answer.status == http.StatusForbidden {
		return out, a.errMayNotAsk()
	}
	return answer.append(out), nil
}

// evaluations answers several questions in their order, at one revision. A
// question that cannot be answered is a denial with an error in its context.
func (h *Handler) evaluations(ctx context.Context, caller access.Caller, body string, out []byte) ([]byte, error) {
	r, err := parse(body, partEvaluations|partOptions)
	if err != nil {
		return out, err
	}
	if len(r.evaluations) == 0 {
		return h.single(ctx, caller, r.question, out)
	}
	for i := range r.evaluations {
		r.evaluations[i].complete(needsAll, true, true)
	}
	a, err := h.ask(ctx, caller, refs(r.evaluations))
	if err != nil {
		return out, err
	}
	out = append(out, `{"evaluations":[`...)
	for i := range r.evaluations {
		if i > 0 {
			out = append(out, ',')
		}
		answer := a.answer(&r.evaluations[i])
		out = answer.append(out)
		if answer.decision && r.semantic == permitOnFirstPermit || !answer.decision && r.semantic == denyOnFirstDeny {
			break
		}
	}
	return append(out, `]}`...), nil
}

// answer answers one question.
func (a *asker) answer(q *question) answer {
	if q.problem != "" {
		return answer{status: http.StatusBadRequest, message: q.problem}
	}
	kind, knownSubject := actorKinds[q.subject.kind]
	action, knownAction := authz.ParseAction(q.action)
	switch {
	case !knownSubject:
		return answer{reason: reasonSubjectType}
	case !knownAction:
		return answer{reason: reasonAction}
	case !knownResource(q.resource.kind):
		return answer{reason: reasonResourceType}
	}
	who, where := authz.ActorRef{Kind: kind, ID: q.subject.id}, a.target(q.resource)
	if !a.Self(who) && !a.MayAsk(where) {
		return answer{status: http.StatusForbidden, message: a.errMayNotAsk().Error()}
	}
	return a.tell(a.decide(who, q.phase, action, where), a.Self(who), action, where)
}

// tell keeps of a decision what the caller may know of its reasons.
func (a *asker) tell(d authz.Decision, self bool, action authz.Action, where authz.Target) answer {
	switch {
	case d.Reason == authz.ReasonUnknownSpace, self && d.Outcome == authz.Hidden:
		return answer{reason: reasonNotFound}
	case !d.Allowed():
		return answer{reason: reasons[d.Reason], missing: action, space: where.Space}
	}
	out := answer{decision: true, reason: reasons[d.Reason]}
	if self || a.ViewsAccount() {
		out.tier, out.role, out.binding, out.group = d.Tier, d.Role(), d.Binding(), d.Group()
		if space := d.BindingSpace(); space != "" && a.Sees(space) {
			out.space = space
		}
	}
	return out
}
