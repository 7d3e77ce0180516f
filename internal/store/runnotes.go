package store

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// InsertRunComment stores what somebody says about a run.
func (tx *Tx) InsertRunComment(ctx context.Context, p access.Permit, c domain.RunComment) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	return tx.exec(ctx, `insert into run_comments (id, run_id, username, body, at) values ($1, $2, $3, $4, $5)`,
		c.ID, c.Run, c.Username, c.Body, micros(c.At))
}

// RunComments returns the comments on a run, oldest first.
func (tx *Tx) RunComments(ctx context.Context, id domain.RunID) ([]domain.RunComment, error) {
	return many(ctx, tx, func(s scanner) (c domain.RunComment, err error) {
		var at int64
		err = s.Scan(&c.ID, &c.Run, &c.Username, &c.Body, &at)
		c.At = fromMicros(at)
		return c, err
	}, `select id, run_id, username, body, at from run_comments where run_id = $1 order by id`, id)
}

// InsertRunReview stores an approval or a rejection of a run.
func (tx *Tx) InsertRunReview(ctx context.Context, p access.Permit, r domain.RunReview) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	return tx.exec(ctx, `insert into run_reviews (id, run_id, state, author, decision, note, at) values ($1, $2, $3, $4, $5, $6, $7)`,
		r.ID, r.Run, r.State, r.Author, r.Decision, r.Note, micros(r.At))
}

// RunReviews returns the reviews of a run, oldest first.
func (tx *Tx) RunReviews(ctx context.Context, id domain.RunID) ([]domain.RunReview, error) {
	return many(ctx, tx, func(s scanner) (r domain.RunReview, err error) {
		var at int64
		err = s.Scan(&r.ID, &r.Run, &r.State, &r.Author, &r.Decision, &r.Note, &at)
		r.At = fromMicros(at)
		return r, err
	}, `select id, run_id, state, author, decision, note, at from run_reviews where run_id = $1 order by id`, id)
}
