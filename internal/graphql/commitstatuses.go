package graphql

import (
	"context"

	"github.com/airlock-project/airlock/internal/domain"
)

// Statuses are the use cases of commit statuses.
type Statuses interface {
	OfRun(ctx context.Context, id domain.RunID) ([]domain.CommitStatus, error)
	Failed(ctx context.Context, id domain.GitCredentialID) ([]domain.CommitStatus, error)
}
