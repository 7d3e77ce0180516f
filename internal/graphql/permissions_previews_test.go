package graphql

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

var previewPermissions = []permission{
	{field: "proposeWithOverrides", make: func(o *object) vars { return vars{"stack": o.stack()} }},
	{
		field: "uploadLocalWorkspace", doc: `mutation($stack:ID!){uploadLocalWorkspace(stack:$stack){*}}`,
		make: func(o *object) vars { return vars{"stack": o.previewedStack()} },
	},
	{field: "runProposeLocalWorkspace", own: true, make: func(o *object) vars {
		stack := o.previewedStack()
		return vars{"stack": stack, "workspace": o.uploaded(stack)}
	}},
}

// previewedStack is one that allows local previews.
func (o *object) previewedStack() string {
	id := o.stack()
	o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		stack, err := tx.LockStack(ctx, domain.StackID(id))
		if err != nil {
			return err
		}
		stack.LocalPreviewEnabled = true
		return tx.UpdateStack(ctx, p.For(access.KindStack), stack)
	})
	return id
}

// uploaded is a directory that the caller of the cell has sent.
func (o *object) uploaded(stack string) string {
	id := domain.LocalWorkspaceID(o.kit.IDs.ULID())
	o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		w := domain.LocalWorkspace{
			ID: id, Stack: domain.StackID(stack), Owner: o.caller.caller.Name, TokenHash: []byte("x"),
			CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(domain.LocalWorkspaceTime),
		}
		if err := tx.InsertLocalWorkspace(ctx, p.For(access.KindStack), w); err != nil {
			return err
		}
		w.Size = 2
		return tx.PutLocalWorkspace(ctx, p.For(access.KindRun), w, domain.Stored{Sealed: []byte{0x1f, 0x8b}})
	})
	return string(id)
}
