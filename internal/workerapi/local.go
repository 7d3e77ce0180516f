package workerapi

import (
	"context"
	"io"

	"github.com/airlock-project/airlock/internal/domain"
)

// Local returns the API for a worker in the control plane's own process: the
// same backend without HTTP, always as the one pool.
func Local(key domain.PoolKey, backend Backend) API {
	return local{key: key, backend: backend}
}

type local struct {
	key     domain.PoolKey
	backend Backend
}

// Lease implements API.
func (l local) Lease(ctx context.Context, req LeaseRequest) (*Job, error) {
	req.Wait, req.Proves = min(max(req.Wait, 0), MaxLeaseWait), true
	return l.backend.Lease(ctx, l.key, req)
}

// Leave implements API.
func (l local) Leave(ctx context.Context, req LeaveRequest) error {
	return l.backend.Leave(ctx, l.key, req)
}

// Heartbeat implements API.
func (l local) Heartbeat(ctx context.Context, q HeartbeatRequest) (HeartbeatReply, error) {
	return l.backend.Heartbeat(ctx, l.key, q)
}

// Advance implements API.
func (l local) Advance(ctx context.Context, a Advance) (AdvanceReply, error) {
	return l.backend.Advance(ctx, l.key, a)
}

// Federate implements API.
func (l local) Federate(ctx context.Context, q FederateRequest) (FederateReply, error) {
	return l.backend.Federate(ctx, l.key, q)
}

// AppendLogs implements API.
func (l local) AppendLogs(ctx context.Context, c LogChunk) error {
	return l.backend.AppendLogs(ctx, l.key, c)
}

// PutWorkspace implements API.
func (l local) PutWorkspace(ctx context.Context, ref LeaseRef, body io.Reader) error {
	return l.backend.PutWorkspace(ctx, l.key, ref, body)
}

// RecoverState implements API.
func (l local) RecoverState(ctx context.Context, ref LeaseRef, body io.Reader) error {
	return l.backend.RecoverState(ctx, l.key, ref, body)
}

// GetWorkspace implements API.
func (l local) GetWorkspace(ctx context.Context, ref LeaseRef) (io.ReadCloser, error) {
	return l.backend.GetWorkspace(ctx, l.key, ref)
}
