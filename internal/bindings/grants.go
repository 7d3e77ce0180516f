package bindings

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Page is a part of a list of bindings.
type Page struct {
	Views []View
	More  bool // there is another page
}

// batch is how many bindings are read at a time to fill a page.
const batch = 200

// List returns up to size bindings of a filter that the caller may see, behind
// a position, oldest first. Whoever may view the account sees those of users,
// keys and groups; a stack's are seen by those who see the stack, and by the
// admins of the space that it acts in.
func (s *Service) List(ctx context.Context, f domain.BindingFilter, after domain.ListPosition, size int) (p Page, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		l, err := s.looker(ctx, tx)
		if err != nil {
			return err
		}
		f.OnlyStacks = f.OnlyStacks || !l.account
		if f.Role != "" {
			if f.Role, err = roleID(ctx, tx, f.Role); f.Role == "" {
				return err
			}
		}
		for {
			rows, err := tx.BindingRows(ctx, f, after, batch)
			if err != nil {
				return err
			}
			for _, r := range rows {
				after = domain.ListPosition{At: r.CreatedAt, ID: string(r.ID)}
				v, ok, err := l.look(ctx, r)
				if err != nil {
					return err
				}
				if p.More = ok && len(p.Views) == size; p.More {
					return nil
				}
				if ok {
					p.Views = append(p.Views, v)
				}
			}
			if len(rows) < batch {
				return nil
			}
		}
	})
	return p, err
}

// Count returns how many bindings of a role the caller may see, those that have
// expired left out.
func (s *Service) Count(ctx context.Context, role domain.RoleID) (n int, err error) {
	var after domain.ListPosition
	expired := false
	for {
		p, err := s.List(ctx, domain.BindingFilter{Role: role, Expired: &expired}, after, batch)
		if err != nil {
			return 0, err
		}
		n += len(p.Views)
		if !p.More {
			return n, nil
		}
		last := p.Views[len(p.Views)-1]
		after = domain.ListPosition{At: last.CreatedAt, ID: string(last.ID)}
	}
}

// roleID returns the id of a role, empty for one that does not exist.
func roleID(ctx context.Context, tx Tx, ref domain.RoleID) (domain.RoleID, error) {
	role, err := findRole(ctx, tx, ref)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return "", nil
	}
	return role.ID, err
}

// Find returns one binding, whoever holds it and whatever it names, to those
// who have it in their list.
func (s *Service) Find(ctx context.Context, id domain.BindingID) (v View, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		row, err := tx.BindingRow(ctx, id)
		if err != nil {
			return err
		}
		l, err := s.looker(ctx, tx)
		if err != nil {
			return err
		}
		found, ok, err := l.look(ctx, row)
		if err == nil && !ok {
			return domain.NotFound("role binding")
		}
		v = found
		return err
	})
	return v, err
}

// Remove deletes a binding, whoever holds it and whatever it names.
func (s *Service) Remove(ctx context.Context, id domain.BindingID) (View, error) {
	return s.remove(ctx, id, func(domain.Binding) bool { return true })
}

// looker shows bindings to one caller.
type looker struct {
	tx      Tx
	gate    *access.Gate
	account bool // may view the account
	roles   map[domain.RoleID]domain.Role
}

func (s *Service) looker(ctx context.Context, tx Tx) (looker, error) {
	l := looker{tx: tx, gate: s.gate, roles: map[domain.RoleID]domain.Role{}}
	err := s.gate.AccountView(ctx, tx)
	if err != nil && domain.ErrorCode(err) != domain.CodeForbidden {
		return l, err
	}
	l.account = err == nil
	roles, err := tx.Roles(ctx)
	for _, r := range roles {
		l.roles[r.ID] = r
	}
	return l, err
}

// look returns a binding as the caller sees it, if he does: names of what is
// hidden from him are left out.
func (l looker) look(ctx context.Context, r domain.BindingRow) (v View, ok bool, err error) {
	if r.Actor.Kind == authz.ActorStack {
		stack := stackObject(domain.Stack{ID: domain.StackID(r.Actor.ID), StackSettings: domain.StackSettings{Space: r.ActorSpace}})
		sees, err := l.sees(ctx, authz.ActionStackRead, stack)
		if err != nil {
			return v, false, err
		}
		if !sees {
			r.ActorName = ""
			level, err := l.gate.Level(ctx, l.tx, r.Home)
			if err != nil || level != authz.LevelAdmin {
				return v, false, err
			}
		}
	} else if !l.account {
		return v, false, nil
	}
	if r.Entity != (authz.EntityRef{}) {
		sees, err := l.sees(ctx, finerRead[r.Entity.Kind], access.Object{Space: r.Home, Entity: r.Entity})
		if err != nil {
			return v, false, err
		}
		if !sees {
			r.EntityName = ""
		}
	}
	return View{BindingRow: r, Role: l.roles[r.Role], Expired: r.Binding.Expired(l.tx.Now())}, true, nil
}

func (l looker) sees(ctx context.Context, finer authz.Action, o access.Object) (bool, error) {
	err := l.gate.See(ctx, l.tx, finer, o)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return false, nil
	}
	return err == nil, err
}
