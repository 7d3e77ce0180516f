// Package pushes receives what git hosts send to push hooks. It finds out
// whether a message is signed, and only then what it says; what follows from
// it is decided below.
package pushes

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/pushhooks"
)

const (
	maxMessage = 5 << 20 // bytes
	together   = 8       // messages that are held in memory at the same time
)

// Handler serves POST below pushhooks.Path.
func Handler(s *pushhooks.Service) http.Handler {
	h := &handler{hooks: s, room: make(chan struct{}, together), now: time.Now}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pushhooks.Path+"{id}", h.post)
	return mux
}

type handler struct {
	hooks   *pushhooks.Service
	room    chan struct{}
	refused rate
	now     func() time.Time
}

// format is how one kind of git host writes.
type format struct {
	proves func(m message, secret string, now time.Time) bool
	key    func(m message) string // the same for every copy of a message
	read   func(m message) (domain.Announced, error)
}

var formats = map[domain.PushHookKind]format{
	domain.PushHookGeneric: {signedStandard, idKey, readGeneric},
	domain.PushHookGitHub:  {signedGitHub, bodyKey, readGitHub},
	domain.PushHookGitLab:  {signedGitLab, bodyKey, readGitLab},
}

// message is a request whose body has been read.
type message struct {
	header http.Header
	body   []byte
}

// one returns the value of a header that stands there once, else nothing: what
// is signed must not be read in two ways.
func (m message) one(name string) string {
	if values := m.header.Values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

// bodyKey is for hosts that sign nothing but the body: a copy under another
// delivery id is still a copy.
func bodyKey(m message) string { return digest(m.body) }

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (h *handler) post(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	ctx, id := r.Context(), domain.PushHookID(r.PathValue("id"))
	wanted, err := h.expect(ctx, id)
	if err != nil {
		answer(w, err)
		return
	}
	select {
	case h.room <- struct{}{}:
		defer func() { <-h.room }()
	case <-ctx.Done():
		return
	}
	if r.ContentLength > maxMessage {
		answer(w, &http.MaxBytesError{Limit: maxMessage})
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
	if err != nil {
		answer(w, err)
		return
	}
	d, err := h.receive(ctx, id, wanted, message{r.Header, body})
	if err != nil {
		answer(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if d.Ignored == "" {
		w.WriteHeader(http.StatusAccepted)
	}
	_ = json.NewEncoder(w).Encode(d) // the sender is gone if this fails
}

// proof is what a message to a hook must prove.
type proof struct {
	kind domain.PushHookKind
	live []string
	at   time.Time
}

// expect finds the hook before anything of a message is read: who names none
// takes none of the few places. That there is a hook tells nobody anything who
// does not know its address already: an address has 80 random bits.
func (h *handler) expect(ctx context.Context, id domain.PushHookID) (p proof, err error) {
	p.kind, p.live, p.at, err = h.hooks.Expected(ctx, id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		err = h.refuse(ctx, id, "there is no such push hook")
	}
	return p, err
}

func (h *handler) receive(ctx context.Context, id domain.PushHookID, p proof, m message) (d domain.PushDelivery, err error) {
	f := formats[p.kind]
	signed := false
	for _, secret := range p.live {
		signed = f.proves(m, secret, p.at) || signed
	}
	if !signed {
		return d, h.refuse(ctx, id, "the message is not signed as it must be")
	}
	said, err := f.read(m)
	if err == nil {
		said, err = clean(said)
	}
	if err != nil {
		return d, err
	}
	d, err = h.hooks.Accept(ctx, id, f.key(m), said)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return d, h.refuse(ctx, id, "the push hook was deleted just now")
	}
	return d, err
}

// refuse records no more than a few refusals a minute: strangers shall not
// fill the audit trail.
func (h *handler) refuse(ctx context.Context, id domain.PushHookID, reason string) error {
	also, ok := h.refused.take(h.now())
	if !ok {
		return domain.Unauthenticated(notSigned)
	}
	return h.hooks.Refuse(ctx, id, reason, also)
}

const notSigned = "there is no such push hook, or the message is not signed as it must be"

// recordedRefusals is how many refusals are recorded a minute.
const recordedRefusals = 30

// rate counts refusals in windows of a minute.
type rate struct {
	mu      sync.Mutex
	since   time.Time
	n, left int // in this window; left out since the last recorded one
}

// take reports whether a refusal is to be recorded, and how many before it
// were not.
func (r *rate) take(now time.Time) (also int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.since) >= time.Minute {
		r.since, r.n = now, 0
	}
	if r.n++; r.n > recordedRefusals {
		r.left++
		return 0, false
	}
	also, r.left = r.left, 0
	return also, true
}

// answer says what is wrong with a message; to strangers always the same.
func answer(w http.ResponseWriter, err error) {
	var large *http.MaxBytesError
	status, text := http.StatusInternalServerError, "internal error"
	switch {
	case errors.As(err, &large):
		status, text = http.StatusRequestEntityTooLarge, "the message is too large"
	case errors.Is(err, pushhooks.ErrTooMany):
		w.Header().Set("Retry-After", "60")
		status, text = http.StatusTooManyRequests, err.Error()
	case domain.ErrorCode(err) == domain.CodeUnauthenticated:
		status, text = http.StatusUnauthorized, notSigned
	case domain.ErrorCode(err) == domain.CodeInvalid:
		status, text = http.StatusBadRequest, err.Error()
	case domain.ErrorCode(err) == domain.CodeUnavailable:
		status, text = http.StatusServiceUnavailable, "unavailable"
	}
	http.Error(w, text, status)
}
