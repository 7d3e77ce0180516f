package store

import (
	"context"
	"strings"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// InsertPush keeps a push until its runs have been started. The permit is for
// the change that the push is a part of.
func (tx *Tx) InsertPush(ctx context.Context, p access.Permit, push domain.Push) error {
	if err := tx.use(p, access.KindRepo); err != nil {
		return err
	}
	tx.topics = append(tx.topics, domain.TopicPush)
	return tx.exec(ctx, `insert into pushes (id, body, created_at) values ($1, $2, $3)`, push.ID, toJSON(push), micros(push.At))
}

// NextPush returns the oldest push that nobody else is at, but for those in but,
// and holds it.
func (tx *Tx) NextPush(ctx context.Context, but []string) (domain.Push, error) {
	d := tx.store.dialect
	return one(ctx, tx, "push", func(s scanner) (p domain.Push, err error) {
		var id, body string
		if err := s.Scan(&id, &body); err != nil {
			return p, err
		}
		err = fromJSON(body, &p)
		p.ID = id // also of one that cannot be read
		return p, err
	}, `select id, body from pushes where not `+d.in("id", 1)+` order by created_at, id limit 1`+d.skipLocked(""), toJSON(list(but)))
}

// AnyPush reports whether a push waits that is not in but.
func (tx *Tx) AnyPush(ctx context.Context, but []string) (bool, error) {
	n, err := one(ctx, tx, "push", scanInt, `select count(*) from (select 1 from pushes where not `+tx.store.dialect.in("id", 1)+` limit 1) waiting`, toJSON(list(but)))
	return n > 0, err
}

// EndPush forgets a push that has been followed, and notes what came of it
// where the message that told of it is remembered.
func (tx *Tx) EndPush(ctx context.Context, p access.Permit, push domain.Push, came domain.PushOutcome) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	if err := tx.exec(ctx, `delete from pushes where id = $1`, push.ID); err != nil || push.Hook == "" {
		return err
	}
	d, err := one(ctx, tx, "delivery", scanDelivery, selectDelivery+` where hook_id = $1 and key = $2`, push.Hook, push.Key)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return nil // its hook is gone
	}
	if err != nil {
		return err
	}
	d.Ignored, d.Runs = came.Ignored, &came.Runs
	return tx.exec(ctx, `update push_deliveries set body = $1 where hook_id = $2 and key = $3`, toJSON(d), push.Hook, push.Key)
}

// StacksOfRepo returns the stacks whose code is a built-in repository, by id.
func (tx *Tx) StacksOfRepo(ctx context.Context, id domain.RepoID) ([]domain.Stack, error) {
	all, err := many(ctx, tx, scanStack, selectStack+` where repository = $1 order by id`, id)
	var out []domain.Stack
	for _, s := range all {
		if s.Provider == domain.ProviderBuiltIn {
			out = append(out, s)
		}
	}
	return out, err
}

// StacksOfURL returns the stacks whose repository has one of these source
// keys, by id.
func (tx *Tx) StacksOfURL(ctx context.Context, keys []string) ([]domain.Stack, error) {
	var out []domain.Stack
	seen := map[domain.StackID]bool{}
	for _, key := range keys {
		// The end of the path narrows it down; what is meant is compared exactly.
		end := key[strings.LastIndexByte(key, '/')+1:]
		like := `%` + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(end) + `%`
		list, err := many(ctx, tx, scanStack, selectStack+` where lower(settings) like $1 escape '\' order by id`, like)
		if err != nil {
			return nil, err
		}
		for _, s := range list {
			if s.Provider == domain.ProviderGit && domain.SourceKey(s.RepositoryURL) == key && !seen[s.ID] {
				seen[s.ID] = true
				out = append(out, s)
			}
		}
	}
	return out, nil
}
