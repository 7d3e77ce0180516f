package authzen

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"sync"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// maxBody is how large a request may be: a thousand questions with everything
// that a client may add to them.
const maxBody = 4 << 20

// buffers are reused for answers.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

// httpError is a refusal with a status that no domain error has.
type httpError struct {
	status  int
	message string
}

func (e *httpError) Error() string { return e.message }

var (
	errNoEndpoint = &httpError{http.StatusNotFound, "there is no such endpoint"}
	errMethod     = &httpError{http.StatusMethodNotAllowed, "send the request by POST"}
	errTooLarge   = &httpError{http.StatusRequestEntityTooLarge, "the request is too large: at most " + strconv.Itoa(maxBody) + " bytes are read"}
)

// readBody returns the body of a POST request with JSON.
func readBody(w http.ResponseWriter, r *http.Request) (string, error) {
	if r.Method != http.MethodPost {
		return "", errMethod
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		return "", badRequest("send the request as application/json")
	}
	if r.ContentLength > maxBody {
		return "", errTooLarge
	}
	if r.ContentLength > 0 {
		body := make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return "", badRequest("the body is shorter than announced")
		}
		return string(body), nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return "", errTooLarge
	}
	if err != nil {
		return "", badRequest("the body does not end")
	}
	return string(body), nil
}

func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/json"
}

// Values of headers that every answer shares.
var (
	jsonType = []string{"application/json"}
	noStore  = []string{"no-store"}
	anHour   = []string{"max-age=3600"}
)

func send(w http.ResponseWriter, cache []string, body []byte) {
	header := w.Header()
	header["Content-Type"] = jsonType
	header["Cache-Control"] = cache
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	_, _ = w.Write(body) // the caller may be gone
}

// statuses are those of the errors that a caller can act on.
var statuses = map[domain.Code]int{
	domain.CodeInvalid:         http.StatusBadRequest,
	domain.CodeUnauthenticated: http.StatusUnauthorized,
	domain.CodeForbidden:       http.StatusForbidden,
	domain.CodeUnavailable:     http.StatusServiceUnavailable,
}

// refuse answers with a status and one sentence.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, message := http.StatusInternalServerError, "internal error"
	var known *httpError
	var bad badRequest
	var shown *domain.Error
	switch {
	case errors.As(err, &known):
		status, message = known.status, known.message
	case errors.As(err, &bad):
		status, message = http.StatusBadRequest, string(bad)
	case errors.As(err, &shown) && statuses[shown.Code] != 0:
		status, message = statuses[shown.Code], shown.Error()
	}
	switch status {
	case http.StatusInternalServerError, http.StatusServiceUnavailable:
		h.log.ErrorContext(r.Context(), "no decision", "request", access.CallFrom(r.Context()).RequestID, "error", err)
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer realm="+strconv.Quote(h.base))
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	}
	http.Error(w, message, status)
}

// Metadata serves the description of the endpoints, which needs no
// credentials.
func (h *Handler) Metadata() http.Handler {
	body, err := json.Marshal(map[string]string{
		"policy_decision_point":       h.base,
		"access_evaluation_endpoint":  h.base + PathEvaluation,
		"access_evaluations_endpoint": h.base + PathEvaluations,
		"search_subject_endpoint":     h.base + PathSearchSubject,
		"search_resource_endpoint":    h.base + PathSearchResource,
		"search_action_endpoint":      h.base + PathSearchAction,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err != nil {
			h.refuse(w, r, err)
			return
		}
		send(w, anHour, body)
	})
}
