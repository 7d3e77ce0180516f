package statebackend

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/states"
)

// Transfers serves the URLs of their own right: GET for a download, PUT for an
// upload. Who knows such a URL needs nothing else, and has it once.
func Transfers(s *states.Service) http.Handler {
	t := &transfers{states: s, room: make(chan struct{}, Together)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+states.TransferPath+"{secret}", t.download)
	mux.HandleFunc("PUT "+states.TransferPath+"{secret}", t.upload)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		mux.ServeHTTP(w, r)
	})
}

type transfers struct {
	states *states.Service
	rooms  rooms // of callers
	room   chan struct{}
}

func (t *transfers) download(w http.ResponseWriter, r *http.Request) {
	p, err := t.states.Download(r.Context(), r.PathValue("secret"))
	if err != nil {
		refuse(w, err)
		return
	}
	sendState(w, p)
}

// upload reads nothing of who has no URL that works, and lets nobody take all places.
func (t *transfers) upload(w http.ResponseWriter, r *http.Request) {
	ctx, secret := r.Context(), r.PathValue("secret")
	by, err := t.states.CheckUpload(ctx, secret)
	if err != nil {
		refuse(w, err)
		return
	}
	leave, ok := t.enter(ctx, by)
	if !ok {
		refuse(w, domain.Unavailable("a place for the upload", ctx.Err())) // no answer would be a good one
		return
	}
	defer leave()
	body, err := readState(w, r)
	if err == nil {
		err = t.states.Upload(ctx, secret, body)
	}
	refuseOrOK(w, err)
}

// enter waits for one of the places of a caller, and then for one of all.
func (t *transfers) enter(ctx context.Context, by string) (leave func(), ok bool) {
	out, ok := t.rooms.enter(ctx, by)
	if !ok {
		return nil, false
	}
	select {
	case t.room <- struct{}{}:
		return func() { <-t.room; out() }, true
	case <-ctx.Done():
		out()
		return nil, false
	}
}

func sendState(w http.ResponseWriter, p states.Pulled) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff") // what was refused may be anything
	w.Header().Set("Content-Length", strconv.Itoa(len(p.Body)))
	_, _ = w.Write(p.Body) // the client is gone if this fails
}

func readState(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := readBody(w, r, domain.MaxState)
	if err != nil {
		return nil, err
	}
	return body, checkMD5(r, body)
}

func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	switch {
	case domain.ErrorCode(err) != "":
		return nil, err // it says why
	case err != nil:
		return nil, domain.Invalid("state", "could not be read, or is larger than %d bytes", limit)
	}
	return body, nil
}
