package domain

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
)

// LeaseProof is what is kept of the secret of a lease.
func LeaseProof(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// CheckLease refuses whoever does not know the secret of a run's last lease, of
// which hash is kept: another worker of the same pool, say (security case 87).
// A lease that was given to a worker which sends no secret back has none.
func CheckLease(run RunID, hash, secret string) error {
	if hash == "" || subtle.ConstantTimeCompare([]byte(LeaseProof(secret)), []byte(hash)) == 1 {
		return nil
	}
	return &StrangerError{Run: run}
}

// StrangerError refuses a worker that does not hold the lease which it names.
type StrangerError struct{ Run RunID }

// Error implements error.
func (e *StrangerError) Error() string { return e.Shown().Error() }

// Unwrap implements errors.
func (e *StrangerError) Unwrap() error { return e.Shown() }

// Shown is what the worker is told.
func (e *StrangerError) Shown() *Error {
	return &Error{Code: CodeForbidden, Message: "forbidden: the lease of run " + string(e.Run) + " is another worker's"}
}
