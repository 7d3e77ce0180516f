package store

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
)

// LastApplied returns the run that was the last one to apply or destroy anything
// of a stack, or to find that there is nothing to apply, whether or not it came to
// the end of it: what exists is what it says. Runs that change a state come one
// after the other, so the one that ended last, or has not ended, is the last.
func (tx *Tx) LastApplied(ctx context.Context, id domain.StackID) (domain.Run, error) {
	return one(ctx, tx, "run", scanRun, selectRun+` where stack_id = $1 and type in ('TRACKED', 'DESTROY') and (type = 'TRACKED' and state = 'FINISHED'
		or exists (select 1 from run_transitions t where t.run_id = runs.id and t.state in ('APPLYING', 'DESTROYING')))
		order by updated_at desc, id desc limit 1`, id)
}

// Touched reports whether anything may have changed what a stack has made, or its
// state, at a time or later: a run that writes, wherever the state is kept, or
// another new version of it.
func (tx *Tx) Touched(ctx context.Context, id domain.StackID, since time.Time) (bool, error) {
	n, err := one(ctx, tx, "stack", scanInt, `select (select count(*) from runs where stack_id = $1 and blocking and (state in `+writing+` or updated_at >= $2
			and exists (select 1 from run_transitions t where t.run_id = runs.id and t.state in `+writing+`)))
		+ (select count(*) from state_versions where stack_id = $1 and created_at >= $2)`, id, micros(since))
	return n > 0, err
}

// writing are the states in which a run changes something.
const writing = `('APPLYING', 'PERFORMING', 'DESTROYING')`
