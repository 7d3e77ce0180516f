// Package domain holds Airlock's nouns, their rules, state machines, typed ids
// and error codes. It does no I/O: no database, no network, no clock, no
// randomness of its own. Everything here can be tested with plain values.
package domain

import (
	"errors"
	"fmt"
)

// Code classifies an error by what a caller can do about it. The wire
// spelling is the code in upper case (access model R26).
type Code string

// The codes. Everything that is not an *Error is internal: logged, never shown.
const (
	CodeInvalid         Code = "invalid"
	CodeNotFound        Code = "not_found"
	CodeConflict        Code = "conflict"
	CodeForbidden       Code = "forbidden"
	CodeUnauthenticated Code = "unauthenticated"
	CodeUnavailable     Code = "unavailable"
)

// Error is a failure that a caller can act on.
type Error struct {
	Code    Code
	Message string // one sentence, lower case, safe to show
	Field   string // the input field at fault, empty if none
	Whole   bool   // the message names the field in words that clients look for
	// Details say more to programs; they travel beside the code.
	Details map[string]any
	cause   error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Field != "" && !e.Whole {
		return e.Field + ": " + e.Message
	}
	return e.Message
}

// Unwrap returns the cause, which is logged but never shown.
func (e *Error) Unwrap() error { return e.cause }

// Invalid says that one input field cannot be accepted.
func Invalid(field, format string, args ...any) *Error {
	return &Error{Code: CodeInvalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// NotFound says that a noun does not exist, or is hidden from the caller:
// both read the same (access model R23, R26).
func NotFound(noun string) *Error {
	return &Error{Code: CodeNotFound, Message: noun + " not found"}
}

// Conflict says that the request is well formed but the present state refuses it.
func Conflict(format string, args ...any) *Error {
	return &Error{Code: CodeConflict, Message: fmt.Sprintf(format, args...)}
}

// Unauthenticated says that no live credentials came with the request.
func Unauthenticated(reason string) *Error {
	return &Error{Code: CodeUnauthenticated, Message: "unauthorized: " + reason}
}

// Unavailable says that an answer could not be found out; it never means "no".
func Unavailable(what string, cause error) *Error {
	return &Error{Code: CodeUnavailable, Message: what + " is unavailable", cause: cause}
}

// ErrorCode returns the code of the first *Error in err's chain, or "" when
// err is internal (or nil).
func ErrorCode(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
