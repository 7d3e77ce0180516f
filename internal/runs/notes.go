package runs

import (
	"context"
	"slices"
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Comment adds a comment to a run, in whatever state it is.
func (s *Service) Comment(ctx context.Context, stack domain.StackID, id domain.RunID, body string) (c domain.RunComment, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		_, run, _, permit, err := s.permitRun(ctx, tx, "run.comment", always(authz.ActionRunComment), stack, id)
		if err != nil {
			return err
		}
		if strings.TrimSpace(body) == "" {
			return domain.Invalid("body", "must not be empty")
		}
		if err := domain.CheckText("body", body); err != nil {
			return err
		}
		c = domain.RunComment{ID: s.ids.ULID(), Run: run.ID, Username: access.Name(ctx), Body: body, At: tx.Now()}
		return tx.InsertRunComment(ctx, permit, c)
	})
	return c, err
}

// Comments returns the comments on a run, oldest first.
func (s *Service) Comments(ctx context.Context, id domain.RunID) (out []domain.RunComment, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if _, err := s.see(ctx, tx, id); err != nil {
			return err
		}
		out, err = tx.RunComments(ctx, id)
		return err
	})
	return out, err
}

// Review records an approval or a rejection of a run that waits for a
// decision. It decides nothing by itself: policies count it.
func (s *Service) Review(ctx context.Context, stack domain.StackID, id domain.RunID, decision domain.ReviewDecision, note string) (r domain.RunReview, err error) {
	_, err = s.settle(ctx, step{
		event: "run.review", action: always(authz.ActionRunReview), from: reviewable, cannot: "is not to be reviewed",
		does: func(ctx context.Context, tx Tx, p access.Permit, run *domain.Run) error {
			if decision != domain.ReviewApprove && decision != domain.ReviewReject {
				return domain.Invalid("decision", "must be APPROVE or REJECT")
			}
			r = domain.RunReview{
				ID: s.ids.ULID(), Run: run.ID, State: run.State, Author: access.Name(ctx), Decision: decision, Note: note, At: tx.Now(),
			}
			return tx.InsertRunReview(ctx, p, r)
		},
	}, stack, id, note)
	return r, err
}

var reviewable = []domain.RunState{domain.RunQueued, domain.RunPendingReview, domain.RunUnconfirmed}

// Reviews returns the reviews of a run, oldest first.
func (s *Service) Reviews(ctx context.Context, id domain.RunID) (out []domain.RunReview, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if _, err := s.see(ctx, tx, id); err != nil {
			return err
		}
		out, err = tx.RunReviews(ctx, id)
		return err
	})
	return out, err
}

// CustomConfig returns what was set for a run only; nil for nothing. Values of
// variables are left out: some stand in for secrets.
func (s *Service) CustomConfig(ctx context.Context, id domain.RunID) (c *domain.RuntimeConfig, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if _, err := s.see(ctx, tx, id); err != nil {
			return err
		}
		settings, err := tx.RunSettings(ctx, id)
		if err != nil || settings.Config == nil && len(settings.Env) == 0 {
			return err
		}
		c = &domain.RuntimeConfig{}
		if settings.Config != nil {
			*c = *settings.Config
		}
		env := append(slices.Clone(settings.Env), c.Env...)
		c.Env = make([]domain.EnvOverride, len(env))
		for i, e := range env {
			c.Env[i].Name = e.Name
		}
		return nil
	})
	return c, err
}
