package insight

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
)

// WhoQuestion asks who may do an action on a target.
type WhoQuestion struct {
	Action authz.Action
	On     access.Ref
	Kinds  []authz.ActorKind // none: all
	After  authz.ActorRef    // the last actor of the page before; zero: the first page
	Limit  int               // largest number of actors wanted
}

// Who is a page of those who may.
type Who struct {
	Action authz.Action
	Target Target
	Able   []Able // by kind (users, keys, groups, stacks), then by id
	More   bool   // there are further ones behind this page
	// Total counts everybody of the kinds asked for, Hidden those of them who
	// are not for the caller and on no page.
	Total, Hidden int
}

// Able is an actor that may, and by what.
type Able struct {
	Actor  Actor
	Reason authz.Reason
	By     *Evidence // nil if it is not for the caller
}

// Who answers who may do an action on a target, for those who may ask about
// others there. A group stands for what it gives its members; those that are
// known are there themselves, too. A stack that is hidden from the caller is
// counted, unless he administers the target's space: what acts there is shown
// to him.
func (s *Service) Who(ctx context.Context, q WhoQuestion) (x Who, err error) {
	err = s.tell(ctx, func(t *teller) error {
		x, err = t.whoCan(ctx, q)
		return err
	})
	return x, err
}

func (t *teller) whoCan(ctx context.Context, q WhoQuestion) (x Who, err error) {
	at, err := t.aim(ctx, q.On)
	if err != nil {
		return x, err
	}
	x.Action = q.Action
	if x.Target, err = t.target(ctx, q.On, at); err != nil {
		return x, err
	}
	all := t.able(q, at)
	x.Total = len(all)
	if all, err = t.shown(ctx, all, at); err != nil {
		return x, err
	}
	x.Hidden = x.Total - len(all)
	from, found := slices.BinarySearchFunc(all, q.After, compareActors)
	if found {
		from++
	}
	all = all[from:]
	x.More = len(all) > q.Limit
	x.Able, err = t.witness(ctx, q.Action, at, all[:min(len(all), q.Limit)])
	return x, err
}

// able returns who may. About the caller it knows more than the world says:
// what his session brings.
func (t *teller) able(q WhoQuestion, at authz.Target) []authz.ActorRef {
	var all []authz.ActorRef
	for _, a := range t.Snapshot.Who(q.Action, at, t.Time) {
		if !t.Self(a.Actor) {
			all = append(all, a.Actor)
		}
	}
	self := t.Caller.Subject.Actor
	if t.Snapshot.Decide(t.Subject(self, false), q.Action, at, t.Time).Allowed() {
		i, _ := slices.BinarySearchFunc(all, self, compareActors)
		all = slices.Insert(all, i, self)
	}
	if q.Kinds == nil {
		return all
	}
	return slices.DeleteFunc(all, func(a authz.ActorRef) bool { return !slices.Contains(q.Kinds, a.Kind) })
}

func compareActors(a, b authz.ActorRef) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID))
}

// shown leaves out the stacks that are hidden from the caller.
func (t *teller) shown(ctx context.Context, all []authz.ActorRef, at authz.Target) ([]authz.ActorRef, error) {
	if t.RootAdmin() || t.administers(at.Space) {
		return all, nil
	}
	if err := t.locate(ctx, all); err != nil {
		return nil, err
	}
	var err error
	return slices.DeleteFunc(all, func(a authz.ActorRef) bool {
		if a.Kind != authz.ActorStack || t.Self(a) || err != nil {
			return false
		}
		sees, failed := t.seesStack(ctx, a.ID)
		err = failed
		return !sees
	}), err
}

// witness says by what each of a page may.
func (t *teller) witness(ctx context.Context, action authz.Action, at authz.Target, page []authz.ActorRef) ([]Able, error) {
	if err := t.locate(ctx, page); err != nil {
		return nil, err
	}
	found := make([]authz.Explanation, len(page))
	spaces := make([]string, len(page))
	for i, a := range page {
		found[i] = t.Snapshot.Explain(t.Subject(a, false), action, at, t.Time)
		spaces[i] = found[i].By.Space
	}
	if err := t.know(ctx, page, spaces); err != nil {
		return nil, err
	}
	out := make([]Able, len(page))
	for i, a := range page {
		may, err := t.holdings(ctx, a)
		if err != nil {
			return nil, err
		}
		out[i].Reason = found[i].Reason
		if out[i].Actor, err = t.actor(ctx, a); err != nil {
			return nil, err
		}
		if by := found[i].By; may(by) {
			out[i].By = &Evidence{by, t.roles[by.Role].Name, t.place(by.Space, by.Space == at.Space)}
		}
	}
	return out, nil
}
