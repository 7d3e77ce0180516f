package store

import (
	"context"
	"fmt"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectStatus = `select s.run_id, s.serial, coalesce(r.stack_id, ''), s.commit_hash, s.state, s.description, s.created_at, s.attempts, s.next_at, s.sent_at,
	s.error, s.credential, s.repository, s.gone from commit_statuses s left join runs r on r.id = s.run_id`

func scanStatus(from scanner) (s domain.CommitStatus, err error) {
	var created, next, sent int64
	var gone string
	err = from.Scan(&s.Run, &s.Serial, &s.Stack, &s.Commit, &s.State, &s.Description, &created, &s.Attempts, &next, &sent, &s.Error, &s.Credential, &s.Repository, &gone)
	s.CreatedAt, s.NextAt, s.SentAt = fromMicros(created), fromMicros(next), fromMicros(sent)
	if err != nil || gone == "" {
		return s, err
	}
	s.Gone = &domain.GoneStack{}
	err = fromJSON(gone, s.Gone)
	s.Stack = s.Gone.Stack
	return s, err
}

// tellCommit writes down what a run that has left the state from says of its
// commit, with the transition itself.
func (tx *Tx) tellCommit(ctx context.Context, r domain.Run, from domain.RunState) error {
	s, ok := r.CommitStatus(from)
	if !ok {
		return nil
	}
	return tx.insertStatus(ctx, s)
}

func (tx *Tx) insertStatus(ctx context.Context, s domain.CommitStatus) error {
	tx.topics = append(tx.topics, domain.TopicStatuses)
	err := tx.exec(ctx, `insert into commit_statuses (run_id, serial, lane, commit_hash, state, description, created_at, attempts, next_at, sent_at, error, credential, repository)
		values ($1, $2, (select ulid from stacks where id = $3), $4, $5, $6, $7, 0, $8, 0, '', '',
			coalesce((select max(repository) from commit_statuses where run_id = $1), ''))`,
		s.Run, s.Serial, s.Stack, s.Commit, s.State, s.Description, micros(s.CreatedAt), micros(s.NextAt))
	if err != nil {
		return fmt.Errorf("keep what run %s says of its commit: %w", s.Run, err)
	}
	return nil
}

// endStatuses lets a stack that is about to be deleted say so of the commits
// that it has begun to speak of: without a last word git hosts would wait for
// ever. That, and what was not sent yet, outlives the stack; nothing else does.
func (tx *Tx) endStatuses(ctx context.Context, st domain.Stack) error {
	last, err := many(ctx, tx, scanStatus, selectStatus+` where r.stack_id = $1 and s.state = $2 and not exists
		(select 1 from commit_statuses l where l.run_id = s.run_id and l.serial > s.serial)`, st.ID, domain.CommitPending)
	if err != nil {
		return err
	}
	for _, s := range last {
		end := domain.CommitStatus{Run: s.Run, Serial: s.Serial + 1, Stack: st.ID, Commit: s.Commit, State: domain.CommitError, CreatedAt: tx.now, NextAt: tx.now}
		end.Description = "The stack was deleted"
		if err := tx.insertStatus(ctx, end); err != nil {
			return err
		}
	}
	const ofStack = `run_id in (select id from runs where stack_id = $1)`
	gone := domain.GoneStack{Stack: st.ID, Space: st.Space, Repository: st.RepositoryURL}
	if err := tx.exec(ctx, `update commit_statuses set gone = $2 where next_at > 0 and `+ofStack, st.ID, toJSON(gone)); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from commit_statuses where next_at = 0 and `+ofStack, st.ID)
}

// keepStatuses lets the runs of a stack that gets another repository go on
// speaking to the one that they have begun to speak to: without a last word there
// it would wait for ever.
func (tx *Tx) keepStatuses(ctx context.Context, old, now domain.Stack) error {
	if old.Provider != domain.ProviderGit || old.Provider == now.Provider && old.RepositoryURL == now.RepositoryURL {
		return nil
	}
	return tx.exec(ctx, `update commit_statuses set repository = $2 where repository = '' and run_id in (select id from runs where stack_id = $1)`,
		old.ID, old.RepositoryURL)
}

// AnyStatusToken reports whether anybody keeps a token for statuses of commits.
func (tx *Tx) AnyStatusToken(ctx context.Context) (bool, error) {
	n, err := one(ctx, tx, "git credential", scanInt, `select count(*) from git_credentials where kind = $1`, domain.GitStatusToken)
	return n > 0, err
}

// AnyStatusDue reports whether a status is to be sent now.
func (tx *Tx) AnyStatusDue(ctx context.Context) (bool, error) {
	n, err := one(ctx, tx, "commit status", scanInt, `select count(*) from (select 1 from commit_statuses where next_at > 0 and next_at <= $1 limit 1) due`, micros(tx.now))
	return n > 0, err
}

// ClaimStatuses returns up to limit statuses that are due, oldest first, and
// keeps others from sending them until then. Of each stack it is the first one
// that is neither sent nor given up: what comes after it waits.
func (tx *Tx) ClaimStatuses(ctx context.Context, p access.Permit, until time.Time, limit int) ([]domain.CommitStatus, error) {
	if err := tx.use(p, access.KindRun); err != nil {
		return nil, err
	}
	of := ""
	if tx.store.dialect.postgres() {
		of = ` for update of s skip locked`
	}
	list, err := many(ctx, tx, scanStatus, selectStatus+` where s.next_at > 0 and s.next_at <= $1 and not exists (
			select 1 from commit_statuses e where e.next_at > 0 and e.lane = s.lane
			and (e.created_at, e.run_id, e.serial) < (s.created_at, s.run_id, s.serial))
		order by s.created_at, s.run_id, s.serial limit $2`+of, micros(tx.now), limit)
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		if err := tx.exec(ctx, `update commit_statuses set next_at = $3 where run_id = $1 and serial = $2`, s.Run, s.Serial, micros(until)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// SaveStatus stores what became of an attempt.
func (tx *Tx) SaveStatus(ctx context.Context, p access.Permit, s domain.CommitStatus) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	return tx.exec(ctx, `update commit_statuses set attempts = $3, next_at = $4, sent_at = $5, error = $6, credential = $7 where run_id = $1 and serial = $2`,
		s.Run, s.Serial, s.Attempts, micros(s.NextAt), micros(s.SentAt), s.Error, s.Credential)
}

// HurryStatuses lets the statuses of a credential that wait for another attempt
// be tried at once.
func (tx *Tx) HurryStatuses(ctx context.Context, p access.Permit, id domain.GitCredentialID) error {
	if err := tx.use(p, access.KindGitCredential); err != nil {
		return err
	}
	tx.topics = append(tx.topics, domain.TopicStatuses)
	return tx.exec(ctx, `update commit_statuses set next_at = $2 where credential = $1 and error <> '' and next_at > $2`, id, micros(tx.now))
}

// CommitStatuses returns what a run has said of its commit, oldest first.
func (tx *Tx) CommitStatuses(ctx context.Context, run domain.RunID) ([]domain.CommitStatus, error) {
	return many(ctx, tx, scanStatus, selectStatus+` where s.run_id = $1 order by s.serial`, run)
}

// FailedStatuses returns up to limit statuses of stacks that are there which a
// credential could not set, newest first.
func (tx *Tx) FailedStatuses(ctx context.Context, id domain.GitCredentialID, limit int) ([]domain.CommitStatus, error) {
	return many(ctx, tx, scanStatus, selectStatus+` where s.credential = $1 and s.error <> '' and s.gone = '' order by s.created_at desc, s.serial desc limit $2`, id, limit)
}

// DropStatuses forgets statuses that were said before a time and are sent or
// given up, but for those of runs that have more to say. It returns how many.
func (tx *Tx) DropStatuses(ctx context.Context, p access.Permit, before time.Time) (int, error) {
	if err := tx.use(p, access.KindRun); err != nil {
		return 0, err
	}
	n, err := tx.execN(ctx, `delete from commit_statuses where next_at = 0 and created_at < $1
		and not exists (select 1 from runs r where r.id = commit_statuses.run_id and r.state in `+open+`)`, micros(before))
	return int(n), err
}
