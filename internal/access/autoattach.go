package access

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// AutoAttach decides to which stacks an entity attaches itself by a label, at
// the word of the caller who changes the entity: to those that he manages, and
// whose roles he holds if they act (security case 76). The others are skipped;
// the permit that comes back says so.
func (g *Gate) AutoAttach(ctx context.Context, tx ActAsReader, op Op, p Permit, pairs []domain.AutoPair) (may []domain.AutoPair, _ Permit, err error) {
	q, err := g.ask(ctx, tx)
	if err != nil {
		return nil, p, err
	}
	var skipped []string
	var acting []domain.StackActor
	for _, pair := range pairs {
		ok := q.snapshot.Decide(q.caller.Subject, authz.ActionStackManage, stackTarget(pair.Stack.StackActor), tx.Now()).Allowed()
		if ok && pair.Stack.Acts {
			if ok, err = g.mayActAs(ctx, tx, op, pair.Stack.StackActor); err != nil {
				return nil, p, err
			}
			if ok {
				acting = append(acting, pair.Stack.StackActor)
			}
		}
		if ok {
			may = append(may, pair)
		} else {
			skipped = append(skipped, string(pair.Stack.ID))
		}
	}
	if len(acting) > 0 {
		if p, err = g.ActAs(ctx, tx, op, p, acting...); err != nil {
			return nil, p, err
		}
	}
	return may, notingAuto(p, len(may), skipped), nil
}

// mayActAs reports whether the act-as rule lets the caller change what a stack
// does. Nothing is recorded.
func (g *Gate) mayActAs(ctx context.Context, tx ActAsReader, op Op, stack domain.StackActor) (bool, error) {
	_, err := g.ActAs(ctx, tx, op, Permit{}, stack)
	var denial *Denial
	if errors.As(err, &denial) {
		return false, nil
	}
	return err == nil, err
}

// namedSkips is how many stacks a row of the audit trail names.
const namedSkips = 100

func notingAuto(p Permit, attached int, skipped []string) Permit {
	if attached+len(skipped) == 0 {
		return p
	}
	note := fmt.Sprintf("attached by label to %d stacks", attached)
	if n := len(skipped); n > 0 {
		note += fmt.Sprintf("; skipped %d that the caller does not manage or may not act as: %s", n, strings.Join(skipped[:min(n, namedSkips)], ", "))
	}
	return p.Noting(note)
}
