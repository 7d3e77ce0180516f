package e2e

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The faults of a proxy.
const (
	noFault    int32 = iota
	cut              // connections break, and there are no new ones
	silence          // nothing passes, and nothing breaks
	deafClient       // what the client says passes, the answers do not
	loss             // three of ten pieces break their connection, three others are late
)

// proxy is a TCP connection that a test can spoil.
type proxy struct {
	listener net.Listener
	to       string
	fault    atomic.Int32

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// newProxy listens on an address in front of another one.
func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, to: to, conns: map[net.Conn]bool{}}
	go p.accept()
	t.Cleanup(func() {
		_ = listener.Close() // it ends accept
		p.become(cut)
	})
	return p
}

func (p *proxy) url() string { return "http://" + p.listener.Addr().String() }

// become causes a fault, or ends one.
func (p *proxy) become(fault int32) {
	p.fault.Store(fault)
	if fault == noFault || fault == cut {
		// What was held up cannot be made good: bytes are missing.
		p.mu.Lock()
		defer p.mu.Unlock()
		for c := range p.conns {
			_ = c.Close() // either end may be gone
		}
		p.conns = map[net.Conn]bool{}
	}
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if p.fault.Load() == cut {
			_ = client.Close() // refused
			continue
		}
		server, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = client.Close() // as the server would
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		go p.copy(server, client, false)
		go p.copy(client, server, true)
	}
}

// copy passes bytes on in one direction, as the fault of the moment has it.
func (p *proxy) copy(to, from net.Conn, answers bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if n > 0 && !p.pass(to, buf[:n], answers) {
			return
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) pass(to io.Writer, piece []byte, answers bool) bool {
	switch fault := p.fault.Load(); {
	case fault == silence, fault == deafClient && answers:
		return true // swallowed
	case fault == loss:
		switch rand.IntN(10) {
		case 0, 1, 2:
			return false
		case 3, 4, 5:
			time.Sleep(50 * time.Millisecond)
		}
	}
	_, err := to.Write(piece)
	return err == nil
}
