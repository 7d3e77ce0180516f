package stacks

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// firstStateTx is what a stack needs of a transaction that begins with a state.
type firstStateTx interface {
	Uploaded(ctx context.Context, id domain.TransferID) (domain.Transfer, []byte, error)
	DropTransfer(ctx context.Context, p access.Permit, id domain.TransferID) error
	InsertState(ctx context.Context, p access.Permit, v domain.StateVersion, body []byte) error
	SetOutputs(ctx context.Context, p access.Permit, id domain.StackID, outputs []domain.Output) error
}

// beginWith makes an uploaded state the first version of a new stack's state.
// It takes what an import takes; the stack is new, so that it holds no roles
// and has no runs.
func (s *Service) beginWith(ctx context.Context, tx Tx, op access.Op, p access.Permit, stack domain.Stack, from domain.TransferID) error {
	op.Action = authz.ActionStackManagedStateImport
	imports, err := s.gate.Permit(ctx, tx, op)
	if err != nil {
		return err
	}
	tx.Also(imports)
	if !stack.ManagesState {
		return domain.Invalid("manageState", "must be true to begin with a state")
	}
	t, body, err := tx.Uploaded(ctx, from)
	if domain.ErrorCode(err) == domain.CodeNotFound || err == nil && t.By.Name != access.Name(ctx) {
		return domain.Invalid("stackObjectID", "is not what you uploaded within the last hour")
	}
	if err != nil {
		return err
	}
	f, err := domain.ReadState(body)
	if err != nil {
		return err
	}
	v := domain.NewStateVersion(domain.StateVersionID(s.ids.ULID()), stack.ID, f, tx.Now())
	v.Origin, v.CreatedBy = domain.StateImported, access.Name(ctx)
	// The state comes into being with the stack, by the same permit.
	p = p.For(access.KindState)
	if err := tx.InsertState(ctx, p, v, body); err != nil {
		return err
	}
	if err := tx.SetOutputs(ctx, p, stack.ID, f.Roots()); err != nil {
		return err
	}
	return tx.DropTransfer(ctx, p, t.ID)
}
