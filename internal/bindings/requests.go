package bindings

import (
	"context"
	"errors"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// RequestView is a request with the role that it is about, as its caller may
// see it.
type RequestView struct {
	domain.AccessRequest        // its state is that of the moment
	RoleSlug             string // empty for a role that is gone
	CanDecide            bool   // the caller may grant or refuse it now
	Warnings             []string
}

// RequestInput is what an asker wishes for himself.
type RequestInput struct {
	Role     domain.RoleID // or the role's slug
	Space    domain.SpaceID
	Entity   authz.EntityRef // instead of a space
	Duration time.Duration   // of the grant, from the decision on
	Reason   string
}

// Request asks for a role for the caller. Whether the space or the entity
// exists is not looked up, so that the answer tells nothing of what is hidden
// from the asker (access model R23): nobody can decide about what is missing.
func (s *Service) Request(ctx context.Context, in RequestInput) (v RequestView, err error) {
	// Alone, so that the number of open requests holds.
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		r := domain.AccessRequest{
			ID: domain.AccessRequestID(s.ids.ULID()), ActorName: access.Name(ctx), Space: in.Space, Entity: in.Entity, Duration: in.Duration,
			Reason: in.Reason, State: domain.RequestPending, CreatedAt: tx.Now(), LapsesAt: tx.Now().Add(domain.RequestLapse),
		}
		op := requestOperation("access_request.create", r)
		permit, err := s.gate.Self(ctx, tx, op)
		if err != nil {
			return err
		}
		if err := r.Check(); err != nil {
			return err
		}
		if r.Actor, err = asker(ctx); err != nil {
			return err
		}
		role, err := findRole(ctx, tx, in.Role)
		if err != nil {
			return invalid("role", err)
		}
		r.Role = role.ID
		if err := s.guardOpen(ctx, tx, op, r); err != nil {
			return err
		}
		v = RequestView{AccessRequest: r, RoleSlug: role.Slug}
		return tx.InsertAccessRequest(ctx, permit, r)
	})
	return v, err
}

func asker(ctx context.Context) (authz.ActorRef, error) {
	caller, err := access.CallerFrom(ctx)
	return caller.Subject.Actor, err
}

// guardOpen bounds what one actor can have waiting.
func (s *Service) guardOpen(ctx context.Context, tx Tx, op access.Op, r domain.AccessRequest) error {
	open, err := tx.OpenAccessRequests(ctx, r.Actor)
	if err != nil {
		return err
	}
	if len(open) >= domain.MaxOpenRequests {
		return s.gate.Refuse(ctx, tx, op, domain.Conflict("%d of your access requests wait for a decision, which is as many as can; cancel one first", len(open)))
	}
	for _, o := range open {
		if o.Role == r.Role && o.Space == r.Space && o.Entity == r.Entity {
			return s.gate.Refuse(ctx, tx, op, domain.Conflict("access request %s for the same waits for a decision already", o.ID))
		}
	}
	return nil
}

// Grant decides a request by a binding from now on. It takes whoever could make
// that binding, and never the asker.
func (s *Service) Grant(ctx context.Context, id domain.AccessRequestID, note string) (RequestView, error) {
	return s.decide(ctx, id, "access_request.grant", domain.RequestGranted, note)
}

// Refuse decides a request against it. It takes the same as granting it.
func (s *Service) Refuse(ctx context.Context, id domain.AccessRequestID, note string) (RequestView, error) {
	return s.decide(ctx, id, "access_request.refuse", domain.RequestRefused, note)
}

func (s *Service) decide(ctx context.Context, id domain.AccessRequestID, event string, to domain.AccessRequestState, note string) (v RequestView, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		r, err := tx.AccessRequest(ctx, id)
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return s.gate.Missing(ctx, tx, requestOperation(event, domain.AccessRequest{ID: id}))
		}
		if err != nil {
			return err
		}
		b := s.wish(ctx, tx, r)
		op, permit, err := s.permitDecision(ctx, tx, event, r, &b)
		if err != nil {
			return err
		}
		if err := domain.CheckNote(note); err != nil {
			return err
		}
		if err := r.Close(to, tx.Now(), access.Name(ctx), note); err != nil {
			return s.refusal(ctx, tx, op, err)
		}
		v = RequestView{AccessRequest: r}
		if to != domain.RequestGranted {
			return s.closeRequest(ctx, tx, permit, &v)
		}
		v.Binding = b.ID
		if err := s.closeRequest(ctx, tx, permit, &v); err != nil {
			return err
		}
		return s.fulfil(ctx, tx, op, permit.For(access.KindRoleBinding), b, &v)
	})
	return v, err
}

// wish is the binding that a request asks for, from now on.
func (s *Service) wish(ctx context.Context, tx Tx, r domain.AccessRequest) domain.Binding {
	return s.newBinding(ctx, tx, Grant{Actor: r.Actor, Input: Input{
		// In whole seconds, as the API shows it.
		Role: r.Role, Space: r.Space, Entity: r.Entity, NotAfter: tx.Now().Add(r.Duration).Truncate(time.Second),
	}})
}

// permitDecision asks for what making the binding would take; the asker alone
// is told that he cannot decide.
func (s *Service) permitDecision(ctx context.Context, tx Tx, event string, r domain.AccessRequest, b *domain.Binding) (access.Op, access.Permit, error) {
	op, err := s.insertion(ctx, tx, event, *b)
	op.Object.Kind, op.Object.ID, op.Object.Noun = access.KindAccessRequest, string(r.ID), "access request"
	own, callerErr := asker(ctx)
	switch {
	case callerErr != nil:
		return op, access.Permit{}, callerErr
	case own == r.Actor:
		return op, access.Permit{}, s.gate.Refuse(ctx, tx, op, &domain.Error{
			Code: domain.CodeForbidden, Message: "forbidden: nobody decides his own access request",
		})
	case domain.ErrorCode(err) == domain.CodeNotFound:
		return op, access.Permit{}, s.gate.Missing(ctx, tx, op)
	case err != nil:
		return op, access.Permit{}, err
	}
	permit, err := s.permitOp(ctx, tx, op, b)
	var denial *access.Denial
	switch {
	case errors.As(err, &denial):
		err = denial.Concealed(op.Object.Noun) // only those who may decide see a request
	case domain.ErrorCode(err) == domain.CodeInvalid: // the asker or the role is gone
		err = s.refusal(ctx, tx, op, domain.Conflict("what was asked for cannot be given any more: %s", err))
	}
	return op, permit, err
}

// refusal records why a well-formed decision cannot be made.
func (s *Service) refusal(ctx context.Context, tx Tx, op access.Op, err error) error {
	return s.gate.Refuse(ctx, tx, op, domain.Conflict("%s", err))
}

func (s *Service) closeRequest(ctx context.Context, tx Tx, p access.Permit, v *RequestView) (err error) {
	if v.RoleSlug, err = roleSlug(ctx, tx, v.Role); err != nil {
		return err
	}
	return tx.CloseAccessRequest(ctx, p, v.AccessRequest)
}

// fulfil makes the binding that was asked for. One of the same kind that ends
// earlier gives way to it.
func (s *Service) fulfil(ctx context.Context, tx Tx, op access.Op, p access.Permit, b domain.Binding, v *RequestView) error {
	held, err := tx.BindingsOf(ctx, b.Actor)
	if err != nil {
		return err
	}
	for _, h := range held {
		if h.Role != b.Role || h.Space != b.Space || h.Entity != b.Entity || h.Expired(tx.Now()) {
			continue
		}
		if h.NotAfter.IsZero() || !h.NotAfter.Before(b.NotAfter) {
			return s.refusal(ctx, tx, op, domain.Conflict("the asker holds that already, by role binding %s", h.ID))
		}
		if err := tx.DeleteBinding(ctx, p, h.ID); err != nil {
			return err
		}
	}
	made, err := insert(ctx, tx, p, b)
	v.Warnings = made.Warnings
	return err
}

// Cancel takes a request of the caller's own back.
func (s *Service) Cancel(ctx context.Context, id domain.AccessRequestID) (v RequestView, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		const event = "access_request.cancel"
		r, err := tx.AccessRequest(ctx, id)
		if err != nil && domain.ErrorCode(err) != domain.CodeNotFound {
			return err
		}
		missing := err != nil
		own, err := asker(ctx)
		if err != nil {
			return err
		}
		if missing || own != r.Actor {
			return s.gate.Missing(ctx, tx, requestOperation(event, domain.AccessRequest{ID: id}))
		}
		op := requestOperation(event, r)
		permit, err := s.gate.Self(ctx, tx, op)
		if err != nil {
			return err
		}
		if err := r.Close(domain.RequestCanceled, tx.Now(), access.Name(ctx), ""); err != nil {
			return s.refusal(ctx, tx, op, err)
		}
		v = RequestView{AccessRequest: r}
		return s.closeRequest(ctx, tx, permit, &v)
	})
	return v, err
}

func roleSlug(ctx context.Context, tx Tx, id domain.RoleID) (string, error) {
	role, err := tx.Role(ctx, id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return "", nil
	}
	return role.Slug, err
}

func requestOperation(event string, r domain.AccessRequest) access.Op {
	return access.Op{
		Event:  event,
		Object: access.Object{Kind: access.KindAccessRequest, ID: string(r.ID), Noun: "access request", Space: r.Space},
	}
}
