package runs

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
)

// LogPage is a part of one state's log.
type LogPage struct {
	Lines    []string // with their line ends
	Next     string   // token for the page behind this one
	HasMore  bool     // there is another page now
	Finished bool     // nothing will follow any more
}

// chunksPerPage bounds one answer; a chunk holds up to some 32 KiB.
const chunksPerPage = 64

// Logs returns the log of one state of a run behind token. A negative serial
// means every visit of that state.
func (s *Service) Logs(ctx context.Context, id domain.RunID, state domain.RunState, serial int, token string) (p LogPage, err error) {
	after, err := parseToken(token)
	if err != nil {
		return p, err
	}
	if serial > math.MaxInt32 {
		return p, domain.Invalid("stateVersion", "is larger than any")
	}
	var run domain.Run
	var found domain.FoundLog
	err = s.db.View(ctx, func(tx Tx) error {
		if run, err = s.see(ctx, tx, id); err != nil {
			return err
		}
		found, err = tx.RunLog(ctx, id, state, serial, after, chunksPerPage)
		return err
	})
	if err != nil {
		return p, err
	}
	chunks, err := s.db.OpenLog(ctx, found)
	if err != nil {
		return p, err
	}
	for _, c := range chunks {
		p.Lines = append(p.Lines, strings.SplitAfter(c.Body, "\n")...)
		after = domain.LogPosition{Epoch: c.Epoch, Seq: c.Seq}
	}
	p.Lines = dropEmpty(p.Lines)
	p.HasMore = found.More
	p.Finished = !p.HasMore && (run.State.Terminal() || run.State != state || (serial >= 0 && run.StateSerial > serial))
	p.Next = fmt.Sprintf("%d.%d", after.Epoch, after.Seq)
	return p, nil
}

func dropEmpty(lines []string) []string {
	out := lines[:0]
	for _, l := range lines {
		if l != "" {
			out = append(out, l)
		}
	}
	return out
}

func parseToken(token string) (domain.LogPosition, error) {
	p := domain.LogPosition{Epoch: 0, Seq: -1}
	if token == "" {
		return p, nil
	}
	epoch, seq, _ := strings.Cut(token, ".")
	e, err1 := strconv.ParseInt(epoch, 10, 32)
	n, err2 := strconv.ParseInt(seq, 10, 32)
	if err1 != nil || err2 != nil {
		return p, domain.Invalid("token", "is not a token of an earlier page")
	}
	return domain.LogPosition{Epoch: int(e), Seq: int(n)}, nil
}

// maxLog bounds the log of one run in bytes, so that no code can fill the
// database.
const maxLog = 64 << 20

const logCut = "\n[The log of this run is longer than 64 MiB; the rest is not kept.]\n"

// fit returns what may still be kept of a piece of log, of a run that has used
// bytes of log already. What is left out is stored as an empty piece, because
// their numbers have no gaps.
func fit(used int64, body string) string {
	switch {
	case used+int64(len(body)) <= maxLog:
		return body
	case used <= maxLog:
		return strings.ToValidUTF8(body[:maxLog-used], "") + logCut // this takes it over the limit
	default:
		return ""
	}
}
