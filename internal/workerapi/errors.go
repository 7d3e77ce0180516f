package workerapi

import (
	"net/http"

	"github.com/airlock-project/airlock/internal/domain"
)

// wireError is the body of every answer that is not a success.
type wireError struct {
	Code    domain.Code `json:"code"`
	Message string      `json:"message"`
	Field   string      `json:"field,omitempty"`
}

// codeInternal stands for every error that is not a *domain.Error; its cause
// never crosses the wire.
const codeInternal domain.Code = "internal"

func statusOf(code domain.Code) int {
	switch code {
	case domain.CodeInvalid:
		return http.StatusBadRequest
	case domain.CodeUnauthenticated:
		return http.StatusUnauthorized
	case domain.CodeForbidden:
		return http.StatusForbidden
	case domain.CodeNotFound:
		return http.StatusNotFound
	case domain.CodeConflict:
		return http.StatusConflict
	case domain.CodeUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// codeOf is used when an answer has no body of ours, such as a proxy's.
func codeOf(status int) domain.Code {
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusMethodNotAllowed:
		return domain.CodeInvalid
	case http.StatusUnauthorized:
		return domain.CodeUnauthenticated
	case http.StatusForbidden:
		return domain.CodeForbidden
	case http.StatusConflict:
		return domain.CodeConflict
	default:
		return domain.CodeUnavailable
	}
}
