package bindings

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// RequestPage is a part of a list of requests.
type RequestPage struct {
	Views []RequestView
	More  bool // there is another page
}

// RequestQuery selects requests among those that the caller may see.
type RequestQuery struct {
	State     domain.AccessRequestState // empty: any
	Mine      bool                      // only his own
	Decidable bool                      // only those that he may decide now
}

// Requests returns up to size requests behind a position, oldest first: the
// caller's own, and those that he may decide, or might have.
func (s *Service) Requests(ctx context.Context, q RequestQuery, after domain.ListPosition, size int) (p RequestPage, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		l, err := s.decider(ctx, tx)
		if err != nil {
			return err
		}
		f := domain.RequestFilter{State: q.State}
		if q.Mine {
			f.Actor = l.own
		}
		for {
			list, err := tx.AccessRequests(ctx, f, after, batch)
			if err != nil {
				return err
			}
			for _, r := range list {
				after = domain.ListPosition{At: r.CreatedAt, ID: string(r.ID)}
				v, ok, err := l.look(ctx, r)
				if err != nil {
					return err
				}
				ok = ok && (v.CanDecide || !q.Decidable)
				if p.More = ok && len(p.Views) == size; p.More {
					return nil
				}
				if ok {
					p.Views = append(p.Views, v)
				}
			}
			if len(list) < batch {
				return nil
			}
		}
	})
	return p, err
}

// FindRequest returns one request to those who have it in their list.
func (s *Service) FindRequest(ctx context.Context, id domain.AccessRequestID) (v RequestView, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		r, err := tx.AccessRequest(ctx, id)
		if err != nil {
			return err
		}
		l, err := s.decider(ctx, tx)
		if err != nil {
			return err
		}
		found, ok, err := l.look(ctx, r)
		if err == nil && !ok {
			return domain.NotFound("access request")
		}
		v = found
		return err
	})
	return v, err
}

// decider shows requests to one caller.
type decider struct {
	*Service
	tx    Tx
	own   authz.ActorRef
	roles map[domain.RoleID]domain.Role
}

func (s *Service) decider(ctx context.Context, tx Tx) (d decider, err error) {
	d = decider{Service: s, tx: tx, roles: map[domain.RoleID]domain.Role{}}
	if d.own, err = asker(ctx); err != nil {
		return d, err
	}
	roles, err := tx.Roles(ctx)
	for _, r := range roles {
		d.roles[r.ID] = r
	}
	return d, err
}

// look returns a request as the caller sees it, if he does.
func (d decider) look(ctx context.Context, r domain.AccessRequest) (v RequestView, ok bool, err error) {
	own := r.Actor == d.own
	may := false
	if !own {
		if may, err = d.may(ctx, r); err != nil || !may {
			return v, false, err
		}
	}
	r.State = r.StateAt(d.tx.Now())
	role, there := d.roles[r.Role]
	return RequestView{AccessRequest: r, RoleSlug: role.Slug, CanDecide: may && there && r.State == domain.RequestPending}, true, nil
}

// may reports whether the caller could make the binding that is asked for.
func (d decider) may(ctx context.Context, r domain.AccessRequest) (bool, error) {
	op, err := d.insertion(ctx, d.tx, "", domain.Binding{Actor: r.Actor, Space: r.Space, Entity: r.Entity})
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	ok, err := d.gate.Holds(ctx, d.tx, authz.ActionRoleBindingManage, op.Object)
	if err != nil || !ok {
		return false, err
	}
	return d.gate.HoldsAll(ctx, d.tx, d.roles[r.Role].Actions, access.Object{Space: op.Object.Space, Entity: op.Object.Entity})
}
