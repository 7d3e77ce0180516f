package workerapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"

	"github.com/airlock-project/airlock/internal/domain"
)

func wantType(w http.ResponseWriter, r *http.Request, want string) bool {
	got, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && got == want {
		return true
	}
	writeJSON(w, http.StatusUnsupportedMediaType, wireError{Code: domain.CodeInvalid, Message: "the content type must be " + want})
	return false
}

func readJSON(w http.ResponseWriter, r *http.Request, limit int64, into any) bool {
	if !wantType(w, r, typeJSON) {
		return false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if !errors.As(err, &tooLarge) && domain.ErrorCode(err) == "" {
			err = domain.Invalid("", "the request body could not be read")
		}
		writeError(w, r, err)
		return false
	}
	if err := json.Unmarshal(body, into); err != nil {
		writeError(w, r, domain.Invalid("", "the request body is not the JSON that was expected"))
		return false
	}
	return true
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", typeJSON)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a worker that is gone hears nothing
}

func writeError(w http.ResponseWriter, r *http.Request, err error) {
	var tooLarge *http.MaxBytesError
	var known *domain.Error
	switch {
	case errors.As(err, &tooLarge):
		writeJSON(w, http.StatusRequestEntityTooLarge, wireError{
			Code: domain.CodeInvalid, Message: fmt.Sprintf("the request body is larger than %d bytes", tooLarge.Limit),
		})
	case errors.As(err, &known):
		if known.Code == domain.CodeUnavailable {
			slog.WarnContext(r.Context(), "worker request", "path", r.URL.Path, "error", err, "cause", errors.Unwrap(known))
		}
		writeJSON(w, statusOf(known.Code), wireError{Code: known.Code, Message: known.Message, Field: known.Field})
	default:
		if r.Context().Err() == nil {
			slog.ErrorContext(r.Context(), "worker request", "path", r.URL.Path, "error", err)
		}
		writeJSON(w, http.StatusInternalServerError, wireError{Code: codeInternal, Message: "internal error"})
	}
}
