package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectSchedule = `select id, stack_id, kind, cron, timezone, at, aim, author_kind, author_id, author_name, created_at, next_at, last from schedules`

func scanSchedule(s scanner) (d domain.Schedule, err error) {
	var cron, aim, author, last string
	var at, created, next int64
	err = s.Scan(&d.ID, &d.Stack, &d.Kind, &cron, &d.Timezone, &at, &aim, &author, &d.Author.ID, &d.AuthorName, &created, &next, &last)
	if err != nil {
		return d, err
	}
	d.At, d.CreatedAt, d.NextAt = fromMicros(at), fromMicros(created), fromMicros(next)
	if d.Author.Kind, err = actorKind(author); err != nil {
		return d, err
	}
	return d, errors.Join(fromJSON(cron, &d.Cron), fromJSON(aim, &d.ScheduleAim), fromJSON(last, &d.Last))
}

// Schedule returns one schedule.
func (tx *Tx) Schedule(ctx context.Context, id domain.ScheduleID) (domain.Schedule, error) {
	return one(ctx, tx, "schedule", scanSchedule, selectSchedule+` where id = $1`, id)
}

// LockSchedule returns one schedule and holds it until the commit.
func (tx *Tx) LockSchedule(ctx context.Context, id domain.ScheduleID) (domain.Schedule, error) {
	return one(ctx, tx, "schedule", scanSchedule, selectSchedule+` where id = $1`+tx.store.dialect.forUpdate(), id)
}

// SchedulesOf returns the schedules of a stack, oldest first.
func (tx *Tx) SchedulesOf(ctx context.Context, id domain.StackID) ([]domain.Schedule, error) {
	return many(ctx, tx, scanSchedule, selectSchedule+` where stack_id = $1 order by id`, id)
}

// SetScheduleConfig keeps, sealed, the settings for the runs of a schedule; nil
// removes them.
func (tx *Tx) SetScheduleConfig(ctx context.Context, p access.Permit, id domain.ScheduleID, c *domain.RuntimeConfig) error {
	if err := tx.use(p, access.KindSchedule); err != nil {
		return err
	}
	var sealed []byte
	if c != nil {
		var err error
		if sealed, err = tx.seal([]byte(toJSON(c)), "schedule", string(id)); err != nil {
			return err
		}
	}
	return tx.exec(ctx, `update schedules set settings = $2 where id = $1`, id, sealed)
}

// ScheduleConfig returns the settings for the runs of a schedule, nil for none.
func (tx *Tx) ScheduleConfig(ctx context.Context, id domain.ScheduleID) (*domain.RuntimeConfig, error) {
	sealed, err := one(ctx, tx, "schedule", scanBytes, `select settings from schedules where id = $1`, id)
	if err != nil || sealed == nil {
		return nil, err
	}
	body, err := tx.open(sealed, "schedule", string(id))
	if err != nil {
		return nil, fmt.Errorf("open the settings of schedule %s: %w", id, err)
	}
	c := &domain.RuntimeConfig{}
	return c, json.Unmarshal(body, c)
}

// DriftDetections returns the drift detection of each stack of a list. Stacks
// without one are left out.
func (tx *Tx) DriftDetections(ctx context.Context, ids []domain.StackID) ([]domain.Schedule, error) {
	return many(ctx, tx, scanSchedule, selectSchedule+` where kind = $1 and `+tx.store.dialect.in("stack_id", 2)+` order by id`,
		domain.ScheduleDrift, toJSON(list(ids)))
}

// DueSchedules returns up to limit schedules that are due and come after
// another one, in the order in which they became so.
func (tx *Tx) DueSchedules(ctx context.Context, after domain.Schedule, limit int) ([]domain.Schedule, error) {
	return many(ctx, tx, scanSchedule, selectSchedule+` where next_at > 0 and next_at <= $1 and (next_at > $2 or next_at = $2 and id > $3)
		order by next_at, id limit $4`, micros(tx.now), micros(after.NextAt), after.ID, limit)
}

// ScheduleWaits reports whether something that a schedule has started has not
// begun yet.
func (tx *Tx) ScheduleWaits(ctx context.Context, s domain.Schedule) (bool, error) {
	n, err := one(ctx, tx, "schedule", scanInt, `select count(*) from runs where stack_id = $1 and triggered_by = $2 and state in ('QUEUED', 'READY')`,
		s.Stack, s.ID.AuditName())
	return n > 0, err
}

// InsertSchedule creates a schedule.
func (tx *Tx) InsertSchedule(ctx context.Context, p access.Permit, s domain.Schedule) error {
	if err := tx.use(p, access.KindSchedule); err != nil {
		return err
	}
	return tx.exec(ctx, `insert into schedules (id, stack_id, kind, cron, timezone, at, aim, author_kind, author_id, author_name, created_at, next_at, last)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '')`,
		s.ID, s.Stack, s.Kind, toJSON(list(s.Cron)), s.Timezone, micros(s.At), toJSON(s.ScheduleAim), s.Author.Kind.String(), s.Author.ID, s.AuthorName,
		micros(s.CreatedAt), micros(s.NextAt))
}

// UpdateSchedule changes what a schedule starts and when, and who has said so.
func (tx *Tx) UpdateSchedule(ctx context.Context, p access.Permit, s domain.Schedule) error {
	if err := tx.use(p, access.KindSchedule); err != nil {
		return err
	}
	return tx.exec(ctx, `update schedules set cron = $2, timezone = $3, at = $4, aim = $5, author_kind = $6, author_id = $7, author_name = $8, next_at = $9
		where id = $1`, s.ID, toJSON(list(s.Cron)), s.Timezone, micros(s.At), toJSON(s.ScheduleAim), s.Author.Kind.String(), s.Author.ID, s.AuthorName,
		micros(s.NextAt))
}

// PassSchedule keeps what came of a schedule that was due, and when it is next.
func (tx *Tx) PassSchedule(ctx context.Context, p access.Permit, id domain.ScheduleID, last domain.Tick, next time.Time) error {
	if err := tx.use(p, access.KindSchedule); err != nil {
		return err
	}
	return tx.exec(ctx, `update schedules set next_at = $2, last = $3 where id = $1`, id, micros(next), toJSON(last))
}

// DeleteSchedule removes a schedule.
func (tx *Tx) DeleteSchedule(ctx context.Context, p access.Permit, id domain.ScheduleID) error {
	if err := tx.use(p, access.KindSchedule); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from schedules where id = $1`, id)
}
