// Package uploads receives what clients send to addresses that the API gave
// them: directories for local previews. It translates and limits; what an
// address is good for is decided below it.
package uploads

import (
	"errors"
	"io"
	"net/http"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
)

// together is how many uploads are received at the same time: each is held in
// memory until it is whole.
const together = 4

// Handler serves PUT below runs.UploadPath. The address is the credential;
// headers are not looked at.
func Handler(s *runs.Service) http.Handler {
	h := &handler{runs: s, room: make(chan struct{}, together)}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT "+runs.UploadPath+"{id}/{token}", h.put)
	return mux
}

type handler struct {
	runs *runs.Service
	room chan struct{}
}

func (h *handler) put(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	ctx, id, token := r.Context(), domain.LocalWorkspaceID(r.PathValue("id")), r.PathValue("token")
	if err := h.runs.CheckUpload(ctx, id, token); err != nil {
		refuse(w, err)
		return
	}
	if r.ContentLength > domain.MaxLocalWorkspace {
		refuse(w, &http.MaxBytesError{Limit: domain.MaxLocalWorkspace})
		return
	}
	select {
	case h.room <- struct{}{}:
		defer func() { <-h.room }()
	case <-ctx.Done():
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, domain.MaxLocalWorkspace))
	if err == nil {
		err = h.runs.PutUpload(ctx, id, token, body)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

// refuse answers in words that say nothing of what an address would have
// reached.
func refuse(w http.ResponseWriter, err error) {
	var large *http.MaxBytesError
	status := map[domain.Code]int{
		domain.CodeInvalid: http.StatusBadRequest, domain.CodeNotFound: http.StatusNotFound,
		domain.CodeConflict: http.StatusConflict, domain.CodeUnavailable: http.StatusServiceUnavailable,
	}[domain.ErrorCode(err)]
	switch {
	case errors.As(err, &large):
		http.Error(w, "the upload is too large", http.StatusRequestEntityTooLarge)
	case status != 0:
		http.Error(w, err.Error(), status)
	default:
		http.Error(w, "internal error", http.StatusInternalServerError)
	}
}
