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

// NextPush returns the oldest push that is due and that nobody else is at, and
// holds it.
func (tx *Tx) NextPush(ctx context.Context) (domain.Push, error) {
	return one(ctx, tx, "push", func(s scanner) (p domain.Push, err error) {
		var id, body string
		var tries int
		if err := s.Scan(&id, &tries, &body); err != nil {
			return p, err
		}
		err = fromJSON(body, &p)
		p.ID, p.Tries = id, tries // also of one that cannot be read
		return p, err
	}, `select id, tries, body from pushes where next_at <= $1 order by created_at, id limit 1`+tx.store.dialect.skipLocked(""), micros(tx.now))
}

// AnyPush reports whether a push is due.
func (tx *Tx) AnyPush(ctx context.Context) (bool, error) {
	n, err := one(ctx, tx, "push", scanInt, `select count(*) from (select 1 from pushes where next_at <= $1 limit 1) due`, micros(tx.now))
	return n > 0, err
}

// LockPush holds a push and reports whether it is there and has failed so often.
func (tx *Tx) LockPush(ctx context.Context, id string, tries int) (bool, error) {
	n, err := one(ctx, tx, "push", scanInt, `select tries from pushes where id = $1`+tx.store.dialect.forUpdate(), id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return false, nil
	}
	return int(n) == tries, err
}

// PutOffPush keeps a push that could not be followed until it is tried again, and
// notes why where the message that told of it is remembered.
func (tx *Tx) PutOffPush(ctx context.Context, p access.Permit, push domain.Push, why string) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	err := tx.exec(ctx, `update pushes set tries = $2, next_at = $3 where id = $1`, push.ID, push.Tries, micros(tx.now.Add(push.Backoff())))
	if err != nil {
		return err
	}
	return tx.noteDelivery(ctx, push, func(d *domain.PushDelivery) { d.Ignored = why })
}

// EndPush forgets a push that has been followed, and notes what came of it
// where the message that told of it is remembered.
func (tx *Tx) EndPush(ctx context.Context, p access.Permit, push domain.Push, came domain.PushOutcome) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	if err := tx.exec(ctx, `delete from pushes where id = $1`, push.ID); err != nil {
		return err
	}
	return tx.noteDelivery(ctx, push, func(d *domain.PushDelivery) { d.Ignored, d.Runs = came.Ignored, &came.Runs })
}

func (tx *Tx) noteDelivery(ctx context.Context, push domain.Push, note func(d *domain.PushDelivery)) error {
	if push.Hook == "" {
		return nil
	}
	d, err := one(ctx, tx, "delivery", scanDelivery, selectDelivery+` where hook_id = $1 and key = $2`, push.Hook, push.Key)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return nil // its hook is gone
	}
	if err != nil {
		return err
	}
	note(&d)
	return tx.exec(ctx, `update push_deliveries set body = $1 where hook_id = $2 and key = $3`, toJSON(d), push.Hook, push.Key)
}

// StacksOfRepo returns the stacks whose code is a built-in repository, by id.
func (tx *Tx) StacksOfRepo(ctx context.Context, id domain.RepoID) ([]domain.Stack, error) {
	all, err := many(ctx, tx, scanStack, selectStack+` where repository = $1 order by id`, id)
	var out []domain.Stack
	for _, s := range all {
		if s.BuiltIn() == id {
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
