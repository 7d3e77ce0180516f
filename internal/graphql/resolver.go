package graphql

import (
	"context"
	"time"

	gqlgen "github.com/99designs/gqlgen/graphql"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/account"
	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/contexts"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/insight"
	"github.com/airlock-project/airlock/internal/roles"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/spaces"
	"github.com/airlock-project/airlock/internal/stacks"
	"github.com/airlock-project/airlock/internal/states"
	"github.com/airlock-project/airlock/internal/workers"
)

// Resolver holds what the resolvers call: one use case a noun.
type Resolver struct {
	AccountName string
	// OutgoingIPs and AWSAccount are what the operator says of the account.
	OutgoingIPs []string
	AWSAccount  string
	// Parallelism is how many runs the built-in workers execute at the same time.
	Parallelism int

	Account        Account
	Spaces         Spaces
	Roles          Roles
	Bindings       Bindings
	Identity       Identity
	Stacks         Stacks
	Contexts       Contexts
	Runs           Runs
	States         States
	Audit          Audit
	Workers        Workers
	Insight        Insight
	Repos          Repos
	PushHooks      PushHooks
	GitCredentials GitCredentials

	Dependencies Dependencies
	Schedules    Schedules
	Statuses     Statuses
}

// NewSchema returns the executable schema over a resolver.
func NewSchema(r *Resolver) gqlgen.ExecutableSchema {
	return generated.NewExecutableSchema(generated.Config{Resolvers: r})
}

// Account are the use cases of the account's settings.
type Account interface {
	Get(ctx context.Context) (domain.AccountSettings, error)
	Update(ctx context.Context, in account.SettingsInput) (domain.AccountSettings, error)
}

// Spaces are the use cases of spaces.
type Spaces interface {
	Get(ctx context.Context, id domain.SpaceID) (spaces.View, error)
	List(ctx context.Context) ([]spaces.View, error)
	Some(ctx context.Context, ids []domain.SpaceID) ([]spaces.View, error)
	Create(ctx context.Context, in spaces.Input) (spaces.View, error)
	Update(ctx context.Context, id domain.SpaceID, in spaces.Input) (spaces.View, error)
	Delete(ctx context.Context, id domain.SpaceID) (spaces.View, error)
}

// Roles are the use cases of roles.
type Roles interface {
	Get(ctx context.Context, id domain.RoleID) (roles.View, error)
	List(ctx context.Context) ([]roles.View, error)
	Create(ctx context.Context, in roles.Input) (roles.View, error)
	Update(ctx context.Context, id domain.RoleID, in roles.Input) (roles.View, error)
	Delete(ctx context.Context, id domain.RoleID, force bool) (roles.View, error)
}

// Bindings are the use cases of role bindings.
type Bindings interface {
	Count(ctx context.Context, role domain.RoleID) (int, error)
	Get(ctx context.Context, kind authz.ActorKind, id domain.BindingID) (bindings.View, error)
	Of(ctx context.Context, actor authz.ActorRef) ([]bindings.View, error)
	Create(ctx context.Context, grants ...bindings.Grant) ([]bindings.View, error)
	Update(ctx context.Context, actor authz.ActorRef, id domain.BindingID, in bindings.Input) (bindings.View, error)
	Delete(ctx context.Context, kind authz.ActorKind, id domain.BindingID) (bindings.View, error)
	List(ctx context.Context, f domain.BindingFilter, after domain.ListPosition, size int) (bindings.Page, error)
	Find(ctx context.Context, id domain.BindingID) (bindings.View, error)
	Remove(ctx context.Context, id domain.BindingID) (bindings.View, error)
	Requests
}

// Requests are the use cases of requests for access.
type Requests interface {
	Request(ctx context.Context, in bindings.RequestInput) (bindings.RequestView, error)
	Grant(ctx context.Context, id domain.AccessRequestID, note string) (bindings.RequestView, error)
	Refuse(ctx context.Context, id domain.AccessRequestID, note string) (bindings.RequestView, error)
	Cancel(ctx context.Context, id domain.AccessRequestID) (bindings.RequestView, error)
	Requests(ctx context.Context, q bindings.RequestQuery, after domain.ListPosition, size int) (bindings.RequestPage, error)
	FindRequest(ctx context.Context, id domain.AccessRequestID) (bindings.RequestView, error)
}

// Identity are the use cases of API keys and sign-in.
type Identity interface {
	Users
	Groups
	Key(ctx context.Context, id domain.APIKeyID) (identity.KeyView, error)
	Keys(ctx context.Context) ([]identity.KeyView, error)
	CreateKey(ctx context.Context, in identity.KeyInput) (identity.KeyView, error)
	UpdateKey(ctx context.Context, id domain.APIKeyID, in identity.KeyUpdate) (identity.KeyView, error)
	DeleteKey(ctx context.Context, id domain.APIKeyID) (identity.KeyView, error)
	Exchange(ctx context.Context, id domain.APIKeyID, secret string) (identity.Session, error)
	Viewer(ctx context.Context) (identity.User, error)
}

// Users are the use cases of users and their invitations.
type Users interface {
	User(ctx context.Context, id domain.UserID) (identity.UserView, error)
	Users(ctx context.Context) ([]identity.UserView, error)
	InviteUser(ctx context.Context, in identity.InviteInput) (identity.UserView, error)
	ResendInvite(ctx context.Context, id domain.UserID) (identity.UserView, error)
	UpdateUser(ctx context.Context, id domain.UserID, in identity.UserUpdate) (identity.UserView, error)
	DeleteUser(ctx context.Context, id domain.UserID) (identity.UserView, error)
}

// Groups are the use cases of group mappings.
type Groups interface {
	Group(ctx context.Context, id domain.UserGroupID) (identity.GroupView, error)
	Groups(ctx context.Context) ([]identity.GroupView, error)
	ReportedGroups(ctx context.Context) ([]string, error)
	CreateGroup(ctx context.Context, in identity.GroupInput) (identity.GroupView, error)
	UpdateGroup(ctx context.Context, id domain.UserGroupID, in identity.GroupInput) (identity.GroupView, error)
	DeleteGroup(ctx context.Context, id domain.UserGroupID) (identity.GroupView, error)
}

// Stacks are the use cases of stacks.
type Stacks interface {
	Get(ctx context.Context, id domain.StackID) (stacks.View, error)
	OfRun(ctx context.Context, id domain.RunID) (stacks.View, error)
	List(ctx context.Context) ([]domain.Stack, error)
	Search(ctx context.Context, q domain.StackSearch) (stacks.Page, error)
	CanWriteEach(ctx context.Context, list []domain.Stack) (map[domain.StackID]bool, error)
	Outputs(ctx context.Context, id domain.StackID) ([]domain.Output, error)
	Entities(ctx context.Context, id domain.StackID) ([]stacks.EntityView, error)
	SearchEntities(ctx context.Context, q domain.EntitySearch) (stacks.EntityPage, error)
	CountEntities(ctx context.Context, q domain.EntitySearch, by domain.EntityField) ([]domain.EntityGroup, error)
	SetStar(ctx context.Context, id domain.StackID, star bool) (domain.Stack, error)
	StarredOf(ctx context.Context, list []domain.Stack) (map[domain.StackID]bool, error)
	LastApplies(ctx context.Context, list []domain.Stack) (map[domain.StackID]time.Time, error)
	Create(ctx context.Context, in stacks.CreateInput) (domain.Stack, error)
	Update(ctx context.Context, id domain.StackID, in domain.StackSettings) (domain.Stack, error)
	Delete(ctx context.Context, id domain.StackID) (domain.Stack, error)
	Reslug(ctx context.Context, id domain.StackID) (domain.Stack, error)
	MigrateVendor(ctx context.Context, id domain.StackID, to string, labels []string) (domain.Stack, error)
	ConvertAdministrative(ctx context.Context, id domain.StackID) (stacks.Converted, error)
	Config(ctx context.Context, id domain.StackID) ([]domain.Config, error)
	AddConfig(ctx context.Context, id domain.StackID, in domain.Config) (domain.Config, error)
	DeleteConfig(ctx context.Context, id domain.StackID, element string) (domain.Config, error)
}

// States are the use cases of stacks' states.
type States interface {
	History(ctx context.Context, id domain.StackID, before domain.StateVersionID) ([]domain.StateVersion, error)
	Refused(ctx context.Context, id domain.StackID) ([]domain.RefusedState, error)
	RefusedDownloadURL(ctx context.Context, id domain.StackID, state domain.RefusedStateID) (string, error)
	IsRollback(ctx context.Context, id domain.StackID) (bool, error)
	DownloadURL(ctx context.Context, id domain.StackID) (string, error)
	UploadURL(ctx context.Context) (states.Upload, error)
	Import(ctx context.Context, in states.ImportInput) (domain.StateVersion, error)
	Rollback(ctx context.Context, id domain.StackID, to domain.StateVersionID) (domain.StateVersion, error)
}

// Contexts are the use cases of contexts.
type Contexts interface {
	Get(ctx context.Context, id domain.ContextID) (domain.Context, error)
	List(ctx context.Context) ([]domain.Context, error)
	Attachable(ctx context.Context, space domain.SpaceID) ([]domain.Context, error)
	Foretell(ctx context.Context, space domain.SpaceID, labels []string) ([]domain.Stack, error)
	Create(ctx context.Context, in contexts.Input) (domain.Context, error)
	Update(ctx context.Context, id domain.ContextID, in contexts.Input, replace bool) (domain.Context, error)
	Rename(ctx context.Context, id domain.ContextID, name string, description *string) (domain.Context, error)
	Delete(ctx context.Context, id domain.ContextID) (domain.Context, error)
	Config(ctx context.Context, id domain.ContextID) ([]domain.Config, error)
	AddConfig(ctx context.Context, id domain.ContextID, in domain.Config) (domain.Config, error)
	DeleteConfig(ctx context.Context, id domain.ContextID, element string) (domain.Config, error)
	Attach(ctx context.Context, id domain.ContextID, a contexts.StackAttachment) (contexts.AttachmentView, error)
	Detach(ctx context.Context, id domain.ContextAttachmentID) (contexts.AttachmentView, error)
	OfStack(ctx context.Context, id domain.StackID) ([]contexts.AttachmentView, error)
	OfContext(ctx context.Context, id domain.ContextID) ([]contexts.AttachmentView, error)
}

// Runs are the use cases of runs, as far as people and keys ask for them.
type Runs interface {
	Get(ctx context.Context, stack domain.StackID, id domain.RunID) (domain.Run, error)
	List(ctx context.Context, stack domain.StackID, t domain.RunType, before domain.RunID) ([]domain.Run, error)
	Blockers(ctx context.Context, list []domain.Stack) (map[domain.StackID]domain.Run, error)
	History(ctx context.Context, id domain.RunID) ([]domain.RunTransition, error)
	Changes(ctx context.Context, id domain.RunID) ([]domain.ResourceChange, error)
	CustomConfig(ctx context.Context, id domain.RunID) (*domain.RuntimeConfig, error)
	Logs(ctx context.Context, id domain.RunID, state domain.RunState, serial int, token string) (runs.LogPage, error)
	Trigger(ctx context.Context, in runs.TriggerInput) (domain.Run, error)
	ConfirmWith(ctx context.Context, stack domain.StackID, id domain.RunID, note, metadata string) (domain.Run, error)
	Discard(ctx context.Context, stack domain.StackID, id domain.RunID, note string) (domain.Run, error)
	DiscardAll(ctx context.Context, stack domain.StackID, note string) (runs.Discarded, error)
	Cancel(ctx context.Context, stack domain.StackID, id domain.RunID, note string) (domain.Run, error)
	Stop(ctx context.Context, stack domain.StackID, id domain.RunID, note string) (domain.Run, error)
	Kill(ctx context.Context, stack domain.StackID, id domain.RunID, note string) (domain.Run, error)
	Prioritize(ctx context.Context, stack domain.StackID, id domain.RunID, first bool) (domain.Run, error)
	SetPriority(ctx context.Context, stack domain.StackID, id domain.RunID, preset runs.PriorityPreset) (domain.Run, error)
	Promote(ctx context.Context, stack domain.StackID, id domain.RunID) (domain.Run, error)
	Retry(ctx context.Context, stack domain.StackID, id domain.RunID) (domain.Run, error)
	MayRetry(ctx context.Context, run domain.Run) (bool, error)
	Replan(ctx context.Context, stack domain.StackID, id domain.RunID, targets []string) (domain.Run, error)
	Comment(ctx context.Context, stack domain.StackID, id domain.RunID, body string) (domain.RunComment, error)
	Comments(ctx context.Context, id domain.RunID) ([]domain.RunComment, error)
	Review(ctx context.Context, stack domain.StackID, id domain.RunID, decision domain.ReviewDecision, note string) (domain.RunReview, error)
	Reviews(ctx context.Context, id domain.RunID) ([]domain.RunReview, error)
	CreateTask(ctx context.Context, in runs.TaskInput) (domain.Run, error)
	Lock(ctx context.Context, id domain.StackID, note string) (domain.Stack, error)
	Unlock(ctx context.Context, id domain.StackID, lock string) (domain.Stack, error)
	Disable(ctx context.Context, id domain.StackID) (domain.Stack, error)
	Enable(ctx context.Context, id domain.StackID) (domain.Stack, error)
	SetCurrentCommit(ctx context.Context, id domain.StackID, hash string) (domain.Stack, error)
	SyncCommit(ctx context.Context, id domain.StackID) (domain.Stack, error)
	Destroy(ctx context.Context, id domain.StackID) (domain.Stack, error)
	AskUpload(ctx context.Context, id domain.StackID) (runs.Upload, error)
	ProposeLocal(ctx context.Context, in runs.ProposeInput) (domain.Run, error)
	ProposeWith(ctx context.Context, in runs.ProposeInput) (domain.Run, error)
	Waiting(ctx context.Context, pool domain.WorkerPoolID) ([]domain.WaitingRun, error)
	Held(ctx context.Context, pool domain.WorkerPoolID) ([]domain.Run, error)
	DependenciesOf(ctx context.Context, id domain.RunID) ([]domain.RunDependency, error)
}

// Workers are the use cases of worker pools.
type Workers interface {
	Get(ctx context.Context, id domain.WorkerPoolID) (workers.View, error)
	List(ctx context.Context) ([]workers.View, error)
	Attachable(ctx context.Context, space domain.SpaceID) ([]workers.View, error)
	BuiltIn(ctx context.Context) (workers.BuiltInView, error)
	Versions(ctx context.Context, tool domain.Tool) ([]string, error)
	ToolVersions(ctx context.Context, list []domain.Stack) (map[domain.StackID]string, error)
	SetDrained(ctx context.Context, pool domain.WorkerPoolID, id string, drained bool) (domain.Worker, error)
	Cycle(ctx context.Context, id domain.WorkerPoolID) error
	Config(ctx context.Context, id domain.WorkerPoolID) (string, error)
	Create(ctx context.Context, in workers.Input) (workers.View, error)
	Update(ctx context.Context, id domain.WorkerPoolID, in workers.Input) (workers.View, error)
	Reset(ctx context.Context, id domain.WorkerPoolID, request string) (workers.View, error)
	Delete(ctx context.Context, id domain.WorkerPoolID) (workers.View, error)
}

// Insight are the questions about access.
type Insight interface {
	Explain(ctx context.Context, q insight.Question) (insight.Explanation, error)
	Effective(ctx context.Context, q insight.Question) (insight.Effective, error)
	Who(ctx context.Context, q insight.WhoQuestion) (insight.Who, error)
	Preview(ctx context.Context, in insight.PreviewInput) (insight.Preview, error)
	Paths(ctx context.Context, in insight.PathsInput) (insight.Paths, error)
	Review(ctx context.Context, q insight.ReviewQuery) (insight.ReviewPage, error)
}

// Audit are the use cases of the audit trail.
type Audit interface {
	Entries(ctx context.Context, before int64, limit int) ([]domain.AuditEntry, error)
}

// orNull answers what is missing, or hidden, with null where the contract
// reads null.
func orNull[T any](v *T, err error) (*T, error) {
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return nil, nil
	}
	return v, err
}

// each translates a list.
func each[A, B any](list []A, err error, translate func(A) *B) ([]*B, error) {
	if err != nil {
		return nil, err
	}
	out := make([]*B, len(list))
	for i, v := range list {
		out[i] = translate(v)
	}
	return out, nil
}

// one translates a single value.
func one[A, B any](v A, err error, translate func(A) *B) (*B, error) {
	if err != nil {
		return nil, err
	}
	return translate(v), nil
}

// text is an optional text input; absent is empty.
func text[S ~string](s *S) string {
	if s == nil {
		return ""
	}
	return string(*s)
}

// isTrue is an optional flag; absent is false.
func isTrue(b *bool) bool { return b != nil && *b }
