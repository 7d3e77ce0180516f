// Package runs holds the use cases of runs, from both sides: what people and
// keys ask for (trigger, confirm, discard, read) and what a worker's lease may
// report. It executes nothing; the runner does, on the other side of a lease.
package runs

import (
	"cmp"
	"context"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.ActAsReader
	AccountSettings(ctx context.Context) (domain.AccountSettings, error)
	Stack(ctx context.Context, id domain.StackID) (domain.Stack, error)
	LockStack(ctx context.Context, id domain.StackID) (domain.Stack, error)
	LockStackOf(ctx context.Context, id domain.RunID) (domain.Stack, error)
	SetStackLife(ctx context.Context, p access.Permit, id domain.StackID, l domain.StackLife) error
	KnownCommit(ctx context.Context, id domain.StackID, hash string) (domain.Commit, error)
	Run(ctx context.Context, id domain.RunID) (domain.Run, error)
	LockRun(ctx context.Context, id domain.RunID) (domain.Run, error)
	RunsOf(ctx context.Context, id domain.StackID, types []domain.RunType, before domain.RunID, limit int) ([]domain.Run, error)
	OpenRuns(ctx context.Context, id domain.StackID) ([]domain.Run, error)
	Blocker(ctx context.Context, id domain.StackID) (domain.Run, error)
	Blockers(ctx context.Context, ids []domain.StackID) ([]domain.Run, error)
	NextQueued(ctx context.Context, id domain.StackID, by string) (domain.Run, error)
	RunHistory(ctx context.Context, id domain.RunID) ([]domain.RunTransition, error)
	RunChanges(ctx context.Context, id domain.RunID) ([]domain.ResourceChange, error)
	RunLog(ctx context.Context, id domain.RunID, state domain.RunState, serial int, after domain.LogPosition, limit int) (domain.FoundLog, error)
	InsertRun(ctx context.Context, p access.Permit, r domain.Run) error
	InsertWaitingRun(ctx context.Context, p access.Permit, r domain.Run) error
	AdvanceRun(ctx context.Context, p access.Permit, r domain.Run, from domain.RunState, username string) error
	AdvanceRuns(ctx context.Context, p access.Permit, moves []domain.RunMove) error
	SaveRun(ctx context.Context, p access.Permit, r domain.Run) error
	RequestStop(ctx context.Context, p access.Permit, r domain.Run) error
	InsertRunComment(ctx context.Context, p access.Permit, c domain.RunComment) error
	RunComments(ctx context.Context, id domain.RunID) ([]domain.RunComment, error)
	InsertRunReview(ctx context.Context, p access.Permit, r domain.RunReview) error
	RunReviews(ctx context.Context, id domain.RunID) ([]domain.RunReview, error)
	SetRunChanges(ctx context.Context, p access.Permit, id domain.RunID, changes []domain.ResourceChange) error

	Leasable(ctx context.Context, pool domain.WorkerPoolID, but []domain.RunID, limit int) ([]domain.RunID, error)
	LockLeasable(ctx context.Context, pool domain.WorkerPoolID, ids []domain.RunID, limit int) ([]domain.Run, error)
	LeaseInputs(ctx context.Context, runs []domain.Run) (domain.LeaseInputs, error)
	RunLeases(ctx context.Context, ids []domain.RunID) (map[domain.RunID]domain.RunLease, error)
	ExpiredLeases(ctx context.Context) ([]domain.Run, error)
	WaitingPlans(ctx context.Context, before time.Time, limit int) ([]domain.Run, error)
	LogEnds(ctx context.Context, ids []domain.RunID) (map[domain.RunID]domain.LogEnd, error)
	AppendLog(ctx context.Context, p access.Permit, chunks []domain.LogChunk) error
	PutWorkspace(ctx context.Context, p access.Permit, id domain.RunID, kept domain.Stored) error
	Workspace(ctx context.Context, id domain.RunID) (domain.Stored, error)
	DropWorkspace(ctx context.Context, p access.Permit, id domain.RunID) error
	previews
	sources
	Also(p access.Permit)
	StateLock(ctx context.Context, id domain.StackID) (*domain.StateLock, error)
	RefusedStatesOfRun(ctx context.Context, id domain.RunID) ([]domain.RefusedState, error)
	DropStateLock(ctx context.Context, p access.Permit, id domain.StackID) error
	SetOutputs(ctx context.Context, p access.Permit, id domain.StackID, outputs []domain.Output) error

	DependentStacks(ctx context.Context, id domain.StackID) ([]domain.Stack, error)
	DependenciesOf(ctx context.Context, id domain.StackID) ([]domain.StackDependency, error)
	DependenciesBelow(ctx context.Context, id domain.StackID) ([]domain.StackDependency, error)
	DependencyBetween(ctx context.Context, stack, on domain.StackID) (domain.StackDependency, error)
	OutputValue(ctx context.Context, stack domain.Stack, name string) (value string, sensitive, ok bool, err error)
	Taken(ctx context.Context, id domain.ReferenceID) (value string, ok bool, err error)
	SetTaken(ctx context.Context, p access.Permit, id domain.ReferenceID, value string) error
	RunDependencies(ctx context.Context, id domain.RunID) ([]domain.RunDependency, error)
	InsertRunDependency(ctx context.Context, p access.Permit, d domain.RunDependency) error
	SettleRunDependency(ctx context.Context, p access.Permit, d domain.RunDependency) error
	RunsToFollow(ctx context.Context, limit int) ([]domain.RunID, error)
	LastTracked(ctx context.Context, id domain.StackID, before domain.RunID) (domain.Run, error)

	DueSchedules(ctx context.Context, after domain.Schedule, limit int) ([]domain.Schedule, error)
	LockSchedule(ctx context.Context, id domain.ScheduleID) (domain.Schedule, error)
	ScheduleConfig(ctx context.Context, id domain.ScheduleID) (*domain.RuntimeConfig, error)
	ScheduleWaits(ctx context.Context, s domain.Schedule) (bool, error)
	PassSchedule(ctx context.Context, p access.Permit, id domain.ScheduleID, last domain.Tick, next time.Time) error
	DeleteStack(ctx context.Context, p access.Permit, id domain.StackID) error
	SchedulesOf(ctx context.Context, id domain.StackID) ([]domain.Schedule, error)
	LastApplied(ctx context.Context, id domain.StackID) (domain.Run, error)
	Touched(ctx context.Context, id domain.StackID, since time.Time) (bool, error)
	ManagedEntities(ctx context.Context, id domain.StackID) ([]domain.ManagedEntity, error)
	SetManagedEntities(ctx context.Context, p access.Permit, id domain.StackID, by domain.RunID, now []domain.ManagedEntity) error
	SetDrifted(ctx context.Context, p access.Permit, id domain.StackID, addresses []string) error

	Config(ctx context.Context, owner access.Kind, id string) ([]domain.Config, error)
	AttachmentsOfStack(ctx context.Context, id domain.StackID) ([]domain.ContextAttachment, error)
	Context(ctx context.Context, id domain.ContextID) (domain.Context, error)
	WorkerPoolByToken(ctx context.Context, hash []byte) (domain.PoolKey, error)
	PoolKeyLives(ctx context.Context, k domain.PoolKey) (bool, error)
	BarredWorkers(ctx context.Context, pool domain.WorkerPoolID) (map[string]bool, error)
	OccupyWorkers(ctx context.Context, p access.Permit, pool domain.WorkerPoolID, ids []string) error
	DriftFull(ctx context.Context, pool domain.WorkerPoolID) (bool, error)
	WaitingRuns(ctx context.Context, scope access.Scope, pool domain.WorkerPoolID) ([]domain.WaitingRun, error)
	HeldRuns(ctx context.Context, scope access.Scope, pool domain.WorkerPoolID) ([]domain.Run, error)
}

// sources is what code that Airlock keeps itself, and pushes, use of it.
type sources interface {
	Path(ctx context.Context, id domain.SpaceID) (domain.Path, error)
	Repo(ctx context.Context, id domain.RepoID) (domain.Repo, error)
	Revision(ctx context.Context, id domain.RepoID, sha string) (domain.Revision, error)
	RepoFiles(ctx context.Context, id domain.RepoID, number int) ([]domain.RepoFile, error)
	RepoFileContent(ctx context.Context, f domain.RepoFile) ([]byte, error)
	StacksOfRepo(ctx context.Context, id domain.RepoID) ([]domain.Stack, error)
	StacksOfURL(ctx context.Context, keys []string) ([]domain.Stack, error)
	AnyPush(ctx context.Context) (bool, error)
	NextPush(ctx context.Context) (domain.Push, error)
	LockPush(ctx context.Context, id string, tries int) (bool, error)
	PutOffPush(ctx context.Context, p access.Permit, push domain.Push, why string) error
	EndPush(ctx context.Context, p access.Permit, push domain.Push, came domain.PushOutcome) error
	GitCredentialsIn(ctx context.Context, spaces []domain.SpaceID) ([]domain.GitCredential, error)
	AnyStatusToken(ctx context.Context) (bool, error)
	GitSecret(ctx context.Context, id domain.GitCredentialID) (string, error)
}

// previews is what previews use of it.
type previews interface {
	LocalWorkspace(ctx context.Context, id domain.LocalWorkspaceID) (domain.LocalWorkspace, error)
	LockLocalWorkspace(ctx context.Context, id domain.LocalWorkspaceID) (domain.LocalWorkspace, error)
	LocalWorkspaceBody(ctx context.Context, id domain.LocalWorkspaceID) (domain.Stored, error)
	UnusedWorkspaces(ctx context.Context, owner string) (int, error)
	InsertLocalWorkspace(ctx context.Context, p access.Permit, w domain.LocalWorkspace) error
	PutLocalWorkspace(ctx context.Context, p access.Permit, w domain.LocalWorkspace, kept domain.Stored) error
	UseLocalWorkspace(ctx context.Context, p access.Permit, id domain.LocalWorkspaceID, run domain.RunID) error
	DropLocalWorkspaces(ctx context.Context, p access.Permit) (int, error)
	SetRunSettings(ctx context.Context, p access.Permit, id domain.RunID, s domain.RunSettings) error
	RunSettings(ctx context.Context, id domain.RunID) (domain.RunSettings, error)
}

// ledger is the store with what it keeps outside of transactions.
type ledger interface {
	access.Ledger[Tx]
	StageWorkspace(ctx context.Context, id domain.RunID, body []byte) (domain.Stored, error)
	StageLocalWorkspace(ctx context.Context, id domain.LocalWorkspaceID, body []byte) (domain.Stored, error)
	Fetch(ctx context.Context, kept domain.Stored) ([]byte, error)
	OpenLog(ctx context.Context, found domain.FoundLog) ([]domain.LogChunk, error)
}

// LeaseTTL is how long a worker may be silent before its run is ended, unless
// the configuration says otherwise.
const LeaseTTL = 30 * time.Second

// ApplyTTL is the same for a run that changes something: an apply that goes on
// while nobody hears of it is better than one that is cut off, and meanwhile
// nobody else may write.
const ApplyTTL = 15 * time.Minute

// TokenIssuer issues the token of one lease of a run.
type TokenIssuer interface {
	RunToken(run domain.Run) (string, error)
}

// Config is what runs need to know of the installation.
type Config struct {
	BaseURL  string        // where the API can be reached, without /graphql
	LeaseTTL time.Duration // 0: LeaseTTL
	ApplyTTL time.Duration // 0: ApplyTTL; never shorter than LeaseTTL
	Uploads  UploadTokens
	// Federation issues the tokens with which runs sign in elsewhere; nil: none are.
	Federation FederationIssuer
	// RunsPerPush is how many runs may start from one push; 0: RunsPerPush.
	RunsPerPush int
	// Next returns when a schedule is due for the first time after a moment, zero
	// for never again.
	Next func(t domain.Timing, after time.Time) (time.Time, error)
}

// Service answers and changes runs.
type Service struct {
	db     ledger
	gate   *access.Gate
	ids    domain.IDSource
	tokens TokenIssuer
	config Config
	wake   *broadcast // a run may have become ready
	desks  desks
	stops  *broadcast // a run's worker is asked to stop
	watch  watch
	pieces pieces
	keys   poolKeys
}

// New returns the use cases of runs.
func New(db ledger, gate *access.Gate, ids domain.IDSource, tokens TokenIssuer, c Config) *Service {
	c.LeaseTTL = cmp.Or(c.LeaseTTL, LeaseTTL)
	c.RunsPerPush = cmp.Or(c.RunsPerPush, RunsPerPush)
	c.ApplyTTL = max(cmp.Or(c.ApplyTTL, ApplyTTL), c.LeaseTTL)
	return &Service{db: db, gate: gate, ids: ids, tokens: tokens, config: c, wake: newBroadcast(), stops: newBroadcast()}
}

// Wake tells waiting workers that a run may have become ready.
func (s *Service) Wake() { s.wake.send() }

// pageLength is how many runs one page of a list holds.
const pageLength = 50

// Get returns a run of a stack that the caller may see: space:read, or
// run:read by name for a run whose id he knows (access model R5).
func (s *Service) Get(ctx context.Context, stack domain.StackID, id domain.RunID) (r domain.Run, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		r, err = s.see(ctx, tx, id)
		if err == nil && r.StackID != stack {
			return domain.NotFound("run")
		}
		return err
	})
	return r, err
}

func (s *Service) see(ctx context.Context, tx Tx, id domain.RunID) (domain.Run, error) {
	run, err := tx.Run(ctx, id)
	if err != nil {
		return run, err
	}
	stack, err := tx.Stack(ctx, run.StackID)
	if err != nil {
		return run, err
	}
	return run, s.gate.See(ctx, tx, authz.ActionRunRead, object(stack, id))
}

// List returns a page of the runs of a stack, newest first, older than before
// if that is set: those of a type, and of the types that are shown with it.
// Listing needs space:read.
func (s *Service) List(ctx context.Context, id domain.StackID, t domain.RunType, before domain.RunID) (out []domain.Run, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		stack, err := tx.Stack(ctx, id)
		if err != nil {
			return err
		}
		o := object(stack, "")
		o.Noun = "stack"
		if err := s.gate.See(ctx, tx, authz.ActionStackRead, o); err != nil {
			return err
		}
		if err := s.gate.See(ctx, tx, authz.ActionSpaceRead, o); err != nil {
			if domain.ErrorCode(err) == domain.CodeNotFound {
				return nil // he sees the stack by name, and lists nothing (A22)
			}
			return err
		}
		out, err = tx.RunsOf(ctx, id, t.Together(), before, pageLength)
		return err
	})
	return out, err
}

// History returns the states of a run, newest first.
func (s *Service) History(ctx context.Context, id domain.RunID) (out []domain.RunTransition, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if _, err := s.see(ctx, tx, id); err != nil {
			return err
		}
		out, err = tx.RunHistory(ctx, id)
		return err
	})
	return out, err
}

// Changes returns the planned resource changes of a run, without any values.
func (s *Service) Changes(ctx context.Context, id domain.RunID) (out []domain.ResourceChange, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if _, err := s.see(ctx, tx, id); err != nil {
			return err
		}
		out, err = tx.RunChanges(ctx, id)
		return err
	})
	return out, err
}

// Object is the gate's view of a run: it is decided where its stack lives.
func object(stack domain.Stack, id domain.RunID) access.Object {
	return access.Object{
		Kind: access.KindRun, ID: string(id), Noun: "run", Space: stack.Space,
		Entity: authz.EntityRef{Kind: authz.EntityStack, ID: string(stack.ID)},
	}
}
