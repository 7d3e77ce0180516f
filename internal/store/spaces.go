package store

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectSpace = `select id, coalesce(parent, ''), name, description, labels, inherit, created_at from spaces`

func scanSpace(s scanner) (sp domain.Space, err error) {
	var labels string
	var created int64
	if err := s.Scan(&sp.ID, &sp.Parent, &sp.Name, &sp.Description, &labels, &sp.Inherit, &created); err != nil {
		return sp, err
	}
	sp.CreatedAt = fromMicros(created)
	return sp, fromJSON(labels, &sp.Labels)
}

// Space returns one space.
func (tx *Tx) Space(ctx context.Context, id domain.SpaceID) (domain.Space, error) {
	return one(ctx, tx, "space", scanSpace, selectSpace+` where id = $1`, id)
}

// Spaces returns the spaces with the given ids, root first, then oldest first.
func (tx *Tx) Spaces(ctx context.Context, ids []domain.SpaceID) ([]domain.Space, error) {
	return many(ctx, tx, scanSpace,
		selectSpace+` where `+tx.store.dialect.in("id", 1)+` order by parent is not null, created_at, id`, toJSON(list(ids)))
}

// Path returns a space and its ancestors, nearest first.
func (tx *Tx) Path(ctx context.Context, id domain.SpaceID) (domain.Path, error) {
	path, err := many(ctx, tx, scanSpace, `with recursive up(id, steps) as (
			select id, 0 from spaces where id = $1
			union all select s.parent, up.steps + 1 from up join spaces s on s.id = up.id where s.parent is not null)
		select s.id, coalesce(s.parent, ''), s.name, s.description, s.labels, s.inherit, s.created_at
		from up join spaces s on s.id = up.id order by up.steps`, id)
	if err == nil && len(path) == 0 {
		return nil, domain.NotFound("space")
	}
	return path, err
}

// InsertSpace creates a space. A sibling of the same name is a conflict.
func (tx *Tx) InsertSpace(ctx context.Context, p access.Permit, sp domain.Space) error {
	if err := tx.use(p, access.KindSpace); err != nil {
		return err
	}
	if err := tx.touch(ctx, touched{part: domain.PartSpace, id: string(sp.ID)}); err != nil {
		return err
	}
	return nameTaken(tx.exec(ctx, `insert into spaces (id, parent, name, name_key, description, labels, inherit, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		sp.ID, nullable(sp.Parent), sp.Name, domain.NameKey(sp.Name), sp.Description, toJSON(list(sp.Labels)), sp.Inherit, micros(sp.CreatedAt)))
}

// UpdateSpace changes everything but the id and the time of creation.
func (tx *Tx) UpdateSpace(ctx context.Context, p access.Permit, sp domain.Space) error {
	if err := tx.use(p, access.KindSpace); err != nil {
		return err
	}
	if err := tx.touch(ctx, touched{part: domain.PartSpace, id: string(sp.ID)}); err != nil {
		return err
	}
	return nameTaken(tx.exec(ctx, `update spaces set parent = $2, name = $3, name_key = $4, description = $5, labels = $6, inherit = $7 where id = $1`,
		sp.ID, nullable(sp.Parent), sp.Name, domain.NameKey(sp.Name), sp.Description, toJSON(list(sp.Labels)), sp.Inherit))
}

// DeleteSpace removes an empty space and the bindings to it.
func (tx *Tx) DeleteSpace(ctx context.Context, p access.Permit, id domain.SpaceID) error {
	if err := tx.use(p, access.KindSpace); err != nil {
		return err
	}
	if err := tx.touch(ctx, touched{part: domain.PartSpace, id: string(id)}); err != nil {
		return err
	}
	if err := tx.deleteBindings(ctx, `space_id = $1`, id); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from spaces where id = $1`, id)
}

// SpaceContents counts what lives directly in a space.
func (tx *Tx) SpaceContents(ctx context.Context, id domain.SpaceID) (domain.SpaceContents, error) {
	return one(ctx, tx, "space", func(s scanner) (c domain.SpaceContents, err error) {
		return c, s.Scan(&c.Spaces, &c.Stacks, &c.Contexts, &c.WorkerPools, &c.Repos, &c.PushHooks, &c.GitCredentials)
	}, `select (select count(*) from spaces where parent = $1),
		(select count(*) from stacks where space_id = $1),
		(select count(*) from contexts where space_id = $1),
		(select count(*) from worker_pools where space_id = $1),
		(select count(*) from repos where space_id = $1),
		(select count(*) from push_hooks where space_id = $1),
		(select count(*) from git_credentials where space_id = $1)`, id)
}

func nameTaken(err error) error {
	if isUnique(err, "spaces_name", "spaces.name_key") {
		return domain.Invalid("name", "another space below the same parent has this name already")
	}
	return err
}

func nullable[T ~string](v T) any {
	if v == "" {
		return nil
	}
	return string(v)
}
