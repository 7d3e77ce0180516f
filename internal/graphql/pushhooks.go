package graphql

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/pushhooks"
)

// PushHooks are the use cases of push hooks.
type PushHooks interface {
	Get(ctx context.Context, id domain.PushHookID) (domain.PushHook, error)
	List(ctx context.Context) ([]domain.PushHook, error)
	Deliveries(ctx context.Context, id domain.PushHookID) ([]domain.PushDelivery, error)
	Create(ctx context.Context, in pushhooks.Input) (domain.PushHook, string, error)
	Update(ctx context.Context, id domain.PushHookID, in pushhooks.Input) (domain.PushHook, error)
	Rotate(ctx context.Context, id domain.PushHookID, overlap time.Duration) (domain.PushHook, string, error)
	Delete(ctx context.Context, id domain.PushHookID) (domain.PushHook, error)
	URL(id domain.PushHookID) string
}

func (r *Resolver) newPushHook(h domain.PushHook) *view.PushHook {
	return &view.PushHook{PushHook: h, Address: r.PushHooks.URL(h.ID)}
}

func newPushDelivery(d domain.PushDelivery) *view.PushDelivery {
	return &view.PushDelivery{PushDelivery: d}
}

func (r *Resolver) pushHookSecret(h domain.PushHook, secret string, err error) (*generated.PushHookSecret, error) {
	if err != nil {
		return nil, err
	}
	return &generated.PushHookSecret{PushHook: r.newPushHook(h), Secret: secret}, nil
}
