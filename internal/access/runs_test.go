package access_test

import (
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// TestCase48TokenDuringARequest: a token was good when a request began, and its
// run has ended, or only plans, by the time that the request is decided.
func TestCase48TokenDuringARequest(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		k.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k"}, "space-admin", "apps")
		run := k.Run(t, "k", domain.RunApplying)
		ctx := k.AsStack(t, run)
		op := access.Op{Event: "context.create", Action: authz.ActionContextCreate, See: authz.ActionSpaceRead,
			Object: access.Object{Kind: access.KindContext, Noun: "space", Space: "apps"}}
		decide := func() (permit, see, scope error) {
			permit = store.Bind[access.Reader](k.Store).Change(ctx, func(tx access.Reader) error {
				_, err := k.Gate.Permit(ctx, tx, op)
				return err
			})
			_ = store.Bind[access.Reader](k.Store).View(ctx, func(tx access.Reader) error {
				see = k.Gate.See(ctx, tx, authz.ActionSpaceRead, op.Object)
				_, scope = k.Gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityStack)
				return nil
			})
			return permit, see, scope
		}
		for _, c := range []struct {
			state             domain.RunState
			epoch             int
			permit, see, list domain.Code
		}{
			{domain.RunApplying, 0, "", "", ""},
			{domain.RunPlanning, 0, domain.CodeForbidden, "", ""},
			{domain.RunApplying, 1, domain.CodeUnauthenticated, domain.CodeUnauthenticated, domain.CodeUnauthenticated},
			{domain.RunUnconfirmed, 0, domain.CodeUnauthenticated, domain.CodeUnauthenticated, domain.CodeUnauthenticated},
			{domain.RunFinished, 0, domain.CodeUnauthenticated, domain.CodeUnauthenticated, domain.CodeUnauthenticated},
		} {
			if err := k.Exec(t, `update runs set state = $1, epoch = $2 where id = $3`, string(c.state), c.epoch, string(run.ID)); err != nil {
				t.Fatal(err)
			}
			permit, see, list := decide()
			for what, got := range map[string][2]domain.Code{
				"permit": {domain.ErrorCode(permit), c.permit}, "see": {domain.ErrorCode(see), c.see}, "list": {domain.ErrorCode(list), c.list},
			} {
				if got[0] != got[1] {
					t.Errorf("%s, epoch %d: %s answers %q, want %q", c.state, c.epoch, what, got[0], got[1])
				}
			}
		}
		denied := k.Rows(t, `select reason from audit_log where event = 'session.token' and outcome = 'denied'`)
		if len(denied) != 3 { // what was to be changed; what was only to be read is told to the caller
			t.Errorf("recorded %v", denied)
		}
	})
}
