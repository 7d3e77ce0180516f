package workerapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/statebackend"
	"github.com/airlock-project/airlock/internal/states"
	"github.com/airlock-project/airlock/internal/workers"
)

// BackendConfig is what jobs need beside what the runs package knows.
type BackendConfig struct {
	Endpoint string   // where this backend's workers reach the server
	Schemes  []string // URL schemes that may be checked out
	// Hosts are names under which the code of runs may ask for other stacks'
	// states, without asking what they resolve to.
	Hosts []string
	// States keeps what a run could not store while it ran; nil where nobody keeps
	// states.
	States *states.Service
	// Workers is told which workers there are; without it nobody is.
	Workers *workers.Service
}

// keys is where the certificates of pools come from.
func (c BackendConfig) keys() PoolKeys {
	if c.Workers == nil {
		return nil
	}
	return c.Workers.Certificate
}

// NewBackend serves the worker API from the runs package: it translates.
func NewBackend(s *runs.Service, c BackendConfig) Backend { return &backend{runs: s, config: c} }

type backend struct {
	runs   *runs.Service
	config BackendConfig
}

func (b *backend) Lease(ctx context.Context, key domain.PoolKey, req LeaseRequest) (*Job, error) {
	if b.config.Workers != nil {
		restart, err := b.config.Workers.Seen(ctx, key, domain.Worker{ID: req.WorkerID, Metadata: req.Metadata, Slots: max(req.Slots, 1)})
		if err != nil {
			return nil, err
		}
		if restart {
			return nil, ErrRestart
		}
	}
	sealing, err := newSealer(ctx, b.config.keys(), key.Pool, req.Key, req.Nonce)
	if err != nil {
		return nil, err
	}
	var how []runs.LeaseOption
	if !req.Proves {
		how = append(how, runs.Unproved)
	}
	if req.Containers {
		how = append(how, runs.InContainers)
	}
	a, err := b.runs.Lease(ctx, key, req.WorkerID, min(req.Wait, MaxLeaseWait), how...)
	if err != nil || a == nil {
		return nil, err
	}
	return sealing.seal(b.job(a))
}

func (b *backend) Leave(ctx context.Context, key domain.PoolKey, req LeaveRequest) error {
	if b.config.Workers == nil {
		return nil
	}
	return b.config.Workers.Leaves(ctx, key, req.WorkerID, req.Gone)
}

func (b *backend) job(a *runs.Assignment) *Job {
	j := &Job{
		Ref: LeaseRef{RunID: a.Run.ID, Epoch: a.Epoch, Secret: a.Secret}, Phase: PhasePlan, RunType: a.Run.Type, StackID: a.Stack.ID,
		LeaseTTL: b.runs.LeaseTTL(), ApplyTTL: b.runs.ApplyTTL(), ProjectRoot: a.Stack.ProjectRoot, FailReason: a.FailReason, Notices: a.Notices, Image: a.Image,
		Autodeploy: a.Run.Autodeploy, ForceApply: a.Run.Request.Force != "", Hooks: a.Hooks, StackHooks: a.Stack.Hooks, Custom: a.Custom,
		SensitiveOutputs: a.Stack.UploadSensitiveOutputs && !a.Stack.ManagesState,
		Command:          a.Run.Request.Command, SkipInit: a.Run.Request.SkipInit, Targets: a.Run.Targets,
		MaskWellKnown: a.Stack.MaskWellKnownSecrets, Federated: b.runs.Federated(),
		Source: Source{
			Provider: string(a.Stack.Provider), URL: a.Stack.RepositoryURL, Branch: a.Run.Branch,
			Commit: a.Run.Commit.Hash, Schemes: b.config.Schemes, Upload: upload(a), Sparse: sparse(a.Stack), Access: a.GitAccess,
		},
	}
	switch a.Run.State {
	case domain.RunPreparingApply:
		j.Phase = PhaseApply
	case domain.RunPreparingReplan:
		j.Phase = PhaseReplan
	default: // PREPARING
	}
	if t := a.Stack.Vendor.Tofu(); t != nil {
		j.Tool, j.ToolVersion, j.Concise = t.WorkflowTool, t.Version, t.Concise
		if !a.Stack.ManagesState {
			j.Workspace = t.Workspace
		}
	}
	for _, v := range a.Env {
		j.Env = append(j.Env, EnvVar{Name: v.Name, Value: v.Value, Secret: v.Secret, Literal: v.Literal})
	}
	for _, f := range a.Files {
		j.Files = append(j.Files, File{Path: f.ID, Content: []byte(f.Value), Secret: f.WriteOnly, Mode: fileMode(f.FileMode)})
	}
	if b.config.Hosts != nil {
		j.Services = &Services{Hosts: b.config.Hosts, States: b.config.Endpoint + statebackend.RemotePath, Token: a.Token}
	}
	if a.Stack.ManagesState {
		j.State = &State{Address: b.config.Endpoint + statebackend.Path(a.Stack.ID), Username: "run", Password: a.Token}
	}
	return j
}

// upload names what a worker gets instead of a checkout; empty: nothing.
func upload(a *runs.Assignment) string {
	switch {
	case a.Run.Request.Workspace != "":
		return string(a.Run.Request.Workspace)
	case a.Stack.Provider == domain.ProviderBuiltIn:
		return "revision " + a.Run.Commit.Hash
	default:
		return ""
	}
}

// sparse are the folders of a stack's repository that its runs need.
func sparse(s domain.Stack) []string {
	if len(s.SparsePaths) == 0 || s.ProjectRoot == "" {
		return s.SparsePaths
	}
	return append(slices.Clone(s.SparsePaths), s.ProjectRoot)
}

func fileMode(octal string) uint32 {
	n, err := strconv.ParseUint(octal, 8, 32)
	if err != nil {
		return 0
	}
	return uint32(os.FileMode(n).Perm()) // permission bits only
}

func lease(key domain.PoolKey, ref LeaseRef) runs.Lease {
	return runs.Lease{Key: key, Run: ref.RunID, Epoch: ref.Epoch, Secret: ref.Secret}
}

func (b *backend) Heartbeat(ctx context.Context, key domain.PoolKey, q HeartbeatRequest) (HeartbeatReply, error) {
	stop, err := b.runs.Heartbeat(ctx, lease(key, q.LeaseRef), min(q.Wait, MaxLeaseWait))
	return HeartbeatReply{Stop: stop}, err
}

func (b *backend) Advance(ctx context.Context, key domain.PoolKey, a Advance) (AdvanceReply, error) {
	log := make([]domain.LogChunk, len(a.Log))
	for i, c := range a.Log {
		log[i] = domain.LogChunk{Seq: c.Seq, State: c.State, Body: c.Text}
	}
	err := b.runs.Advance(ctx, lease(key, a.Ref), runs.Progress{
		Log: log,
		To:  a.To, Note: a.Note, Commit: a.Commit, Delta: a.Delta, Changes: a.Changes, Outputs: a.Outputs, Lost: a.Lost, Interrupted: a.Interrupted,
		Entities: entities(a.Entities),
	})
	if errors.Is(err, runs.ErrStop) {
		return AdvanceReply{Stop: true}, nil
	}
	if errors.Is(err, runs.ErrHold) {
		return AdvanceReply{Hold: true}, nil
	}
	return AdvanceReply{Apply: err == nil && a.To == domain.RunConfirmed}, err
}

// Federate implements Backend.
func (b *backend) Federate(ctx context.Context, key domain.PoolKey, q FederateRequest) (reply FederateReply, err error) {
	sealing, err := newSealer(ctx, b.config.keys(), key.Pool, q.Key, q.Nonce)
	if err != nil {
		return reply, err
	}
	token, until, err := b.runs.Federate(ctx, lease(key, q.LeaseRef))
	if err != nil {
		return reply, err
	}
	return sealing.sealToken(q.LeaseRef, FederateReply{Token: token, Life: time.Until(until)})
}

func (b *backend) AppendLogs(ctx context.Context, key domain.PoolKey, c LogChunk) error {
	return b.runs.AppendLog(ctx, lease(key, c.Ref), c.Seq, c.State, c.Text)
}

func (b *backend) PutWorkspace(ctx context.Context, key domain.PoolKey, ref LeaseRef, body io.Reader) error {
	if err := b.runs.CheckLease(ctx, lease(key, ref)); err != nil {
		return err
	}
	packed, err := receive(body, MaxWorkspace, "the workspace upload")
	if err != nil {
		return err
	}
	if len(packed) > MaxWorkspace {
		return domain.Invalid("workspace", "must not be larger than %d bytes", MaxWorkspace)
	}
	return b.runs.PutWorkspace(ctx, lease(key, ref), packed)
}

// RecoverState implements Backend.
func (b *backend) RecoverState(ctx context.Context, key domain.PoolKey, ref LeaseRef, body io.Reader) error {
	if b.config.States == nil {
		return domain.Conflict("states cannot be handed over to this server")
	}
	attempt := states.Attempt{Key: key, Run: ref.RunID, Epoch: ref.Epoch, Secret: ref.Secret}
	if err := b.config.States.MayRecover(ctx, attempt); err != nil {
		return err
	}
	state, err := receive(body, domain.MaxRefusedState, "the upload of the state")
	if err != nil {
		return err
	}
	if len(state) > domain.MaxRefusedState {
		return domain.Invalid("state", "must not be larger than %d bytes", domain.MaxRefusedState)
	}
	return b.config.States.Recover(ctx, attempt, state)
}

// receive reads a body, and one byte too many of one that is too large. An error
// says already what was wrong, or else that the body broke off.
func receive(body io.Reader, limit int64, what string) ([]byte, error) {
	all, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil && domain.ErrorCode(err) == "" {
		err = domain.Unavailable(what, err)
	}
	return all, err
}

func (b *backend) GetWorkspace(ctx context.Context, key domain.PoolKey, ref LeaseRef) (io.ReadCloser, error) {
	packed, err := b.runs.Workspace(ctx, lease(key, ref))
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(packed)), nil
}
