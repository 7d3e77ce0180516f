package identity

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// InviteInput is who is invited, and with what.
type InviteInput struct {
	Username string
	Name     string
	Email    string
	Rules    []domain.AccessRule // the older way to give roles
	Roles    []RoleAt
}

// InviteUser records a user with an invitation and his roles (access model
// A75, A167). It delivers nothing: the token is in the answer, once, for
// whoever hands it on.
func (s *Service) InviteUser(ctx context.Context, in InviteInput) (v UserView, err error) {
	op := userOperation("user.invite", "")
	op.With = ruleSpaces(in.Rules, in.Roles)
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		permit, err := s.gate.Account(ctx, tx, op)
		if err != nil {
			return err
		}
		u := domain.User{
			ID: domain.UserID(s.ids.ULID()), Username: in.Username, Name: in.Name,
			Invitation: domain.Invitation{Email: in.Email}, CreatedAt: tx.Now(), CreatedBy: access.Name(ctx),
		}
		token := invite(&u, tx)
		if err := u.Check(); err != nil {
			return err
		}
		if err := s.checkNew(ctx, tx, op, u); err != nil {
			return err
		}
		permit = permit.About(string(u.ID))
		if err := tx.InsertUser(ctx, permit, u); err != nil {
			return err
		}
		if err := s.replaceRules(ctx, tx, permit, userActor(u.ID), in.Rules); err != nil {
			return err
		}
		if err := s.giveRoles(ctx, tx, permit, userActor(u.ID), in.Roles); err != nil {
			return err
		}
		v, err = s.userView(ctx, tx, u)
		v.Token = token
		return err
	})
	return v, err
}

// invite gives a user a fresh invitation; an older one is worth nothing then.
func invite(u *domain.User, tx Tx) (token string) {
	token = NewSecret()
	u.State = domain.UserPending
	u.Invitation.TokenHash = HashSecret(token)
	u.Invitation.IssuedAt, u.Invitation.ExpiresAt = tx.Now(), tx.Now().Add(domain.InvitationLife)
	return token
}

// checkNew refuses a username that is taken, and a second invitation to an
// address that has one, open or run out (access model A164).
func (s *Service) checkNew(ctx context.Context, tx Tx, op access.Op, u domain.User) error {
	_, err := tx.UserByUsername(ctx, u.Username)
	if err == nil {
		return s.gate.Refuse(ctx, tx, op, domain.Conflict("there is a user of this name already"))
	}
	if domain.ErrorCode(err) != domain.CodeNotFound {
		return err
	}
	_, err = tx.UserInvitedAt(ctx, u.Invitation.Email)
	if err == nil {
		return s.gate.Refuse(ctx, tx, op, domain.Conflict("there is an invitation to this address already; send it again, or delete the user first"))
	}
	if domain.ErrorCode(err) != domain.CodeNotFound {
		return err
	}
	return nil
}

// ResendInvite replaces an invitation that is open or has run out by a fresh
// one (access model A163). Like InviteUser it delivers nothing.
func (s *Service) ResendInvite(ctx context.Context, id domain.UserID) (v UserView, err error) {
	op := userOperation("user.resend_invite", id)
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		permit, u, err := s.permitUser(ctx, tx, op, id)
		if err != nil {
			return err
		}
		if u.State != domain.UserPending {
			return s.gate.Refuse(ctx, tx, op, domain.Conflict("only an invitation that is open or has expired can be sent again; this user is %s", u.State))
		}
		token := invite(&u, tx)
		if err := tx.UpdateUser(ctx, permit, u); err != nil {
			return err
		}
		v, err = s.userView(ctx, tx, u)
		v.Token = token
		return err
	})
	return v, err
}

// Invitee returns whom an invitation is for: what a sign-in asks before it
// lets anybody in. A token that is unknown, replaced, revoked or expired gets
// the same NotFound.
func (s *Service) Invitee(ctx context.Context, token string) (u domain.User, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		u, err = tx.UserByInvitation(ctx, HashSecret(token))
		if err == nil && u.StateAt(tx.Now()) != domain.UserPending {
			return domain.NotFound("invitation")
		}
		return err
	})
	if err != nil {
		return domain.User{}, err
	}
	u.Invitation.TokenHash = nil
	return u, nil
}
