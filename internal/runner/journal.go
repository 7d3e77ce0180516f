package runner

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/secrets"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// How the log travels: lines wait for company up to batchTime or batchSize;
// what is not sent yet is bounded, and a full spool holds up the writer.
const (
	batchTime = 100 * time.Millisecond
	batchSize = 32 << 10
	maxSpool  = 64 << 20
)

// journal is the run's log on its way to the control plane: masked, in order,
// numbered, sent by a goroutine of its own.
type journal struct {
	lines *secrets.LineWriter
	lease *lease

	mu      sync.Mutex
	changed *sync.Cond
	queue   []entry
	size    int
	state   domain.RunState
	flushes int // callers that wait for an empty queue
	sending bool
	closed  bool
	failed  error
	seq     int
	started time.Time // when the first entry of the queue came
	done    chan struct{}
}

// entry is one line, with the state that it belongs to.
type entry struct {
	state domain.RunState
	text  string
}

func newJournal(l *lease, m *secrets.Masker, first domain.RunState) *journal {
	j := &journal{lease: l, state: first, done: make(chan struct{})}
	j.changed = sync.NewCond(&j.mu)
	j.lines = secrets.NewLineWriter(m, j.append)
	context.AfterFunc(l.ctx, j.wake)
	go j.send()
	return j
}

func (j *journal) wake() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.changed.Broadcast()
}

// Write implements io.Writer. It waits while the spool is full.
func (j *journal) Write(p []byte) (int, error) { return j.lines.Write(p) }

// say writes a line of the worker's own.
func (j *journal) say(text string) {
	j.lines.Flush()
	_, _ = j.Write([]byte(text + "\n"))
}

func (j *journal) append(line string) {
	line = strings.ToValidUTF8(line, "\uFFFD")
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.size >= maxSpool && j.open() {
		j.changed.Wait()
	}
	if !j.open() {
		return
	}
	if len(j.queue) == 0 {
		j.started = time.Now()
		time.AfterFunc(batchTime, j.wake)
	}
	j.queue = append(j.queue, entry{j.state, line})
	j.size += len(line)
	if len(j.queue) == 1 || j.size >= batchSize {
		j.changed.Broadcast()
	}
}

// open reports whether the log still goes anywhere; j.mu is held.
func (j *journal) open() bool { return !j.closed && j.failed == nil && j.lease.ctx.Err() == nil }

// enter makes later lines belong to another state.
func (j *journal) enter(state domain.RunState) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.state = state
}

// flush returns when every line so far was taken by the control plane, or the
// lease has ended.
func (j *journal) flush() error {
	j.lines.Flush()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.flushes++
	defer func() { j.flushes-- }()
	j.changed.Broadcast()
	for (len(j.queue) > 0 || j.sending) && j.open() {
		j.changed.Wait()
	}
	if err := context.Cause(j.lease.ctx); err != nil {
		return err
	}
	return j.failed
}

// handOver takes what is not sent yet, for a message that brings it along, and
// waits for what is on its way. Nothing else is sent until taken is called, which
// says whether the control plane has it.
func (j *journal) handOver() (pieces []workerapi.LogChunk, taken func(bool), err error) {
	j.lines.Flush()
	j.mu.Lock()
	defer j.mu.Unlock()
	for (j.sending || j.size > batchSize) && j.open() {
		j.flushes++
		j.changed.Broadcast()
		j.changed.Wait()
		j.flushes--
	}
	if err := context.Cause(j.lease.ctx); err != nil {
		return nil, nil, err
	}
	if j.failed != nil {
		return nil, nil, j.failed
	}
	entries, size := j.queue, j.size
	for _, e := range entries {
		if n := len(pieces); n == 0 || pieces[n-1].State != e.state {
			pieces = append(pieces, workerapi.LogChunk{Ref: j.lease.ref, Seq: j.seq + n, State: e.state})
		}
		pieces[len(pieces)-1].Text += e.text
	}
	j.queue, j.size, j.sending = nil, 0, true
	return pieces, func(taken bool) {
		j.mu.Lock()
		defer j.mu.Unlock()
		if j.sending = false; taken {
			j.seq += len(pieces)
		} else {
			j.queue, j.size = append(entries, j.queue...), j.size+size
		}
		j.changed.Broadcast()
	}, nil
}

// close ends the sender; lines that come later are dropped.
func (j *journal) close() {
	j.mu.Lock()
	j.closed = true
	j.changed.Broadcast()
	j.mu.Unlock()
	<-j.done
}

// send is the sender's goroutine.
func (j *journal) send() {
	defer close(j.done)
	for {
		chunk, ok := j.next()
		if !ok {
			return
		}
		err := j.lease.try(func(ctx context.Context) error { return j.lease.api.AppendLogs(ctx, chunk) })
		j.mu.Lock()
		j.sending = false
		if err != nil {
			j.failed = err
		}
		j.changed.Broadcast()
		j.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// next waits for a batch and takes it off the queue.
func (j *journal) next() (workerapi.LogChunk, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.open() && !j.ripe() {
		j.changed.Wait()
	}
	if !j.open() {
		return workerapi.LogChunk{}, false
	}
	var text strings.Builder
	n, state := 0, j.queue[0].state
	for n < len(j.queue) && j.queue[n].state == state && (n == 0 || text.Len()+len(j.queue[n].text) <= batchSize) {
		text.WriteString(j.queue[n].text)
		n++
	}
	clear(j.queue[:n])
	j.queue = j.queue[n:]
	j.size -= text.Len()
	j.sending = true
	chunk := workerapi.LogChunk{Ref: j.lease.ref, Seq: j.seq, State: state, Text: text.String()}
	j.seq++
	return chunk, true
}

// ripe reports whether a batch should go; j.mu is held.
func (j *journal) ripe() bool {
	return len(j.queue) > 0 && !j.sending && (j.flushes > 0 || j.size >= batchSize || time.Since(j.started) >= batchTime)
}
