package insight

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
)

// PathChanges is which escalation paths a change opens and closes.
type PathChanges struct {
	List []PathChange
	// Hidden counts the new paths that lead through something which is hidden
	// from the caller.
	Hidden int
	// More tells that the change is so large that not everything was compared.
	More bool
}

// PathChange is how a change matters to one goal.
type PathChange struct {
	Goal   Goal
	Gained []Path // at most maxNewPaths
	Total  int    // of the new paths that the caller may know of
	Lost   []Actor
}

// Goal is what somebody might come to hold.
type Goal struct {
	At       Target
	Action   authz.Action // zero: all of the role's
	RoleID   string
	RoleName string
}

// maxNewPaths is how many new paths to one goal a preview tells.
const maxNewPaths = 5

func (r *rehearsal) lookBefore(ctx context.Context, tx Tx) error {
	settings, err := tx.AccountSettings(ctx)
	if err != nil {
		return err
	}
	r.mode = actAsMode(settings.StackActAs)
	if x, ok := r.service.analyses.at(r.moment); ok {
		r.analysis, r.before = x.Analysis, x.estate
	} else { // it became old since it was made: what it is made of is read now
		r.before, err = tx.Estate(ctx)
	}
	r.after = r.before
	return err
}

// touchesEstate reports whether stacks may live or use something elsewhere
// after the change.
func (r *rehearsal) touchesEstate() bool {
	for _, g := range r.change.Gone {
		if g.Kind != authz.EntityNone || g.Part == "stack" {
			return true
		}
	}
	return len(r.change.Put.Stacks)+len(r.change.Put.Entities) > 0
}

// paths compares the escalation paths before and after.
func (r *rehearsal) paths(ctx context.Context, f access.Foresight) (d authz.PathDiff, err error) {
	done, err := r.service.analyses.wait(ctx)
	if err != nil {
		return d, err
	}
	defer done()
	if r.analysis == nil {
		x, err := r.service.analyses.make(r.moment, r.before)
		if err != nil {
			return d, err
		}
		r.analysis = x.Analysis
	}
	after, err := f.After.Analysis(r.after, r.moment.Time)
	if err != nil {
		return d, err
	}
	return after.Since(r.analysis, nil, authz.PathOptions{ActAs: r.mode})
}

// pathChanges shows what the caller may know of changed paths: those on which
// nothing is hidden from him.
func (e *effects) pathChanges(ctx context.Context, d authz.PathDiff) (out PathChanges, err error) {
	out.More = d.More
	for _, c := range d.Changes {
		var shown []authz.Path
		for _, p := range c.Gained {
			ok, err := e.mayKnow(ctx, p)
			if err != nil {
				return out, err
			}
			if ok {
				shown = append(shown, p)
			} else {
				out.Hidden++
			}
		}
		told := PathChange{Total: len(shown)}
		if told.Gained, err = e.paths(ctx, shown[:min(len(shown), maxNewPaths)]); err != nil {
			return out, err
		}
		e.unname(told.Gained)
		if e.ViewsAccount() && (e.MayAsk(c.Goal.Target) || e.after.MayAsk(c.Goal.Target)) {
			if err := e.know(ctx, c.Lost, nil); err != nil {
				return out, err
			}
			for _, who := range c.Lost {
				a, err := e.actor(ctx, who)
				if err != nil {
					return out, err
				}
				told.Lost = append(told.Lost, a)
			}
		}
		if len(told.Gained)+len(told.Lost) == 0 {
			continue
		}
		if told.Goal, err = e.goalOf(ctx, c.Goal); err != nil {
			return out, err
		}
		out.List = append(out.List, told)
	}
	return out, nil
}

// unname takes away the ids of bindings that are only tried out: when they are
// really made they get others.
func (e *effects) unname(list []Path) {
	for _, p := range list {
		for _, h := range p.Hops {
			for i := range h.Evidence {
				if e.fresh[h.Evidence[i].Binding] {
					h.Evidence[i].Binding = ""
				}
			}
		}
	}
}

// goalOf shows a goal.
func (e *effects) goalOf(ctx context.Context, g authz.Goal) (Goal, error) {
	n := pathNames{teller: e.teller, objects: map[authz.EntityRef]Target{}}
	where := authz.Path{Hops: []authz.Hop{{Target: g.Target}}}
	if err := n.learn(ctx, []authz.Path{where}); err != nil {
		return Goal{}, err
	}
	out := Goal{At: n.at(g.Target), Action: g.Action, RoleID: g.Role}
	for id, r := range e.roles {
		if g.Role == id || g.Role != "" && g.Role == r.Slug {
			out.RoleID, out.RoleName = id, r.Name
		}
	}
	return out, nil
}

// mayKnow reports whether nothing on a path is hidden from the caller.
func (e *effects) mayKnow(ctx context.Context, p authz.Path) (bool, error) {
	if e.RootAdmin() {
		return true, nil
	}
	if !e.ViewsAccount() {
		return false, nil
	}
	for _, h := range p.Hops {
		if !e.MayAsk(h.Target) && !e.after.MayAsk(h.Target) {
			return false, nil
		}
		for _, x := range []authz.PathNode{h.From, h.To} {
			ref := x.Object
			if ref.Kind == authz.EntityNone && x.Actor.Kind == authz.ActorStack {
				ref = authz.EntityRef{Kind: authz.EntityStack, ID: x.Actor.ID}
			}
			if ref.Kind == authz.EntityNone {
				continue
			}
			if t, err := e.entity(ctx, ref); err != nil || t == nil {
				return false, err
			}
		}
	}
	return true, nil
}
