package runs

import (
	"context"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// Discarded says what DiscardAll has done.
type Discarded struct {
	Runs   []domain.Run
	Failed []domain.RunID // went on before they could be discarded
}

// DiscardAll discards every run of a stack that waits. Each run is a decision
// and a change of its own; the queue goes before the run that holds the stack,
// so that nothing of it begins.
func (s *Service) DiscardAll(ctx context.Context, id domain.StackID, note string) (out Discarded, err error) {
	waiting, err := s.discardable(ctx, id, note)
	if err != nil {
		return out, err
	}
	for _, candidate := range waiting {
		run, err := s.Discard(ctx, id, candidate.ID, note)
		switch domain.ErrorCode(err) {
		case domain.CodeConflict:
			out.Failed = append(out.Failed, candidate.ID)
		case "":
			if err != nil {
				return out, err
			}
			out.Runs = append(out.Runs, run)
		default:
			return out, err
		}
	}
	return out, nil
}

// discardable lists what would be discarded, newest first. A refusal is
// recorded even if there is nothing to discard.
func (s *Service) discardable(ctx context.Context, id domain.StackID, note string) (out []domain.Run, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		if _, _, _, err := s.permitStack(ctx, tx, discard.event, authz.ActionRunDiscard, id); err != nil {
			return err
		}
		if err := domain.CheckText("note", note); err != nil {
			return err
		}
		out, err = tx.OpenRuns(ctx, id)
		out = slices.DeleteFunc(out, func(r domain.Run) bool { return !slices.Contains(discard.from, r.State) })
		return err
	})
	return out, err
}
