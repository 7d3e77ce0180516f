package graphql

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

var statePermissions = []permission{
	{
		field: "stackCreate", doc: "provider_stacks/Create", when: []string{"it begins with a state"}, own: true,
		make: func(o *object) vars {
			return vars{"input": stackInput(o.name("stack"), o.space), "manageState": true, "stackObjectID": o.upload()}
		},
	},
	{field: "stackManagedStateImport", own: true, make: func(o *object) vars {
		return vars{"stackId": o.lockedStack(), "state": `{"version":4,"serial":2,"lineage":"l"}`, "force": true}
	}},
	{field: "stackManagedStateRollback", own: true, make: func(o *object) vars {
		stack := o.lockedStack()
		return vars{"stackId": stack, "managedStateVersionId": o.older}
	}},
	{field: "stateUploadUrl", make: func(*object) vars { return nil }},
	{field: "stateDownloadUrl", make: func(o *object) vars {
		return vars{"input": vars{"stackId": o.stackWithState(func(st *domain.Stack) { st.Vendor.Tofu().ExternalStateAccess = true })}}
	}},
	{field: "downloadRefusedState", make: func(o *object) vars {
		stack := o.stack()
		return vars{"input": vars{"stack": stack, "id": o.refusedState(stack)}}
	}},
	{field: "stack.refusedStates", doc: `query($id:ID!){stack(id:$id){refusedStates{*}}}`, make: func(o *object) vars {
		stack := o.stack()
		o.refusedState(stack)
		return vars{"id": stack}
	}},
	{field: "stack.isStateRollback", doc: `query($id:ID!){stack(id:$id){isStateRollback}}`, make: aStackWithState},
	{field: "stack.stateHistory", doc: `query($id:ID!){stack(id:$id){stateHistory{*}}}`, make: aStackWithState},
}

func aStackWithState(o *object) vars { return vars{"id": o.stackWithState(func(*domain.Stack) {})} }

const aState = `{"version":4,"serial":1,"lineage":"l"}`

// stackWithState makes a stack with one version of a state.
func (o *object) stackWithState(change func(*domain.Stack)) string {
	id := domain.StackID(o.stack())
	o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		stack, err := tx.LockStack(ctx, id)
		if err != nil {
			return err
		}
		change(&stack)
		if err := tx.UpdateStack(ctx, p.For(access.KindStack), stack); err != nil {
			return err
		}
		f, err := domain.ReadState([]byte(aState))
		if err != nil {
			return err
		}
		v := domain.NewStateVersion(domain.StateVersionID(o.kit.IDs.ULID()), id, f, tx.Now())
		v.Origin = domain.StateRolledBack
		return tx.InsertState(ctx, p.For(access.KindState), v, f.Body)
	})
	return string(id)
}

// lockedStack is one with a state that the caller of the row has locked.
func (o *object) lockedStack() string {
	id := domain.StackID(o.stackWithState(func(*domain.Stack) {}))
	o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		older, err := tx.CurrentState(ctx, id)
		if err != nil {
			return err
		}
		o.older = string(older.ID)
		newer := older
		newer.ID, newer.Serial = domain.StateVersionID(o.kit.IDs.ULID()), older.Serial+1
		if err := tx.InsertState(ctx, p.For(access.KindState), newer, []byte(`{"version":4,"serial":2,"lineage":"l"}`)); err != nil {
			return err
		}
		lock := &domain.StackLock{ID: "lock", Owner: o.caller.caller.Subject.Actor, By: o.caller.caller.Name, At: tx.Now()}
		return tx.SetStackLife(ctx, p.For(access.KindStack), id, domain.StackLife{Lock: lock})
	})
	return string(id)
}

// upload is what the caller of the row has uploaded.
func (o *object) upload() string {
	id := domain.TransferID(o.kit.IDs.ULID())
	o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		p = p.For(access.KindState)
		t := domain.Transfer{
			ID: id, Kind: domain.StateUpload, Hash: []byte(id), By: domain.Requester{Name: o.caller.caller.Name}, ExpiresAt: tx.Now().Add(time.Hour),
		}
		if err := tx.InsertTransfer(ctx, p, t); err != nil {
			return err
		}
		return tx.FillTransfer(ctx, p, t, []byte(aState))
	})
	return string(id)
}

// refusedState is one that a run of a stack wanted to store.
func (o *object) refusedState(stack string) string {
	id := domain.RefusedStateID(o.kit.IDs.ULID())
	kept, err := o.kit.Store.StageRefusedState(o.t.Context(), id, []byte("{}"))
	if err != nil {
		o.t.Fatal(err)
	}
	o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.InsertRefusedState(ctx, p.For(access.KindState), domain.RefusedState{
			ID: id, StackID: domain.StackID(stack), RunID: "run", SentBy: "run", Reason: "it is none", Size: 2, CreatedAt: tx.Now(),
		}, kept)
	})
	return string(id)
}
