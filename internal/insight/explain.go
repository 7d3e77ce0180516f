package insight

import (
	"context"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Question asks whether an actor may do an action, and why.
type Question struct {
	Actor  authz.ActorRef // zero: the caller
	Action authz.Action   // zero, with On: whether he administers the account
	On     access.Ref
	Plan   bool // for a stack: in the part of a run that only reads
}

// Explanation is a decision in a form that a person understands.
type Explanation struct {
	Outcome authz.Outcome
	Reason  authz.Reason
	// Missing says that nothing is there, or that it is hidden from the caller,
	// who has asked about himself: nothing else is told then.
	Missing      bool
	Step         int // of the decision procedure
	Actor        Actor
	Action       authz.Action
	Account      bool // the question is whether he administers the account
	Target       Target
	Fallback     authz.Tier // allows the action without naming it
	Held         authz.Tier // by the actor there; TierNone if that is not for the caller
	ActorExpired bool

	// By is what allowed, Baseline what makes space:read effective, Lapsed what
	// would have allowed, had it not expired. Each is nil if there is none, or if
	// it is not for the caller.
	By, Baseline, Lapsed *Evidence
	// Nearest are, for a denial, the bindings that come closest.
	Nearest []Evidence
	// Roles are roles that suffice by themselves when bound to the target.
	Roles []Role
	// Way leads from where the role is bound, or space:read comes from, to the
	// target's space.
	Way []Step
	// Hidden and HiddenRoles count the evidence and the roles that are not for
	// the caller.
	Hidden, HiddenRoles int
}

// Evidence is something that the actor holds, as the caller may know it.
type Evidence struct {
	authz.Evidence
	RoleName string
	At       Place // where it is bound; for an entity, where that lives
}

// Role is a role that would allow what was denied.
type Role struct {
	authz.RoleHint
	Name string
}

// Step is a space on the way of a right through the tree.
type Step struct {
	Place
	Inherits bool // from its parent
}

// Explain answers why an actor may do an action, or what he lacks. About what
// is hidden from him, one learns about oneself that it is not there.
func (s *Service) Explain(ctx context.Context, q Question) (x Explanation, err error) {
	err = s.tell(ctx, func(t *teller) error {
		x, err = t.explain(ctx, q)
		return err
	})
	return x, err
}

func (t *teller) explain(ctx context.Context, q Question) (Explanation, error) {
	account := q.Action == 0
	if account {
		q.Action, q.On = authz.ActionSpaceAdmin, access.Ref{Kind: access.KindSpace, ID: authz.RootSpace}
	}
	who, at, err := t.approach(ctx, q)
	if err != nil {
		return Explanation{}, err
	}
	sub := t.Subject(who, q.Plan)
	e := t.Snapshot.Explain(sub, q.Action, at, t.Time)
	if account {
		e = t.Snapshot.ExplainAccount(sub, t.Time)
	}
	x := Explanation{
		Outcome: e.Outcome, Reason: e.Reason, Step: e.Step, Action: q.Action, Fallback: e.Fallback,
		Account: account, Target: Target{Ref: q.On},
	}
	if x.Actor, err = t.actor(ctx, who); err != nil {
		return x, err
	}
	if e.Reason == authz.ReasonUnknownSpace || t.Self(who) && e.Outcome == authz.Hidden {
		x.Outcome, x.Reason, x.Missing, x.Step = authz.Hidden, authz.ReasonUnknownSpace, true, 4
		return x, nil
	}
	if x.Target, err = t.target(ctx, q.On, at); err != nil {
		return x, err
	}
	return x, t.support(ctx, &x, &e, who)
}

// support adds to an explanation what it rests on, as far as the caller may
// know that.
func (t *teller) support(ctx context.Context, x *Explanation, e *authz.Explanation, who authz.ActorRef) error {
	may, err := t.holdings(ctx, who)
	if err != nil {
		return err
	}
	cited := append([]authz.Evidence{e.By, e.Baseline, e.Lapsed}, e.Nearest...)
	spaces := make([]string, len(cited))
	for i := range cited {
		spaces[i] = cited[i].Space
	}
	if err := t.know(ctx, nil, spaces); err != nil {
		return err
	}
	here := string(x.Target.Space.ID)
	show := func(e authz.Evidence) *Evidence {
		if e.Kind == authz.EvidenceNone {
			return nil
		}
		if !may(e) {
			x.Hidden++
			return nil
		}
		return &Evidence{e, t.roles[e.Role].Name, t.place(e.Space, e.Space == here)}
	}
	if e.By == e.Baseline {
		x.By = show(e.By)
		x.Baseline = x.By
	} else {
		x.By, x.Baseline = show(e.By), show(e.Baseline)
	}
	x.Lapsed = show(e.Lapsed)
	for _, n := range e.Nearest {
		if shown := show(n); shown != nil {
			x.Nearest = append(x.Nearest, *shown)
		}
	}
	if x.Hidden == 0 {
		x.Held, x.ActorExpired = e.Held, e.ActorExpired
	}
	x.Roles, x.HiddenRoles = t.hints(e.Roles)
	if x.By != nil {
		x.Way, err = t.way(ctx, x.By, here)
	}
	return err
}

// hints shows the roles that would do: system roles to everybody, others to
// those who may view the account.
func (t *teller) hints(list []authz.RoleHint) (shown []Role, hidden int) {
	for _, r := range list {
		role := t.roles[r.ID]
		if !role.System && !t.ViewsAccount() {
			hidden++
			continue
		}
		shown = append(shown, Role{r, role.Name})
	}
	return shown, hidden
}

// way leads from the space of a binding to the one that was asked about: down
// from above, or up from below. It is empty for a role on the entity itself.
func (t *teller) way(ctx context.Context, e *Evidence, here string) ([]Step, error) {
	low, high := here, e.Space
	switch e.Relation {
	case authz.RelationHere, authz.RelationAbove:
	case authz.RelationClimbs:
		low, high = e.Space, here
	default:
		return nil, nil
	}
	path, err := t.tx.Path(ctx, domain.SpaceID(low))
	if err != nil {
		return nil, err
	}
	var way []Step
	for _, s := range path {
		t.spaces[string(s.ID)] = s.Name
		known := s.ID == domain.SpaceID(here) || s.ID == e.At.ID
		way = append(way, Step{t.place(string(s.ID), known), s.Inherit})
		if string(s.ID) == high {
			break
		}
	}
	if e.Relation != authz.RelationClimbs {
		slices.Reverse(way)
	}
	return way, nil
}

// approach finds what a question is about: who is asked about, and the target
// as the caller may know it.
func (t *teller) approach(ctx context.Context, q Question) (who authz.ActorRef, at authz.Target, err error) {
	who = t.who(q.Actor)
	find := t.aim
	if t.Self(who) {
		find = t.find
	}
	if at, err = find(ctx, q.On); err == nil {
		err = t.meet(ctx, who, at)
	}
	return who, at, err
}
