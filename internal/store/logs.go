package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// AppendLog stores chunks of the logs of runs, sealed. One that repeats an older one is
// ignored.
func (tx *Tx) AppendLog(ctx context.Context, p access.Permit, chunks []domain.LogChunk) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	for len(chunks) > 0 {
		n := portion(len(chunks))
		if err := tx.appendLog(ctx, chunks[:n]); err != nil {
			return err
		}
		chunks = chunks[n:]
	}
	return nil
}

// portion is how many of n rows one statement writes. It is a power of two, so
// that there are few different statements.
func portion(n int) int {
	const most = 32
	p := 1
	for 2*p <= min(n, most) {
		p *= 2
	}
	return p
}

func (tx *Tx) appendLog(ctx context.Context, chunks []domain.LogChunk) error {
	const width = 8
	args := make([]any, 0, width*len(chunks))
	for _, c := range chunks {
		sealed, err := tx.sealChunk(c)
		if err != nil {
			return err
		}
		args = append(args, c.RunID, c.Epoch, c.Seq, c.StateSerial, c.State, "", sealed, micros(tx.now))
	}
	stored, err := many(ctx, tx, func(s scanner) (c domain.LogChunk, err error) { return c, s.Scan(&c.RunID, &c.Epoch, &c.Seq) },
		`insert into run_logs (run_id, epoch, seq, serial, state, body, sealed, at) values `+rows(len(chunks), width)+`
		on conflict (run_id, epoch, seq) do nothing returning run_id, epoch, seq`, args...)
	if err != nil {
		return err
	}
	return tx.countLog(ctx, stored, chunks)
}

// countLog adds what was stored of some chunks to what their runs have printed.
func (tx *Tx) countLog(ctx context.Context, stored, chunks []domain.LogChunk) error {
	bytes := map[domain.RunID]int{}
	for _, at := range stored {
		for _, c := range chunks {
			if c.RunID == at.RunID && c.Epoch == at.Epoch && c.Seq == at.Seq {
				bytes[c.RunID] += len(c.Body)
			}
		}
	}
	if len(bytes) == 0 {
		return nil
	}
	return tx.exec(ctx, `update runs set log_bytes = log_bytes + cast(more.value as bigint)
		from `+tx.store.dialect.members(1)+` as more where runs.id = more.key`, toJSON(bytes))
}

// rows returns n rows of parameters, each of some width.
func rows(n, width int) string {
	var b strings.Builder
	for i := range n * width {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%width == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "$%d", i+1)
	}
	return b.String() + ")"
}

// LogEnds returns where the logs of runs end and holds those runs until the
// commit. What is not there, or held by somebody else, is left out: whoever
// holds many runs must not wait for one of them.
func (tx *Tx) LogEnds(ctx context.Context, ids []domain.RunID) (map[domain.RunID]domain.LogEnd, error) {
	if lock := tx.store.dialect.forUpdate(); lock != "" {
		var err error
		if ids, err = many(ctx, tx, func(s scanner) (id domain.RunID, err error) { return id, s.Scan(&id) },
			`select id from runs where `+tx.store.dialect.in("id", 1)+` order by id`+lock+` skip locked`, toJSON(ids)); err != nil {
			return nil, err
		}
	}
	out := make(map[domain.RunID]domain.LogEnd, len(ids))
	_, err := many(ctx, tx, func(s scanner) (e domain.LogEnd, err error) {
		var id domain.RunID
		var lease int64
		err = s.Scan(&id, &e.Epoch, &lease, &e.StateSerial, &e.Bytes, &e.Pool, &e.LeaseHash, &e.Next)
		if e.Leased = lease > 0; e.Pool == "" {
			e.Pool = domain.DefaultWorkerPool
		}
		out[id] = e
		return e, err
	}, `select r.id, r.epoch, r.lease_until, r.serial, r.log_bytes, s.worker_pool, r.lease_hash,
		(select coalesce(max(l.seq) + 1, 0) from run_logs l where l.run_id = r.id and l.epoch = r.epoch)
		from runs r join stacks s on s.id = r.stack_id where `+tx.store.dialect.in("r.id", 1), toJSON(ids))
	return out, err
}

// RunLog finds up to limit chunks of one state of a run in order, from the
// position after. A negative serial means every visit of that state; no state
// means all. OpenLog reads what is found.
func (tx *Tx) RunLog(ctx context.Context, id domain.RunID, state domain.RunState, serial int, after domain.LogPosition, limit int) (domain.FoundLog, error) {
	found := domain.FoundLog{After: after, Limit: limit}
	left := limit
	for left > 0 {
		// One at a time: one is more than a page, mostly.
		parts, err := tx.nextPart(ctx, id, state, serial, after)
		if err != nil {
			return found, err
		}
		if len(parts) == 0 {
			break
		}
		p := parts[0]
		first := p.First
		if p.Epoch == after.Epoch {
			first = max(first, after.Seq+1)
		}
		found.Parts, left = append(found.Parts, p), left-(p.Last-first+1)
		after = domain.LogPosition{Epoch: p.Epoch, Seq: p.Last}
	}
	if left > 0 {
		var err error
		found.Loose, err = many(ctx, tx, tx.scanChunk, `select run_id, epoch, seq, serial, state, body, sealed from run_logs
			where run_id = $1 and ($2 = '' or state = $2) and ($3 < 0 or serial = $3) and (epoch > $4 or (epoch = $4 and seq > $5))
			order by epoch, seq limit $6`,
			id, state, serial, after.Epoch, after.Seq, left)
		if err != nil {
			return found, err
		}
	}
	found.More = left <= len(found.Loose)
	return found, nil
}

// LooseLog returns what is kept of a run's log and not packed yet, in order.
func (tx *Tx) LooseLog(ctx context.Context, id domain.RunID) ([]domain.LogChunk, error) {
	return many(ctx, tx, tx.scanChunk, `select run_id, epoch, seq, serial, state, body, sealed from run_logs where run_id = $1 order by epoch, seq`, id)
}

func (tx *Tx) sealChunk(c domain.LogChunk) ([]byte, error) {
	return tx.seal([]byte(c.Body), "log", string(c.RunID), strconv.Itoa(c.Epoch), strconv.Itoa(c.Seq))
}

// scanChunk reads a chunk. Those that are older than the sealing of logs are
// there in the clear until their run's log is packed.
func (tx *Tx) scanChunk(s scanner) (c domain.LogChunk, err error) {
	var sealed []byte
	if err := s.Scan(&c.RunID, &c.Epoch, &c.Seq, &c.StateSerial, &c.State, &c.Body, &sealed); err != nil || sealed == nil {
		return c, err
	}
	plain, err := tx.open(sealed, "log", string(c.RunID), strconv.Itoa(c.Epoch), strconv.Itoa(c.Seq))
	if err != nil {
		return c, fmt.Errorf("open piece %d.%d of the log of run %s: %w", c.Epoch, c.Seq, c.RunID, err)
	}
	c.Body = string(plain)
	return c, nil
}

// PutWorkspace keeps a planned workspace until the apply, staged or not.
func (tx *Tx) PutWorkspace(ctx context.Context, p access.Permit, id domain.RunID, kept domain.Stored) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	return tx.exec(ctx, `insert into run_workspaces (run_id, sealed, object, created_at) values ($1, $2, $3, $4)
		on conflict (run_id) do update set sealed = excluded.sealed, object = excluded.object, created_at = excluded.created_at`,
		id, kept.Sealed, kept.Object, micros(tx.now))
}

// Workspace returns where a kept workspace is.
func (tx *Tx) Workspace(ctx context.Context, id domain.RunID) (domain.Stored, error) {
	return one(ctx, tx, "workspace", scanStored("workspace", string(id)), `select sealed, object from run_workspaces where run_id = $1`, id)
}

// scanStored reads the columns sealed and object of one record.
func scanStored(record ...string) func(scanner) (domain.Stored, error) {
	return func(s scanner) (kept domain.Stored, err error) {
		kept.Record = joinAAD(record)
		return kept, s.Scan(&kept.Sealed, &kept.Object)
	}
}

// DropWorkspace forgets a workspace that nobody needs any more.
func (tx *Tx) DropWorkspace(ctx context.Context, p access.Permit, id domain.RunID) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	gone, err := many(ctx, tx, scanString, `delete from run_workspaces where run_id = $1 returning object`, id)
	tx.forget(gone...)
	return err
}

func scanBytes(s scanner) (b []byte, err error) { return b, s.Scan(&b) }
