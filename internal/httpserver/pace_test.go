package httpserver_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/httpserver"
	"github.com/airlock-project/airlock/internal/telemetry"
)

// pipes is a network without buffers: what one end writes the other one reads.
type pipes struct{ conns chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial() net.Conn {
	near, far := net.Pipe()
	p.conns <- far
	return near
}

// slow is a server in a bubble where time passes only while everybody waits. All
// that takes or gives something large does what handler does.
func slow(t *testing.T, handler http.HandlerFunc, test func(t *testing.T, p pipes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		server := &http.Server{Handler: httpserver.Handler(httpserver.Parts{
			State: handler, Uploads: handler, Workers: handler, GraphQL: handler,
			States:  httpserver.StateDoors{Transfers: handler, Remote: handler},
			Metrics: telemetry.NewMetrics(),
			NewID:   func() string { n++; return fmt.Sprint("id-", n) },
		}), IdleTimeout: time.Minute}
		p := pipes{make(chan net.Conn)}
		ended := make(chan error)
		go func() { ended <- server.Serve(p) }()
		test(t, p)
		close(p.conns)
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		_ = server.Close()
		time.Sleep(time.Minute) // of the bubble's time, for all that is cut off to end
	})
}

// send sends the head of a request, and then so many bytes in each step.
func send(c net.Conn, path string, length, step int, every time.Duration) {
	_, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", path, length)
	for n := 0; n < length && err == nil; n += step {
		time.Sleep(every) // of the bubble's time
		_, err = c.Write(make([]byte, min(step, length-n)))
	}
}

// answer reads an answer and tells how long it took to come.
func answer(t *testing.T, c net.Conn) (string, time.Duration) {
	t.Helper()
	began := time.Now()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return err.Error(), time.Since(began)
	}
	defer func() { _ = res.Body.Close() }()
	said, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return string(said), time.Since(began)
}

// whole takes a body, as those do that hold it in memory.
func whole(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintf(w, "%d bytes", len(body))
}

var receiving = []string{"/state/v1/k", "/transfers/x", "/uploads/workspaces/a/b", "/worker/v1/runs/r/leases/1/workspace", "/worker/v1/advance"}

// TestSlowSenders: who sends a body byte by byte is cut off after seconds, is told
// why, and keeps nobody out who waits for his place.
func TestSlowSenders(t *testing.T) {
	for _, path := range receiving {
		t.Run(path, func(t *testing.T) {
			var room chan struct{}
			slow(t, func(w http.ResponseWriter, r *http.Request) {
				room <- struct{}{}
				defer func() { <-room }()
				whole(w, r)
			}, func(t *testing.T, p pipes) {
				room = make(chan struct{}, 1)
				trickles, waits := p.dial(), p.dial()
				go send(trickles, path, 1<<20, 1, time.Second)
				time.Sleep(time.Second)
				go send(waits, path, 100, 100, 0)
				if said, took := answer(t, waits); said != "100 bytes" || took > 10*time.Second {
					t.Errorf("who waited got %q after %v", said, took)
				}
				if said, _ := answer(t, trickles); !strings.Contains(said, "too slowly") {
					t.Errorf("the slow one got %q", said)
				}
				_, _ = trickles.Close(), waits.Close()
			})
		})
	}
}

// TestPaceOfSenders says what is too slow: also a sender that was fast, and one
// that is steady but never ends.
func TestPaceOfSenders(t *testing.T) {
	for name, c := range map[string]struct {
		length, step int
		every        time.Duration
		says         string
		after        time.Duration
	}{
		"steady":              {2 << 20, 40 << 10, time.Second, "2097152 bytes", 53 * time.Second},
		"a last little":       {320<<10 + 1, 320 << 10, 9 * time.Second, "327681 bytes", 18 * time.Second},
		"too little":          {2 << 20, 20 << 10, time.Second, "too slowly", 11 * time.Second},
		"fast, and then none": {64 << 20, 32 << 20, 20 * time.Second, "too slowly", 10 * time.Second},
		"fast once":           {64 << 20, 32 << 20, 9500 * time.Millisecond, "67108864 bytes", 20 * time.Second},
		"without end":         {100 << 20, 40 << 10, time.Second, "too slowly", 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			slow(t, whole, func(t *testing.T, p pipes) {
				conn := p.dial()
				go send(conn, "/state/v1/k", c.length, c.step, c.every)
				if said, took := answer(t, conn); !strings.Contains(said, c.says) || took > c.after {
					t.Errorf("%q after %v", said, took)
				}
				_ = conn.Close()
			})
		})
	}
}

// TestRequestThatWaitsIsNotSlow: while the server thinks, nobody is slow: not who
// has sent everything, and not whose connection is used again.
func TestRequestThatWaitsIsNotSlow(t *testing.T) {
	slow(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // it has arrived
		select {
		case <-time.After(45 * time.Second):
			_, _ = io.WriteString(w, "at last")
		case <-r.Context().Done():
			_, _ = io.WriteString(w, "given up")
		}
	}, func(t *testing.T, p pipes) {
		conn := p.dial()
		for range 2 {
			go send(conn, "/worker/v1/lease", 100, 100, 0)
			if said, took := answer(t, conn); said != "at last" {
				t.Errorf("%q after %v", said, took)
			}
			time.Sleep(30 * time.Second)
		}
		_ = conn.Close()
	})
}

// TestReadersThatReadNothing: an answer is not held for ever for who does not
// take it, or takes it byte by byte.
func TestReadersThatReadNothing(t *testing.T) {
	for _, path := range []string{"/state/v1/k", "/transfers/x", "/worker/v1/runs/r/leases/1/workspace", "/api/v2/state-versions/v/download", "/graphql"} {
		for name, read := range map[string]func(c net.Conn){
			"nothing": func(net.Conn) {},
			"a byte a second": func(c net.Conn) {
				for one := make([]byte, 1); ; time.Sleep(time.Second) {
					if _, err := c.Read(one); err != nil {
						return
					}
				}
			},
		} {
			t.Run(path+" "+name, func(t *testing.T) {
				var held chan time.Duration
				slow(t, func(w http.ResponseWriter, _ *http.Request) {
					began := time.Now()
					_, err := w.Write(make([]byte, 10<<20))
					if err == nil {
						t.Error("all of it was taken")
					}
					held <- time.Since(began)
				}, func(t *testing.T, p pipes) {
					held = make(chan time.Duration, 1)
					conn := p.dial()
					_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path) // else nothing is held
					go read(conn)
					select {
					case took := <-held:
						if took > 11*time.Second {
							t.Errorf("held for %v", took)
						}
					case <-time.After(time.Hour):
						t.Error("held for an hour")
					}
					_ = conn.Close()
				})
			})
		}
	}
}

// TestAnswersArriveWhole: what is large arrives as it was given, to a reader that
// is slow, but not too slow.
func TestAnswersArriveWhole(t *testing.T) {
	text := strings.Repeat("0123456789abcdef", 64<<10)
	slow(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }, func(t *testing.T, p pipes) {
		conn := p.dial()
		_, _ = fmt.Fprint(conn, "GET /state/v1/k HTTP/1.1\r\nHost: h\r\n\r\n") // else nothing is read
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for {
			if _, err := io.CopyN(&got, res.Body, 40<<10); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if got.String() != text {
			t.Errorf("got %d bytes of %d", got.Len(), len(text))
		}
		_, _ = res.Body.Close(), conn.Close()
	})
}

// TestSlowIsUnavailable: workers and OpenTofu send again what did not arrive, and
// take no other answer for that.
func TestSlowIsUnavailable(t *testing.T) {
	slow(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, string(domain.ErrorCode(err)))
	}, func(t *testing.T, p pipes) {
		conn := p.dial()
		go send(conn, "/worker/v1/advance", 100, 1, 6*time.Second)
		if said, _ := answer(t, conn); said != string(domain.CodeUnavailable) {
			t.Errorf("the code is %q", said)
		}
		_ = conn.Close()
	})
}
