package runs

import (
	"context"

	"github.com/airlock-project/airlock/internal/domain"
)

// addGitAccess finds how to sign in to the repository of a lease that checks
// one out. The credential goes to that worker, with this job, and to nobody else.
func addGitAccess(ctx context.Context, tx Tx, a *Assignment) error {
	if a.Stack.Provider != domain.ProviderGit || a.Run.Request.Workspace != "" || a.Run.State != domain.RunPreparing {
		return nil
	}
	path, err := tx.Path(ctx, a.Stack.Space)
	if err != nil {
		return err
	}
	reach := path.Reach()
	list, err := tx.GitCredentialsIn(ctx, reach)
	if err != nil {
		return err
	}
	c, found := domain.BestGitCredential(list, a.Stack.RepositoryURL, reach)
	if !found {
		return nil
	}
	secret, err := tx.GitSecret(ctx, c.ID)
	if err != nil {
		return err
	}
	a.GitAccess = &domain.GitAccess{Kind: c.Kind, Username: c.Username, Secret: secret, KnownHosts: c.KnownHosts}
	return nil
}

// reports says whether the git host is to be told what a run says of its commit:
// somebody keeps a token for that which the stack may use. A token that comes
// later is for later runs.
func reports(ctx context.Context, tx Tx, stack domain.Stack, run domain.Run) (bool, error) {
	if !run.Reports() || stack.Provider != domain.ProviderGit {
		return false, nil
	}
	if some, err := tx.AnyStatusToken(ctx); err != nil || !some {
		return false, err
	}
	path, err := tx.Path(ctx, stack.Space)
	if err != nil {
		return false, err
	}
	reach := path.Reach()
	list, err := tx.GitCredentialsIn(ctx, reach)
	if err != nil {
		return false, err
	}
	_, found := domain.BestStatusToken(list, stack.RepositoryURL, reach)
	return found, nil
}
