package runner

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/secrets"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// sink is an API of which only AppendLogs is called.
type sink struct {
	workerapi.API
	chunks []workerapi.LogChunk
	at     []time.Time
	hold   chan struct{} // when set, every call waits for it
}

func (s *sink) AppendLogs(ctx context.Context, c workerapi.LogChunk) error {
	if s.hold != nil {
		select {
		case <-s.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.chunks = append(s.chunks, c)
	s.at = append(s.at, time.Now())
	return nil
}

func journalOn(t *testing.T, s *sink) *journal {
	l := newLease(t.Context(), s, workerapi.LeaseRef{}, 0, func() bool { return false })
	j := newJournal(l, secrets.NewMasker(nil), domain.RunPreparing)
	t.Cleanup(func() { l.end(nil); j.close() })
	return j
}

func TestJournalBatchesByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		j := journalOn(t, s)
		began := time.Now()
		j.say("one")
		time.Sleep(50 * time.Millisecond)
		j.say("two")
		time.Sleep(time.Second)
		synctest.Wait()
		if len(s.chunks) != 1 || s.chunks[0].Text != "one\ntwo\n" || s.at[0].Sub(began) != batchTime {
			t.Errorf("chunks %v at %v", s.chunks, s.at)
		}
		j.say("three")
		time.Sleep(time.Second)
		synctest.Wait()
		if len(s.chunks) != 2 || s.chunks[1].Seq != 1 {
			t.Errorf("chunks %v", s.chunks)
		}
	})
}

func TestJournalFlushAndStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		j := journalOn(t, s)
		_, _ = j.Write([]byte("no newline"))
		j.enter(domain.RunInitializing) // an unfinished line goes where it ends
		j.say("a")
		if err := j.flush(); err != nil {
			t.Fatal(err)
		}
		j.enter(domain.RunPlanning)
		j.say(strings.Repeat("x", batchSize))
		j.say("b")
		if err := j.flush(); err != nil {
			t.Fatal(err)
		}
		if len(s.chunks) != 3 || s.chunks[0].Text != "no newline\na\n" || s.chunks[0].State != domain.RunInitializing ||
			len(s.chunks[1].Text) != batchSize+1 || s.chunks[2].Text != "b\n" || s.chunks[2].State != domain.RunPlanning {
			t.Errorf("chunks %d %v", len(s.chunks), s.chunks)
		}
	})
}

func TestJournalBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{hold: make(chan struct{})}
		j := journalOn(t, s)
		line := strings.Repeat("y", 32<<10)
		written := 0
		go func() {
			for range maxSpool/len(line) + 10 {
				j.say(line)
				written++
			}
		}()
		synctest.Wait()
		if most := maxSpool/len(line) + 2; written == 0 || written > most {
			t.Errorf("%d lines were taken while nothing was sent, want at most %d", written, most)
		}
		close(s.hold)
		synctest.Wait()
		if written != maxSpool/len(line)+10 {
			t.Errorf("the writer is still held up after %d lines", written)
		}
		if err := j.flush(); err != nil || len(s.chunks) != written {
			t.Errorf("flush: %v, %d chunks of %d lines", err, len(s.chunks), written)
		}
	})
}

func TestJournalEndsWithTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{hold: make(chan struct{})}
		j := journalOn(t, s)
		j.say("never sent")
		go func() {
			time.Sleep(time.Second)
			j.lease.lost("gone", 0)
		}()
		if err := j.flush(); !silent(err) {
			t.Errorf("flush = %v", err)
		}
		j.say("dropped")
		synctest.Wait()
		if len(s.chunks) > 0 {
			t.Errorf("sent %v", s.chunks)
		}
	})
}

// TestJournalHandsOver: what is handed over is sent by nobody else, comes in
// order, and is back if it was not taken.
func TestJournalHandsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		j := journalOn(t, s)
		hand := func(want int) func(bool) {
			t.Helper()
			pieces, taken, err := j.handOver()
			if err != nil || len(pieces) != want {
				t.Fatalf("handed over %v, %v; want %d pieces", pieces, err, want)
			}
			s.chunks = append(s.chunks, pieces...)
			return taken
		}
		hand(0)(true)
		j.say("one")
		j.enter(domain.RunInitializing)
		j.say("two")
		taken := hand(2)
		j.say("three")
		time.Sleep(time.Second)
		synctest.Wait()
		if len(s.chunks) != 2 {
			t.Errorf("something was sent meanwhile: %v", s.chunks)
		}
		s.chunks = nil
		taken(false)
		time.Sleep(time.Second)
		synctest.Wait()
		j.say("four")
		hand(1)(true)
		hand(0)(true)
		text, seq := "", []int{}
		for _, c := range s.chunks {
			text, seq = text+string(c.State)+" "+c.Text, append(seq, c.Seq)
		}
		if want := "PREPARING one\nINITIALIZING two\nthree\nINITIALIZING four\n"; text != want || !slices.Equal(seq, []int{0, 1, 2}) {
			t.Errorf("sent %q, %v", text, seq)
		}
	})
}
