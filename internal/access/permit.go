package access

import (
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// Kind names what a permit is for; a store write refuses a permit of another kind.
type Kind string

// The kinds of objects that changes are made to.
const (
	KindSpace         Kind = "space"
	KindRole          Kind = "role"
	KindRoleBinding   Kind = "role_binding"
	KindAccessRequest Kind = "access_request"
	KindAPIKey        Kind = "api_key"
	KindUser          Kind = "user"
	KindUserGroup     Kind = "user_group"
	KindStack         Kind = "stack"
	KindContext       Kind = "context"
	KindRun           Kind = "run"
	KindState         Kind = "state"
	KindSession       Kind = "session"
	KindWorkerPool    Kind = "worker_pool"
	KindAudit         Kind = "audit"
	KindAccount       Kind = "account"
	KindRepo          Kind = "repo"
	KindPushHook      Kind = "push_hook"
	KindGitCredential Kind = "git_credential"
	KindSchedule      Kind = "schedule"
)

// Object is what an operation is about. Space is the space that owns it; for
// a creation, the space it is to be created in.
type Object struct {
	Kind   Kind
	ID     string
	Noun   string // how a person calls it in "<noun> not found"
	Space  domain.SpaceID
	Entity authz.EntityRef // for entity-level bindings, zero otherwise
}

// Op is one operation on one object.
type Op struct {
	Event  string // for the audit trail, for example "stack.create"
	Action authz.Action
	Object Object
	// See is the finer read action of the object's kind (access model R20),
	// authz.ActionSpaceRead if there is none: whoever may see the object is
	// told what he lacks, everyone else that it does not exist.
	See authz.Action
	// SpaceWide asks for the action in the space as a whole: a role on the
	// object itself shows the object and grants nothing here (access model R24).
	SpaceWide bool
	// With names further spaces that the operation touches, for the audit
	// trail: the other end of a move or of a stack's binding.
	With []domain.SpaceID
}

// Record is what the audit trail keeps of a decision.
type Record struct {
	Event      string
	Actor      string
	ActorRoles []string
	Action     string
	ObjectKind Kind
	ObjectID   string
	Spaces     []domain.SpaceID
	Outcome    domain.AuditOutcome
	Reason     string
	Revision   int64
	Run        domain.RunID
	Stack      domain.StackID
	Uses       []domain.AuditUse // the bindings that allowed it
	ActedAs    *domain.ActedAs   // the roles of stacks that the actor used and lacks
}

// allowed returns the record of a decision that let the operation through.
func (r Record) allowed(d authz.Decision) Record {
	if d.Binding() != "" {
		r.Uses = []domain.AuditUse{{Binding: domain.BindingID(d.Binding()), Action: r.Action}}
	}
	return r
}

// Permit is the proof that one change was allowed. Only a Gate makes one; the
// zero value is refused by every store write, and so is one for another kind
// of object. It belongs to the transaction that it was asked for in; that is a
// rule for use cases, not something that is checked.
type Permit struct {
	record Record
	valid  bool
	silent bool // background work: the noun's own history is the record
}

// Valid reports whether a gate made this permit for an object of kind.
func (p Permit) Valid(kind Kind) bool { return p.valid && p.record.ObjectKind == kind }

// Record returns what the audit trail is to keep. ok is false for background
// work, which leaves its trace in the history of the noun it changes.
func (p Permit) Record() (r Record, ok bool) { return p.record, p.valid && !p.silent }

// About returns the permit with the id of an object that did not exist yet
// when it was asked for.
func (p Permit) About(id string) Permit {
	p.record.ObjectID = id
	return p
}

// Noting returns the permit with a sentence for the audit trail about what the
// change does beyond its arguments, after those that it has.
func (p Permit) Noting(sentence string) Permit {
	if p.record.Reason != "" {
		sentence = p.record.Reason + "; " + sentence
	}
	p.record.Reason = sentence
	return p
}

// holding adds the bindings by which the actor holds what the change asks him
// to hold.
func (p Permit) holding(uses []domain.AuditUse) Permit {
	all := slices.Clone(p.record.Uses)
	for _, u := range uses {
		if !slices.Contains(all, u) {
			all = append(all, u)
		}
	}
	p.record.Uses = all
	return p
}

// heldBy is what to record of a decision that says that an action is held.
func heldBy(uses []domain.AuditUse, a authz.Action, d authz.Decision) []domain.AuditUse {
	if d.Binding() == "" {
		return uses
	}
	return append(uses, domain.AuditUse{Binding: domain.BindingID(d.Binding()), Action: a.String(), Held: true})
}

// For returns the permit for another kind of object that the same change
// touches as part of the permitted one (the state lock of a run that ends,
// say). It is the one way round the check of kinds: each use needs a reason.
// The audit row stays the one of the first permit of the transaction.
func (p Permit) For(kind Kind) Permit {
	p.record.ObjectKind = kind
	return p
}

// ActedAs returns the roles of stacks that the permitted change uses and its
// actor lacks; nil for none.
func (p Permit) ActedAs() *domain.ActedAs { return p.record.ActedAs }

// Denial is a refusal. The store records it in the audit trail after it has
// rolled the transaction back.
type Denial struct {
	err    *domain.Error
	record Record
}

// Concealed is the denial for a caller who may not even see the object: he is
// told that there is none, the audit trail why.
func (d *Denial) Concealed(noun string) *Denial {
	return &Denial{err: domain.NotFound(noun), record: d.record}
}

// Error implements error.
func (d *Denial) Error() string { return d.err.Error() }

// Unwrap returns the domain error that the caller is shown.
func (d *Denial) Unwrap() error { return d.err }

// Record returns what the audit trail is to keep of the refusal.
func (d *Denial) Record() Record { return d.record }
