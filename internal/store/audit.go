package store

import (
	"context"
	"errors"
	"strings"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// insertAudit writes one audit row and the outbox row that carries it outside.
func (tx *Tx) insertAudit(ctx context.Context, r access.Record) error {
	call := access.CallFrom(ctx)
	args := "{}"
	if call.Args != nil {
		args = toJSON(call.Args)
	}
	roles := ""
	if len(r.ActorRoles) > 0 {
		roles = toJSON(r.ActorRoles)
	}
	spaces := make([]string, len(r.Spaces))
	for i, s := range r.Spaces {
		spaces[i] = legible(string(s))
	}
	e := domain.AuditEntry{ID: domain.AuditID(tx.store.IDs.ULID()), At: tx.now}
	err := tx.exec(ctx, `insert into audit_log (id, at, actor, actor_roles, event, mutation, action, object_kind, object_id, spaces, args,
		outcome, reason, remote_ip, request_id, run_id, stack_id, revision, uses, acted_as)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
		e.ID, micros(e.At), r.Actor, roles, r.Event, call.Mutation, r.Action, string(r.ObjectKind), legible(r.ObjectID), toJSON(spaces), args,
		r.Outcome, legible(r.Reason), call.RemoteIP, call.RequestID, r.Run, r.Stack, r.Revision, uses(r.Uses), actedAs(r.ActedAs))
	if err != nil {
		return err
	}
	if err := tx.countUses(ctx, e.ID, r.Uses); err != nil {
		return err
	}
	return tx.emit(ctx, domain.TopicAudit, string(e.ID), "")
}

// uses is empty for none, so that rows with evidence can be told apart.
func uses(u []domain.AuditUse) string {
	if len(u) == 0 {
		return ""
	}
	return toJSON(u)
}

// actedAs is empty where nobody's role was used but the actor's own.
func actedAs(a *domain.ActedAs) string {
	if a == nil {
		return ""
	}
	return toJSON(a)
}

// legible makes a text that a caller chose fit to be recorded: a refusal is
// recorded whatever was asked for, but not at any length.
func legible(text string) string {
	const most = 300
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "\uFFFD"), "\uFFFD")
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "..."
	}
	return text
}

const selectAudit = `select position, id, at, actor, actor_roles, event, mutation, action, object_kind, object_id, spaces, args,
	outcome, reason, remote_ip, request_id, run_id, stack_id, revision, uses, acted_as from audit_log`

func scanAudit(s scanner) (e domain.AuditEntry, err error) {
	var at int64
	var roles, spaces, uses, acted string
	err = s.Scan(&e.Sequence, &e.ID, &at, &e.Actor, &roles, &e.Event, &e.Mutation, &e.Action, &e.ObjectKind, &e.ObjectID, &spaces, &e.Args,
		&e.Outcome, &e.Reason, &e.RemoteIP, &e.RequestID, &e.RunID, &e.StackID, &e.Revision, &uses, &acted)
	if err != nil {
		return e, err
	}
	e.At = fromMicros(at)
	return e, errors.Join(fromJSON(roles, &e.ActorRoles), fromJSON(spaces, &e.Spaces), fromJSON(uses, &e.Uses), fromJSON(acted, &e.ActedAs))
}

// AuditEntries returns up to limit entries, newest first, older than before
// if that is not 0. Only within reach of the gate's account permit.
func (tx *Tx) AuditEntries(ctx context.Context, before int64, limit int) ([]domain.AuditEntry, error) {
	return many(ctx, tx, scanAudit, selectAudit+` where cast($1 as bigint) = 0 or position < $1 order by position desc limit $2`, before, limit)
}

// AuditEntry returns one entry.
func (tx *Tx) AuditEntry(ctx context.Context, id domain.AuditID) (domain.AuditEntry, error) {
	return one(ctx, tx, "audit entry", scanAudit, selectAudit+` where id = $1`, id)
}

// emit writes an outbox row: the only source of what leaves the building.
func (tx *Tx) emit(ctx context.Context, topic, id, payload string) error {
	tx.topics = append(tx.topics, topic)
	return tx.exec(ctx, `insert into outbox (id, topic, payload, created_at) values ($1, $2, $3, $4)`, id, topic, payload, micros(tx.now))
}

// Deliver hands up to limit outbox rows of one topic to send, oldest first,
// and removes those that it accepted, in one transaction: a crash in between
// delivers again, with the same id. It returns how many were delivered.
func (s *Store) Deliver(ctx context.Context, topic string, limit int, send func(context.Context, *Tx, domain.OutboxRow) error) (int, error) {
	waiting := int64(0)
	err := s.View(ctx, func(tx *Tx) (err error) { // a look costs no write
		waiting, err = one(ctx, tx, "outbox", scanInt, `select count(*) from outbox where topic = $1`, topic)
		return err
	})
	if err != nil || waiting == 0 {
		return 0, err
	}
	tx, err := s.begin(ctx, lockNone)
	if err != nil {
		return 0, err
	}
	defer tx.rollback() // a no-op after the commit
	rows, err := many(ctx, tx, scanOutbox,
		`select position, id, topic, payload, created_at from outbox where topic = $1 order by position limit $2`+s.dialect.skipLocked(""), topic, limit)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	for _, r := range rows {
		if err := send(ctx, tx, r); err != nil {
			return 0, err
		}
		if err := tx.exec(ctx, `delete from outbox where position = $1`, r.Position); err != nil {
			return 0, err
		}
	}
	return len(rows), tx.commit()
}

func scanOutbox(s scanner) (r domain.OutboxRow, err error) {
	var created int64
	err = s.Scan(&r.Position, &r.ID, &r.Topic, &r.Payload, &created)
	r.CreatedAt = fromMicros(created)
	return r, err
}
