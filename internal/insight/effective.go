package insight

import (
	"context"

	"github.com/airlock-project/airlock/authz"
)

// Effective is everything that an actor may do somewhere.
type Effective struct {
	Actor   Actor
	Target  Target
	Missing bool        // the target is not there, or hidden from the caller, who has asked about himself
	Level   authz.Level // of the target's space
	Tier    authz.Tier  // TierNone also if it is not for the caller
	Actions []EffectiveAction
}

// EffectiveAction is an action that is allowed.
type EffectiveAction struct {
	Action authz.Action
	Reason authz.Reason
	By     *Evidence // nil if it is not for the caller
}

// Effective answers what an actor may do on a target; the question names no
// action. About what is hidden from
// him, one learns about oneself that it is not there.
func (s *Service) Effective(ctx context.Context, q Question) (x Effective, err error) {
	err = s.tell(ctx, func(t *teller) error {
		x, err = t.effective(ctx, q)
		return err
	})
	return x, err
}

func (t *teller) effective(ctx context.Context, q Question) (x Effective, err error) {
	who, at, err := t.approach(ctx, q)
	if err != nil {
		return x, err
	}
	x.Target.Ref = q.On
	if x.Actor, err = t.actor(ctx, who); err != nil {
		return x, err
	}
	sub := t.Subject(who, q.Plan)
	allowed := t.Snapshot.Allowed(sub, at, t.Time)
	if x.Missing = t.Self(who) && allowed.Empty(); x.Missing {
		return x, nil
	}
	if x.Target, err = t.target(ctx, q.On, at); err != nil {
		return x, err
	}
	x.Level = t.Snapshot.Level(sub, at.Space, t.Time)
	may, err := t.holdings(ctx, who)
	if err != nil {
		return x, err
	}
	holder, place := t.Snapshot.Holder(sub), t.Snapshot.Place(at)
	hidden := false
	for _, a := range allowed.List() {
		e := holder.Explain(a, place, t.Time)
		one := EffectiveAction{Action: a, Reason: e.Reason}
		if may(e.By) {
			if err := t.know(ctx, nil, []string{e.By.Space}); err != nil {
				return x, err
			}
			one.By = &Evidence{e.By, t.roles[e.By.Role].Name, t.place(e.By.Space, e.By.Space == at.Space)}
			x.Tier = e.Held
		} else {
			hidden = true
		}
		x.Actions = append(x.Actions, one)
	}
	if hidden {
		x.Tier = authz.TierNone
	}
	return x, nil
}
