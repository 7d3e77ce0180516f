package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// partBytes is about how much log one part holds before it is compressed.
const partBytes = 2 << 20

// packedChunk is one piece of log within a part.
type packedChunk struct {
	Seq  int
	Body string
}

func partRecord(p domain.LogPart) []string {
	return []string{"log-part", string(p.RunID), strconv.Itoa(p.Epoch), strconv.Itoa(p.First)}
}

// StageLog packs the log of a run that has ended, and puts the parts into
// object storage, if there is one. Nothing is changed before KeepPacked.
func (s *Store) StageLog(ctx context.Context, id domain.RunID) (out domain.PackedLog, err error) {
	var chunks []domain.LogChunk
	err = s.View(ctx, func(tx *Tx) error {
		chunks, err = tx.LooseLog(ctx, id)
		return err
	})
	if err != nil {
		return out, err
	}
	out = domain.PackedLog{RunID: id, Pieces: len(chunks)}
	for len(chunks) > 0 {
		n := partLength(chunks)
		p, body, err := packPart(chunks[:n])
		if err == nil {
			p.Stored, err = s.stage(ctx, "logs", body, partRecord(p)...)
		}
		if err != nil {
			return out, err
		}
		out.Parts, chunks = append(out.Parts, p), chunks[n:]
	}
	return out, nil
}

// partLength is how many of the pieces make the next part: those of one lease
// and one step of the run, up to a size.
func partLength(chunks []domain.LogChunk) int {
	size := 0
	for i, c := range chunks {
		if c.Epoch != chunks[0].Epoch || c.StateSerial != chunks[0].StateSerial || c.State != chunks[0].State || size >= partBytes {
			return i
		}
		size += len(c.Body)
	}
	return len(chunks)
}

func packPart(chunks []domain.LogChunk) (domain.LogPart, []byte, error) {
	first, last := chunks[0], chunks[len(chunks)-1]
	p := domain.LogPart{RunID: first.RunID, Epoch: first.Epoch, First: first.Seq, Last: last.Seq, StateSerial: first.StateSerial, State: first.State}
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	enc := json.NewEncoder(zip)
	enc.SetEscapeHTML(false)
	for _, c := range chunks {
		if err := enc.Encode(packedChunk{Seq: c.Seq, Body: c.Body}); err != nil {
			return p, nil, err
		}
	}
	err := zip.Close()
	return p, out.Bytes(), err
}

func unpackPart(p domain.LogPart, body []byte) ([]domain.LogChunk, error) {
	zip, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	var out []domain.LogChunk
	for dec := json.NewDecoder(zip); dec.More(); {
		var c packedChunk
		if err := dec.Decode(&c); err != nil {
			return nil, err
		}
		out = append(out, domain.LogChunk{RunID: p.RunID, Epoch: p.Epoch, Seq: c.Seq, StateSerial: p.StateSerial, State: p.State, Body: c.Body})
	}
	if n := len(out); n == 0 || out[0].Seq != p.First || out[n-1].Seq != p.Last {
		return nil, fmt.Errorf("has not the pieces %d to %d", p.First, p.Last)
	}
	return out, nil
}

// KeepPacked keeps the parts of a log instead of its pieces. It is a conflict
// where these are no longer what was packed.
func (tx *Tx) KeepPacked(ctx context.Context, p access.Permit, log domain.PackedLog) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	gone, err := tx.execN(ctx, `delete from run_logs where run_id = $1`, log.RunID)
	if err != nil {
		return err
	}
	if gone != int64(log.Pieces) {
		return domain.Conflict("the log of run %s was packed meanwhile", log.RunID)
	}
	for _, part := range log.Parts {
		err := tx.exec(ctx, `insert into run_log_parts (run_id, epoch, first, last, serial, state, sealed, object, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			part.RunID, part.Epoch, part.First, part.Last, part.StateSerial, part.State, part.Stored.Sealed, part.Stored.Object, micros(tx.now))
		if err != nil {
			return err
		}
	}
	return nil
}

// UnpackedRuns returns up to limit runs that have ended before a time and whose
// log is in pieces, the oldest first, but for those in but.
func (tx *Tx) UnpackedRuns(ctx context.Context, before time.Time, but []domain.RunID, limit int) ([]domain.RunID, error) {
	return many(ctx, tx, func(s scanner) (id domain.RunID, err error) { return id, s.Scan(&id) },
		`select id from runs where id in (select run_id from run_logs) and state not in `+open+` and updated_at < $1
			and not `+tx.store.dialect.in("id", 2)+` order by id limit $3`,
		micros(before), toJSON(list(but)), limit)
}

// nextPart returns the first packed part behind a position, if there is one.
func (tx *Tx) nextPart(ctx context.Context, id domain.RunID, state domain.RunState, serial int, after domain.LogPosition) ([]domain.LogPart, error) {
	return many(ctx, tx, func(s scanner) (r domain.LogPart, err error) {
		err = s.Scan(&r.RunID, &r.Epoch, &r.First, &r.Last, &r.StateSerial, &r.State, &r.Stored.Sealed, &r.Stored.Object)
		r.Stored.Record = joinAAD(partRecord(r))
		return r, err
	}, `select run_id, epoch, first, last, serial, state, sealed, object from run_log_parts
		where run_id = $1 and ($2 = '' or state = $2) and ($3 < 0 or serial = $3) and (epoch > $4 or (epoch = $4 and last > $5))
		order by epoch, first limit 1`, id, state, serial, after.Epoch, after.Seq)
}

// OpenLog reads what a transaction has found of a log, in order.
func (s *Store) OpenLog(ctx context.Context, found domain.FoundLog) ([]domain.LogChunk, error) {
	out := []domain.LogChunk{}
	for _, part := range found.Parts {
		body, err := s.Fetch(ctx, part.Stored)
		if err != nil {
			return nil, err
		}
		chunks, err := unpackPart(part, body)
		if err != nil {
			return nil, fmt.Errorf("part %d.%d of the log of run %s: %w", part.Epoch, part.First, part.RunID, err)
		}
		for _, c := range chunks {
			if (c.Epoch > found.After.Epoch || c.Seq > found.After.Seq) && len(out) < found.Limit {
				out = append(out, c)
			}
		}
	}
	return append(out, found.Loose...), nil
}

// OpenLog implements what the use cases of runs ask of a store.
func (b Bound[T]) OpenLog(ctx context.Context, found domain.FoundLog) ([]domain.LogChunk, error) {
	return b.store.OpenLog(ctx, found)
}

// StageLog implements what the upkeep asks of a store.
func (b Bound[T]) StageLog(ctx context.Context, id domain.RunID) (domain.PackedLog, error) {
	return b.store.StageLog(ctx, id)
}
