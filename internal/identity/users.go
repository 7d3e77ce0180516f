package identity

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// UserUpdate is what a caller changes of a user; nil members stay.
type UserUpdate struct {
	Name    *string
	SlackID *string
	Rules   *[]domain.AccessRule // all of them; other role bindings stay
}

// UserView is a user as others see him. What the identity provider reported is
// for admins of root only: Groups is nil for everybody else (security case 18).
type UserView struct {
	domain.User
	Status     domain.UserState
	GroupCount int
	SpaceCount int
	Roles      []Held
	Token      string // of the invitation, only in the answer that made it
}

// Rules are the access rules among the user's bindings.
func (v UserView) Rules() []Held { return rulesAmong(v.Roles) }

func rulesAmong(held []Held) []Held {
	var out []Held
	for _, h := range held {
		if h.AccessRule {
			out = append(out, h)
		}
	}
	return out
}

// User returns one user to whoever may view the account (access model A78).
func (s *Service) User(ctx context.Context, id domain.UserID) (v UserView, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if err := s.gate.AccountView(ctx, tx); err != nil {
			return err
		}
		u, err := tx.User(ctx, id)
		if err != nil {
			return err
		}
		v, err = s.userView(ctx, tx, u)
		return err
	})
	return v, err
}

// Users returns every user, oldest first.
func (s *Service) Users(ctx context.Context) (out []UserView, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if err := s.gate.AccountView(ctx, tx); err != nil {
			return err
		}
		users, err := tx.Users(ctx)
		if err != nil {
			return err
		}
		held, err := heldByAll(ctx, tx, authz.ActorUser)
		if err != nil {
			return err
		}
		private, err := s.seesReports(ctx, tx)
		for _, u := range users {
			out = append(out, newUserView(tx, u, held[string(u.ID)], private))
		}
		return err
	})
	return out, err
}

func (s *Service) userView(ctx context.Context, tx Tx, u domain.User) (UserView, error) {
	held, err := heldBy(ctx, tx, userActor(u.ID))
	if err != nil {
		return UserView{}, err
	}
	private, err := s.seesReports(ctx, tx)
	return newUserView(tx, u, held, private), err
}

func newUserView(tx Tx, u domain.User, held []Held, private bool) UserView {
	v := UserView{User: u, Status: u.StateAt(tx.Now()), GroupCount: len(u.Groups), SpaceCount: spacesOf(held), Roles: held}
	v.Invitation.TokenHash = nil // of no use to anybody who views a user
	v.Groups = nil
	if private {
		v.Groups = append([]string{}, u.Groups...)
	}
	return v
}

// seesReports reports whether the caller sees what the identity provider
// reported of users.
func (s *Service) seesReports(ctx context.Context, tx Tx) (bool, error) {
	err := s.gate.AccountRead(ctx, tx, access.KindUser)
	if domain.ErrorCode(err) == domain.CodeForbidden {
		return false, nil
	}
	return err == nil, err
}

func userActor(id domain.UserID) authz.ActorRef {
	return authz.ActorRef{Kind: authz.ActorUser, ID: string(id)}
}

// UpdateUser changes a user and replaces his access rules (access model A75).
func (s *Service) UpdateUser(ctx context.Context, id domain.UserID, in UserUpdate) (v UserView, err error) {
	op := userOperation("user.update", id)
	if in.Rules != nil {
		op.With = ruleSpaces(*in.Rules, nil)
	}
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		permit, u, err := s.permitUser(ctx, tx, op, id)
		if err != nil {
			return err
		}
		check := s.gate.GuardRootAdmin(ctx, tx, op)
		if in.Name != nil {
			u.Name = *in.Name
		}
		if in.SlackID != nil {
			u.SlackID = *in.SlackID
		}
		if err := u.Check(); err != nil {
			return err
		}
		if err := tx.UpdateUser(ctx, permit, u); err != nil {
			return err
		}
		if in.Rules != nil {
			if err := s.replaceRules(ctx, tx, permit, userActor(id), *in.Rules); err != nil {
				return err
			}
		}
		if v, err = s.userView(ctx, tx, u); err != nil {
			return err
		}
		return check()
	})
	return v, err
}

// DeleteUser takes everything from a user at once: his invitation, his roles,
// and that the account knows him. Somebody of the same name who is invited
// later has another id and nothing of it (access model A165, A166, security
// case 23).
func (s *Service) DeleteUser(ctx context.Context, id domain.UserID) (v UserView, err error) {
	op := userOperation("user.delete", id)
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		permit, u, err := s.permitUser(ctx, tx, op, id)
		if err != nil {
			return err
		}
		if v, err = s.userView(ctx, tx, u); err != nil {
			return err
		}
		check := s.gate.GuardRootAdmin(ctx, tx, op)
		if err := tx.DeleteUser(ctx, permit, id); err != nil {
			return err
		}
		return check()
	})
	return v, err
}

func (s *Service) permitUser(ctx context.Context, tx Tx, op access.Op, id domain.UserID) (access.Permit, domain.User, error) {
	permit, err := s.gate.Account(ctx, tx, op)
	if err != nil {
		return permit, domain.User{}, err
	}
	u, err := tx.User(ctx, id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return permit, u, s.gate.Missing(ctx, tx, op)
	}
	return permit, u, err
}

func userOperation(event string, id domain.UserID) access.Op {
	return access.Op{Event: event, Object: access.Object{Kind: access.KindUser, ID: string(id), Noun: "user"}}
}
