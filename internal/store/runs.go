package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// holding are the states in which a run holds its stack, as in the index
// runs_one_writer.
const holding = `(` + heldStates + `)`

const heldStates = `'READY', 'PREPARING', 'INITIALIZING', 'PLANNING', 'PENDING_REVIEW', 'UNCONFIRMED', 'REPLAN_REQUESTED', 'PREPARING_REPLAN',
	'CONFIRMED', 'PREPARING_APPLY', 'APPLYING', 'PERFORMING', 'DESTROYING'`

// open are the states in which a run has not ended.
const open = `('QUEUED', ` + heldStates + `)`

// awaiting are the states in which a run without a lease waits for a worker, as
// in the index runs_waiting: READY for the beginning, CONFIRMED for an apply,
// REPLAN_REQUESTED for another plan.
const awaiting = `('READY', 'CONFIRMED', 'REPLAN_REQUESTED')`

const selectRun = `select id, stack_id, type, state, serial, branch, commit_info, title, metadata, triggered_by,
	created_at, updated_at, delta, note, autodeploy, epoch, worker, lease_until, acted_as,
	request, priority, drift, targets, stop, lease_hash, log_bytes < 0 from runs`

func scanRun(s scanner) (r domain.Run, err error) {
	var commit, delta, acted, request, targets, stop string
	var created, updated, lease int64
	err = s.Scan(&r.ID, &r.StackID, &r.Type, &r.State, &r.StateSerial, &r.Branch, &commit, &r.Title, &r.Metadata, &r.TriggeredBy,
		&created, &updated, &delta, &r.Note, &r.Autodeploy, &r.Epoch, &r.Worker, &lease, &acted,
		&request, &r.Priority, &r.Drift, &targets, &stop, &r.LeaseHash, &r.LogsGone)
	if err != nil {
		return r, err
	}
	r.CreatedAt, r.UpdatedAt, r.LeaseUntil = fromMicros(created), fromMicros(updated), fromMicros(lease)
	return r, errors.Join(fromJSON(commit, &r.Commit), fromJSON(delta, &r.Delta), fromJSON(acted, &r.ActedAs),
		fromJSON(request, &r.Request), fromJSON(targets, &r.Targets), fromJSON(stop, &r.Stop))
}

// Run returns one run.
func (tx *Tx) Run(ctx context.Context, id domain.RunID) (domain.Run, error) {
	return one(ctx, tx, "run", scanRun, selectRun+` where id = $1`, id)
}

// RunNow returns the state of a run and the epoch of its last lease. It is asked
// for with each decision about a run's token, and read once.
func (tx *Tx) RunNow(ctx context.Context, id domain.RunID) (domain.RunState, int, error) {
	if tx.speaker.run == id {
		return tx.speaker.state, tx.speaker.epoch, nil
	}
	now, err := one(ctx, tx, "run", func(s scanner) (v speaker, err error) {
		v.run = id
		return v, s.Scan(&v.state, &v.epoch)
	}, `select state, epoch from runs where id = $1`, id)
	if err == nil {
		tx.speaker = now
	}
	return now.state, now.epoch, err
}

// LockRun returns one run and holds it until the commit.
func (tx *Tx) LockRun(ctx context.Context, id domain.RunID) (domain.Run, error) {
	return one(ctx, tx, "run", scanRun, selectRun+` where id = $1`+tx.store.dialect.forUpdate(), id)
}

// RunsOf returns up to limit runs of a stack, newest first, older than before
// if that is set. They are of the given types.
func (tx *Tx) RunsOf(ctx context.Context, id domain.StackID, types []domain.RunType, before domain.RunID, limit int) ([]domain.Run, error) {
	return many(ctx, tx, scanRun, selectRun+` where stack_id = $1 and `+tx.store.dialect.in("type", 2)+` and ($3 = '' or id < $3) order by id desc limit $4`,
		id, toJSON(list(types)), string(before), limit)
}

// OpenRuns returns the runs of a stack that have not ended, newest first.
func (tx *Tx) OpenRuns(ctx context.Context, id domain.StackID) ([]domain.Run, error) {
	return many(ctx, tx, scanRun, selectRun+` where stack_id = $1 and (state = 'QUEUED' or state in `+holding+`) order by id desc`, id)
}

// Blocker returns the run that holds a stack, if one does.
func (tx *Tx) Blocker(ctx context.Context, id domain.StackID) (domain.Run, error) {
	return one(ctx, tx, "run", scanRun, selectRun+` where stack_id = $1 and blocking and state in `+holding, id)
}

// Blockers returns the runs that hold stacks of a list, in no order.
func (tx *Tx) Blockers(ctx context.Context, ids []domain.StackID) ([]domain.Run, error) {
	return many(ctx, tx, scanRun, selectRun+` where `+tx.store.dialect.in("stack_id", 1)+` and blocking and state in `+holding, toJSON(list(ids)))
}

// NextQueued returns the queued run of a stack that comes first among those
// that may change its state, wait for no run of another stack and that by has
// started, unless that is empty.
func (tx *Tx) NextQueued(ctx context.Context, id domain.StackID, by string) (domain.Run, error) {
	return one(ctx, tx, "run", scanRun, selectRun+` where stack_id = $1 and state = 'QUEUED' and blocking and ($2 = '' or triggered_by = $2)
		and not exists (select 1 from run_dependencies d where d.run_id = runs.id and d.outcome = '')
		order by priority desc, id limit 1`+tx.store.dialect.forUpdate(), id, by)
}

// RunLeases returns the last lease of each of some runs. Runs that do not exist
// are left out.
func (tx *Tx) RunLeases(ctx context.Context, ids []domain.RunID) (map[domain.RunID]domain.RunLease, error) {
	out := make(map[domain.RunID]domain.RunLease, len(ids))
	_, err := many(ctx, tx, func(s scanner) (l domain.RunLease, err error) {
		var id domain.RunID
		err = s.Scan(&id, &l.Epoch, &l.Held, &l.Stop)
		out[id] = l
		return l, err
	}, `select id, epoch, lease_until > 0, stop <> '' from runs where `+tx.store.dialect.in("id", 1), toJSON(ids))
	return out, err
}

// ExpiredLeases returns the runs whose worker has not been heard of in time.
func (tx *Tx) ExpiredLeases(ctx context.Context) ([]domain.Run, error) {
	return many(ctx, tx, scanRun, selectRun+` where lease_until > 0 and lease_until < $1 order by id`, micros(tx.now))
}

// WaitingPlans returns up to limit runs that have waited for their confirmation or
// review since before a time, the oldest first.
func (tx *Tx) WaitingPlans(ctx context.Context, before time.Time, limit int) ([]domain.Run, error) {
	return many(ctx, tx, scanRun, selectRun+` where state in ($1, $2) and updated_at < $3 order by updated_at, id limit $4`,
		domain.RunUnconfirmed, domain.RunPendingReview, micros(before), limit)
}

// KnownCommit returns a commit that a run of the stack has checked out, by its
// hash or the beginning of it; the newest run tells.
func (tx *Tx) KnownCommit(ctx context.Context, id domain.StackID, hash string) (domain.Commit, error) {
	r, err := one(ctx, tx, "commit", scanRun, selectRun+` where stack_id = $1 and json(commit_info) ->> 'Hash' like $2
		and json(commit_info) ->> 'Message' <> '' order by id desc limit 1`, id, hash+"%")
	return r.Commit, err
}

// RunHistory returns the transitions of a run, newest first.
func (tx *Tx) RunHistory(ctx context.Context, id domain.RunID) ([]domain.RunTransition, error) {
	return many(ctx, tx, func(s scanner) (t domain.RunTransition, err error) {
		var at int64
		err = s.Scan(&t.RunID, &t.Serial, &t.State, &at, &t.Username, &t.Note, &t.HasLogs)
		t.At = fromMicros(at)
		// Clients ask for a log only once: while a worker is in the state there may yet be one.
		t.HasLogs = t.HasLogs || t.State.Active()
		return t, err
	}, `select t.run_id, t.serial, t.state, t.at, t.username, t.note,
		exists (select 1 from run_logs l where l.run_id = t.run_id and l.serial = t.serial)
			or exists (select 1 from run_log_parts p where p.run_id = t.run_id and p.serial = t.serial)
		from run_transitions t where t.run_id = $1 order by t.serial desc`, id)
}

// RunChanges returns the planned resource changes of a run.
func (tx *Tx) RunChanges(ctx context.Context, id domain.RunID) (out []domain.ResourceChange, err error) {
	raw, err := one(ctx, tx, "run", scanString, `select changes from runs where id = $1`, id)
	if err != nil {
		return nil, err
	}
	return out, fromJSON(raw, &out)
}

// InsertRun creates a run in QUEUED with the first row of its history.
func (tx *Tx) InsertRun(ctx context.Context, p access.Permit, r domain.Run) error {
	if err := tx.InsertWaitingRun(ctx, p, r); err != nil {
		return err
	}
	if err := tx.tellCommit(ctx, r, domain.RunNone); err != nil || !r.Type.Shows() {
		return err
	}
	return tx.mirrorRun(ctx, r, r.TriggeredBy)
}

// InsertWaitingRun is InsertRun for a run that waits for another stack's: its
// own stack does not show it yet, and need not be held.
func (tx *Tx) InsertWaitingRun(ctx context.Context, p access.Permit, r domain.Run) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	err := tx.exec(ctx, `insert into runs (id, stack_id, type, state, serial, branch, commit_info, title, metadata, triggered_by,
		created_at, updated_at, delta, changes, note, autodeploy, blocking, epoch, worker, lease_until, log_bytes, acted_as,
		request, priority, drift, targets, stop)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '', '', '', $13, $14, 0, '', 0, 0, $15, $16, $17, $18, $19, '')`,
		r.ID, r.StackID, r.Type, r.State, r.StateSerial, r.Branch, toJSON(r.Commit), r.Title, r.Metadata, r.TriggeredBy,
		micros(r.CreatedAt), micros(r.UpdatedAt), r.Autodeploy, r.Type.Blocking(), actedAs(r.ActedAs),
		toJSON(r.Request), r.Priority, r.Drift, toJSON(list(r.Targets)))
	if err != nil {
		return fmt.Errorf("insert run: %w", err)
	}
	return tx.recordTransition(ctx, r, domain.RunNone, r.TriggeredBy, "")
}

// AdvanceRun stores a run that has just left the state from. The caller has
// locked the run and moved it by domain.Run.Advance.
func (tx *Tx) AdvanceRun(ctx context.Context, p access.Permit, r domain.Run, from domain.RunState, username string) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	if err := tx.saveRun(ctx, r); err != nil {
		return err
	}
	return tx.insertTransition(ctx, r, from, username, r.Note)
}

// AdvanceRuns is AdvanceRun for runs that begin to be executed together, no two
// of them shown on the same stack.
func (tx *Tx) AdvanceRuns(ctx context.Context, p access.Permit, moves []domain.RunMove) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	if len(moves) == 0 {
		return nil
	}
	previous, shown := map[domain.RunID]domain.RunState{}, []domain.RunID{}
	for _, m := range moves {
		if err := tx.saveRun(ctx, m.Run); err != nil {
			return err
		}
		if err := tx.tellCommit(ctx, m.Run, m.From); err != nil {
			return err
		}
		tx.announceRun(m.Run)
		if previous[m.Run.ID] = m.From; m.Run.Type.Shows() {
			shown = append(shown, m.Run.ID)
		}
	}
	err := tx.exec(ctx, `insert into run_transitions (run_id, serial, previous, state, at, username, note)
		select r.id, r.serial, moved.value, r.state, r.updated_at, '', r.note from `+tx.store.dialect.members(1)+` as moved join runs r on r.id = moved.key`, toJSON(previous))
	if err != nil {
		return fmt.Errorf("record transitions: %w", err)
	}
	if len(shown) == 0 {
		return nil
	}
	return tx.mirrorRuns(ctx, shown)
}

// SaveRun stores a run whose state did not change: its lease, its commit.
func (tx *Tx) SaveRun(ctx context.Context, p access.Permit, r domain.Run) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	return tx.saveRun(ctx, r)
}

// RequestStop stores a run that was asked to stop, and announces it.
func (tx *Tx) RequestStop(ctx context.Context, p access.Permit, r domain.Run) error {
	tx.topics = append(tx.topics, domain.TopicStops)
	return tx.SaveRun(ctx, p, r)
}

func (tx *Tx) saveRun(ctx context.Context, r domain.Run) error {
	var delta, stop string
	if r.Delta != nil {
		delta = toJSON(r.Delta)
	}
	if r.Stop != nil {
		stop = toJSON(r.Stop)
	}
	return tx.exec(ctx, `update runs set state = $2, serial = $3, commit_info = $4, title = $5, updated_at = $6, delta = $7, note = $8,
		epoch = $9, worker = $10, lease_until = $11, acted_as = $12, priority = $13, targets = $14, stop = $15, request = $16, lease_hash = $17 where id = $1`,
		r.ID, r.State, r.StateSerial, toJSON(r.Commit), r.Title, micros(r.UpdatedAt), delta, r.Note, r.Epoch, r.Worker, micros(r.LeaseUntil), actedAs(r.ActedAs),
		r.Priority, toJSON(list(r.Targets)), stop, toJSON(r.Request), r.LeaseHash)
}

func (tx *Tx) insertTransition(ctx context.Context, r domain.Run, from domain.RunState, username, note string) error {
	if err := tx.recordTransition(ctx, r, from, username, note); err != nil {
		return err
	}
	if err := tx.tellCommit(ctx, r, from); err != nil || !r.Type.Shows() || r.State == domain.RunSkipped {
		return err // a run that never began says nothing about its stack
	}
	return tx.mirrorRun(ctx, r, username)
}

func (tx *Tx) recordTransition(ctx context.Context, r domain.Run, from domain.RunState, username, note string) error {
	err := tx.exec(ctx, `insert into run_transitions (run_id, serial, previous, state, at, username, note) values ($1, $2, $3, $4, $5, $6, $7)`,
		r.ID, r.StateSerial, from, r.State, micros(r.UpdatedAt), username, note)
	if err != nil {
		return fmt.Errorf("record transition: %w", err)
	}
	tx.announceRun(r)
	return nil
}

// announceRun tells whoever waits for such a change, after the commit.
func (tx *Tx) announceRun(r domain.Run) {
	tx.topics = append(tx.topics, domain.TopicRuns)
	if r.State.Terminal() && r.Type == domain.RunTracked {
		tx.topics = append(tx.topics, domain.TopicEnded)
	}
	if r.State.AwaitsWorker() {
		tx.topics = append(tx.topics, domain.TopicReady)
	}
}

// SetRunChanges keeps the planned resource changes of a run.
func (tx *Tx) SetRunChanges(ctx context.Context, p access.Permit, id domain.RunID, changes []domain.ResourceChange) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	return tx.exec(ctx, `update runs set changes = $2 where id = $1`, id, toJSON(list(changes)))
}
