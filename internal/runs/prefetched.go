package runs

import (
	"context"
	"fmt"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// prefetched is a transaction that has read for all runs of a batch at once what
// each of them is to be given: as many statements for eight runs as for one. What
// it has not read it asks for.
type prefetched struct {
	Tx
	read domain.LeaseInputs

	paths       map[domain.SpaceID]domain.Path
	credentials map[string][]domain.GitCredential // by the spaces they were asked for
	account     *domain.AccountSettings
}

func prefetch(ctx context.Context, tx Tx, list []domain.Run) (Tx, error) {
	read, err := tx.LeaseInputs(ctx, list)
	return &prefetched{Tx: tx, read: read, paths: map[domain.SpaceID]domain.Path{}, credentials: map[string][]domain.GitCredential{}}, err
}

// known is what was read of something, or what it is asked for.
func known[K comparable, V any](ctx context.Context, read map[K]V, id K, ask func(context.Context, K) (V, error)) (V, error) {
	if v, ok := read[id]; ok {
		return v, nil
	}
	return ask(ctx, id)
}

func (p *prefetched) Stack(ctx context.Context, id domain.StackID) (domain.Stack, error) {
	return known(ctx, p.read.Stacks, id, p.Tx.Stack)
}

func (p *prefetched) AttachmentsOfStack(ctx context.Context, id domain.StackID) ([]domain.ContextAttachment, error) {
	return known(ctx, p.read.Attachments, id, p.Tx.AttachmentsOfStack)
}

func (p *prefetched) Context(ctx context.Context, id domain.ContextID) (domain.Context, error) {
	return known(ctx, p.read.Contexts, id, p.Tx.Context)
}

func (p *prefetched) Config(ctx context.Context, owner access.Kind, id string) ([]domain.Config, error) {
	read, ok := p.read.StackConfig[domain.StackID(id)]
	if owner == access.KindContext {
		read, ok = p.read.ContextConfig[domain.ContextID(id)]
	}
	if ok {
		return read, nil
	}
	return p.Tx.Config(ctx, owner, id)
}

func (p *prefetched) DependenciesOf(ctx context.Context, id domain.StackID) ([]domain.StackDependency, error) {
	return known(ctx, p.read.Dependencies, id, p.Tx.DependenciesOf)
}

func (p *prefetched) RunSettings(ctx context.Context, id domain.RunID) (domain.RunSettings, error) {
	return known(ctx, p.read.Settings, id, p.Tx.RunSettings)
}

func (p *prefetched) Path(ctx context.Context, id domain.SpaceID) (path domain.Path, err error) {
	path, ok := p.paths[id]
	if !ok {
		if path, err = p.Tx.Path(ctx, id); err == nil {
			p.paths[id] = path
		}
	}
	return path, err
}

func (p *prefetched) GitCredentialsIn(ctx context.Context, spaces []domain.SpaceID) (list []domain.GitCredential, err error) {
	key := fmt.Sprint(spaces) // ids have no blanks
	list, ok := p.credentials[key]
	if !ok {
		if list, err = p.Tx.GitCredentialsIn(ctx, spaces); err == nil {
			p.credentials[key] = list
		}
	}
	return list, err
}

func (p *prefetched) AccountSettings(ctx context.Context) (domain.AccountSettings, error) {
	if p.account == nil {
		settings, err := p.Tx.AccountSettings(ctx)
		if err != nil {
			return settings, err
		}
		p.account = &settings
	}
	return *p.account, nil
}
