package store

import (
	"context"
	"fmt"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectRequest = `select id, actor_kind, actor_id, actor_name, role_id, space_id, entity_kind, entity_id, duration, reason, state,
	created_at, lapses_at, decided_at, decided_by, note, binding_id from access_requests`

func scanRequest(s scanner) (r domain.AccessRequest, err error) {
	var kind, entity string
	var duration, created, lapses, decided int64
	err = s.Scan(&r.ID, &kind, &r.Actor.ID, &r.ActorName, &r.Role, &r.Space, &entity, &r.Entity.ID, &duration, &r.Reason, &r.State,
		&created, &lapses, &decided, &r.DecidedBy, &r.Note, &r.Binding)
	if err != nil {
		return r, err
	}
	r.Duration = time.Duration(duration) * time.Microsecond
	r.CreatedAt, r.LapsesAt, r.DecidedAt = fromMicros(created), fromMicros(lapses), fromMicros(decided)
	if r.Entity.Kind, err = entityKind(entity); err != nil {
		return r, err
	}
	r.Actor.Kind, err = actorKind(kind)
	return r, err
}

// AccessRequest returns one request for access.
func (tx *Tx) AccessRequest(ctx context.Context, id domain.AccessRequestID) (domain.AccessRequest, error) {
	return one(ctx, tx, "access request", scanRequest, selectRequest+` where id = $1`, id)
}

// OpenAccessRequests returns the requests of an actor that wait for a
// decision, oldest first.
func (tx *Tx) OpenAccessRequests(ctx context.Context, actor authz.ActorRef) ([]domain.AccessRequest, error) {
	return many(ctx, tx, scanRequest, selectRequest+` where actor_kind = $1 and actor_id = $2 and state = 'PENDING' and lapses_at > $3
		order by created_at, id`, actor.Kind.String(), actor.ID, micros(tx.now))
}

// AccessRequests returns up to limit requests of a filter behind a position,
// oldest first. A request that has lapsed is EXPIRED, also before that is noted.
func (tx *Tx) AccessRequests(ctx context.Context, f domain.RequestFilter, after domain.ListPosition, limit int) ([]domain.AccessRequest, error) {
	var w where
	w.behind(after)
	if f.Actor.ID != "" {
		w.add("actor_kind = ? and actor_id = ?", f.Actor.Kind.String(), f.Actor.ID)
	}
	switch f.State {
	case "":
	case domain.RequestPending:
		w.add("state = 'PENDING' and lapses_at > ?", micros(tx.now))
	case domain.RequestExpired:
		w.add("(state = 'EXPIRED' or state = 'PENDING' and lapses_at <= ?)", micros(tx.now))
	default:
		w.add("state = ?", f.State)
	}
	return many(ctx, tx, scanRequest, selectRequest+w.text()+fmt.Sprintf(" order by created_at, id limit %d", limit), w.args...)
}

// LapsedAccessRequests returns up to limit requests that nobody decided in time.
func (tx *Tx) LapsedAccessRequests(ctx context.Context, limit int) ([]domain.AccessRequest, error) {
	return many(ctx, tx, scanRequest, selectRequest+` where state = 'PENDING' and lapses_at <= $1 order by lapses_at, id limit $2`, micros(tx.now), limit)
}

// InsertAccessRequest keeps a new request.
func (tx *Tx) InsertAccessRequest(ctx context.Context, p access.Permit, r domain.AccessRequest) error {
	if err := tx.use(p, access.KindAccessRequest); err != nil {
		return err
	}
	return tx.exec(ctx, `insert into access_requests (id, actor_kind, actor_id, actor_name, role_id, space_id, entity_kind, entity_id, duration,
		reason, state, created_at, lapses_at, decided_at, decided_by, note, binding_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		r.ID, r.Actor.Kind.String(), r.Actor.ID, r.ActorName, r.Role, r.Space, entityColumn(r.Entity.Kind), r.Entity.ID, r.Duration.Microseconds(),
		r.Reason, r.State, micros(r.CreatedAt), micros(r.LapsesAt), micros(r.DecidedAt), r.DecidedBy, r.Note, r.Binding)
}

// CloseAccessRequest keeps how a request ended. What is not pending any more
// stays as it is, whatever the code above believes.
func (tx *Tx) CloseAccessRequest(ctx context.Context, p access.Permit, r domain.AccessRequest) error {
	if err := tx.use(p, access.KindAccessRequest); err != nil {
		return err
	}
	n, err := tx.execN(ctx, `update access_requests set state = $2, decided_at = $3, decided_by = $4, note = $5, binding_id = $6
		where id = $1 and state = 'PENDING'`, r.ID, r.State, micros(r.DecidedAt), r.DecidedBy, r.Note, r.Binding)
	if err == nil && n == 0 {
		return domain.Conflict("the access request is closed already")
	}
	return err
}

// ForgetAccessRequests removes requests that were closed before a time.
func (tx *Tx) ForgetAccessRequests(ctx context.Context, p access.Permit, before time.Time) error {
	if err := tx.use(p, access.KindAccessRequest); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from access_requests where state <> 'PENDING' and decided_at < $1`, micros(before))
}
