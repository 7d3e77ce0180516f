package access

import (
	"context"

	"github.com/airlock-project/airlock/internal/domain"
)

// stillRuns decides anew, in the transaction that is decided in, what the run of
// a token may do: between the beginning of a request and that lies the arrival of
// its body, which whoever sends it can draw out (security case 48).
func stillRuns(ctx context.Context, tx Reader, caller *Caller) error {
	if caller.Run == "" {
		return nil
	}
	state, epoch, err := tx.RunNow(ctx, caller.Run)
	if domain.ErrorCode(err) != domain.CodeNotFound && err != nil {
		return err
	}
	if err != nil || epoch != caller.Epoch || !state.Speaks() {
		return Attempt(caller.Name, "session.token", string(caller.Run), "the run is "+string(state), DeadRun())
	}
	caller.Subject.ReadOnly = caller.Subject.ReadOnly || !state.Writes()
	return nil
}

// DeadRun is what is said of a token whose run is not executed, or not under the
// lease that it was given to.
func DeadRun() *domain.Error {
	return domain.Unauthenticated("the run that this token belongs to is not active")
}
