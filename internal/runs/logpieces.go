package runs

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// How much of the logs of all runs one transaction takes, and how long it may.
const (
	mostPieces     = 256
	mostPieceBytes = 4 << 20
	piecesTime     = 20 * time.Second
)

// pieces are pieces of logs on their way into the database. Those that come
// while others are being written are written together: a commit costs the same
// for one as for a hundred.
type pieces struct {
	mu      sync.Mutex
	waiting []*piece
	writing bool
}

// piece is one piece of a run's log. done tells its sender what became of it,
// and nothing is told before the commit.
type piece struct {
	lease Lease
	chunk domain.LogChunk // without the state's serial
	done  chan error
}

// AppendLog stores a piece of the run's log. Pieces are numbered without gaps;
// one that came before is ignored.
func (s *Service) AppendLog(ctx context.Context, l Lease, seq int, state domain.RunState, body string) error {
	p := &piece{lease: l, done: make(chan error, 1), chunk: domain.LogChunk{
		RunID: l.Run, Epoch: l.Epoch, Seq: seq, State: state, Body: legible(body),
	}}
	if s.pieces.add(p) {
		go s.writePieces(context.WithoutCancel(ctx)) // the others must not lose theirs when this one hangs up
	}
	select {
	case err := <-p.done:
		return s.recorded(ctx, l, err)
	case <-ctx.Done():
		return domain.Unavailable("the database", ctx.Err())
	}
}

// add reports whether nobody is there yet who writes.
func (q *pieces) add(p *piece) (first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, p)
	first, q.writing = !q.writing, true
	return first
}

// next takes what is to be written together, nothing when all is written.
func (q *pieces) next() []*piece {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, 0
	for n < len(q.waiting) && n < mostPieces && (n == 0 || size+len(q.waiting[n].chunk.Body) <= mostPieceBytes) {
		size += len(q.waiting[n].chunk.Body)
		n++
	}
	out := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	q.writing = n > 0
	return out
}

func (s *Service) writePieces(ctx context.Context) {
	for batch := s.pieces.next(); len(batch) > 0; batch = s.pieces.next() {
		s.writeTogether(ctx, batch)
	}
}

// writeTogether writes pieces in one transaction and answers their senders. A
// piece whose run somebody else holds is written by itself, and so is each if
// they cannot be written together: what is wrong with one is not the others'
// fault.
func (s *Service) writeTogether(ctx context.Context, batch []*piece) {
	b := &pieceBatch{pieces: batch}
	within, cancel := context.WithTimeout(ctx, piecesTime)
	err := s.db.Change(within, func(tx Tx) error { return s.append(within, tx, b) })
	cancel()
	for i, p := range batch {
		switch {
		case domain.ErrorCode(err) == domain.CodeUnavailable:
			p.done <- err
		case err == nil && !b.alone[i]:
			p.done <- b.verdicts[i]
		default:
			go func() { p.done <- s.writeAlone(ctx, p) }()
		}
	}
}

// writeAlone waits for the run as every other message of its worker does.
func (s *Service) writeAlone(ctx context.Context, p *piece) error {
	ctx, cancel := context.WithTimeout(ctx, piecesTime)
	defer cancel()
	b := &pieceBatch{pieces: []*piece{p}}
	err := s.db.Change(ctx, func(tx Tx) error {
		if _, _, err := s.held(ctx, tx, p.lease); err != nil {
			return err
		}
		return s.append(ctx, tx, b)
	})
	if err != nil {
		return err
	}
	return b.verdicts[0]
}

// appendOf writes what a report of a lease that is held brings along.
func (s *Service) appendOf(ctx context.Context, tx Tx, l Lease, log []domain.LogChunk) error {
	if len(log) == 0 {
		return nil
	}
	b := &pieceBatch{pieces: make([]*piece, len(log))}
	for i, c := range log {
		c.RunID, c.Epoch, c.Body = l.Run, l.Epoch, legible(c.Body)
		b.pieces[i] = &piece{lease: l, chunk: c}
	}
	return errors.Join(s.append(ctx, tx, b), errors.Join(b.verdicts...))
}

// pieceBatch is what one transaction writes. The verdicts count once it is
// committed.
type pieceBatch struct {
	pieces   []*piece
	verdicts []error
	alone    []bool // the run is held by somebody else, or there is none
}

func (s *Service) append(ctx context.Context, tx Tx, b *pieceBatch) error {
	b.verdicts, b.alone = make([]error, len(b.pieces)), make([]bool, len(b.pieces))
	permit, err := s.gate.System(access.SystemRunLease, access.KindRun, "")
	if err != nil {
		return err
	}
	ids := make([]domain.RunID, len(b.pieces))
	for i, p := range b.pieces {
		ids[i] = p.lease.Run
	}
	ends, err := tx.LogEnds(ctx, ids)
	if err != nil {
		return err
	}
	refused, err := refusedKeys(ctx, tx, b.pieces)
	if err != nil {
		return err
	}
	var chunks []domain.LogChunk
	for i, p := range b.pieces {
		end, found := ends[p.lease.Run]
		b.alone[i] = !found
		if b.verdicts[i] = refused[p.lease.Key]; b.alone[i] || b.verdicts[i] != nil {
			continue
		}
		var chunk *domain.LogChunk
		if chunk, b.verdicts[i] = p.place(&end); chunk != nil {
			chunks, ends[p.lease.Run] = append(chunks, *chunk), end
		}
	}
	return tx.AppendLog(ctx, permit, chunks)
}

// refusedKeys says of each worker's proof why it does not hold any more.
func refusedKeys(ctx context.Context, tx Tx, batch []*piece) (map[domain.PoolKey]error, error) {
	out := map[domain.PoolKey]error{}
	for _, p := range batch {
		key := p.lease.Key
		if _, known := out[key]; known {
			continue
		}
		out[key] = alive(ctx, tx, key)
		if err := out[key]; err != nil && domain.ErrorCode(err) != domain.CodeUnauthenticated {
			return nil, err
		}
	}
	return out, nil
}

// place puts a piece behind the end of its run's log, which it moves. It returns
// nothing for a piece that is there already.
func (p *piece) place(end *domain.LogEnd) (*domain.LogChunk, error) {
	if err := p.lease.fits(end.Pool, end.Epoch, end.Leased, end.LeaseHash); err != nil {
		return nil, err
	}
	chunk := p.chunk
	switch {
	case chunk.Seq < end.Next:
		return nil, nil
	case chunk.Seq > end.Next:
		return nil, domain.Conflict("log piece %d of run %s came before piece %d", chunk.Seq, chunk.RunID, end.Next)
	}
	chunk.StateSerial, chunk.Body = end.StateSerial, fit(end.Bytes, chunk.Body)
	end.Next++
	end.Bytes += int64(len(chunk.Body))
	return &chunk, nil
}
