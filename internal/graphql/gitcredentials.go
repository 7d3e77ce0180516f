package graphql

import (
	"context"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/gitcredentials"
	"github.com/airlock-project/airlock/internal/graphql/view"
)

// GitCredentials are the use cases of git credentials.
type GitCredentials interface {
	Get(ctx context.Context, id domain.GitCredentialID) (domain.GitCredential, error)
	List(ctx context.Context) ([]domain.GitCredential, error)
	Create(ctx context.Context, in gitcredentials.Input) (domain.GitCredential, error)
	Update(ctx context.Context, id domain.GitCredentialID, in gitcredentials.Input) (domain.GitCredential, error)
	Delete(ctx context.Context, id domain.GitCredentialID) (domain.GitCredential, error)
}

func newGitCredential(c domain.GitCredential) *view.GitCredential {
	return &view.GitCredential{GitCredential: c}
}
