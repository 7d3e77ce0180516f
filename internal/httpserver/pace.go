package httpserver

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
)

// How slowly a body may come, or be taken: only the time counts in which the
// server waits for the other end.
const (
	window      = 10 * time.Second
	windowBytes = 320 << 10 // must move in each window, the last one excepted
	piece       = 64 << 10  // is written at a time
)

// pace is how long the server still waits for a body to move.
type pace struct {
	left  time.Duration // for all of it
	spent time.Duration // of this window
	moved int           // bytes in this window
}

// until is when the next step must have been made.
func (p *pace) until(now time.Time) time.Time { return now.Add(min(p.left, window-p.spent)) }

// step notes what a step has moved and how long it took.
func (p *pace) step(bytes int, took time.Duration) {
	p.left -= took
	p.spent += took
	if p.moved += bytes; p.moved >= windowBytes {
		p.moved, p.spent = 0, 0
	}
}

// paced bounds how long the body of a request may take to arrive, and how slowly
// that and the answer may move: who sends or reads nothing shall not hold what
// there is of memory and places.
func paced(receive time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Only a test's recorder cannot set deadlines.
		c := http.NewResponseController(w)
		out := &pacedAnswer{ResponseWriter: w, pace: pace{left: max(receive, transferTime)}, deadline: c.SetWriteDeadline}
		// What is still in buffers is sent afterwards, and after the little that is
		// read then.
		defer func() { _ = c.SetWriteDeadline(time.Now().Add(2 * window)) }()
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(out, r)
			return
		}
		in := &pacedBody{ReadCloser: r.Body, pace: pace{left: receive}, deadline: c.SetReadDeadline}
		// What was not read is read afterwards, a little of it.
		defer func() {
			if !in.ended {
				_ = c.SetReadDeadline(time.Now().Add(window))
			}
		}()
		r = r.WithContext(r.Context()) // net/http looks at the body of its own request
		r.Body = in
		next.ServeHTTP(out, r)
	})
}

// pacedBody is the body of a request.
type pacedBody struct {
	io.ReadCloser
	pace
	deadline func(time.Time) error
	ended    bool
}

// Read implements io.Reader.
func (b *pacedBody) Read(p []byte) (int, error) {
	began := time.Now()
	if !b.ended {
		_ = b.deadline(b.until(began))
	}
	n, err := b.ReadCloser.Read(p)
	b.step(n, time.Since(began))
	switch {
	case errors.Is(err, io.EOF):
		b.ended = true // now net/http listens for the end of the connection, with a deadline of its own
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = &domain.Error{Code: domain.CodeUnavailable, Message: "the request arrived too slowly, and was not read to its end; send it again"}
	}
	return n, err
}

// pacedAnswer is the answer to a request.
type pacedAnswer struct {
	http.ResponseWriter
	pace
	deadline func(time.Time) error
}

// Write implements io.Writer.
func (a *pacedAnswer) Write(p []byte) (n int, err error) {
	for {
		part := p[n:min(len(p), n+piece)]
		began := time.Now()
		_ = a.deadline(a.until(began))
		wrote, err := a.ResponseWriter.Write(part)
		a.step(wrote, time.Since(began))
		if n += wrote; err != nil || n == len(p) {
			return n, err
		}
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (a *pacedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
