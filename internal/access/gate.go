package access

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// Reader is the little that the gate reads of a transaction.
type Reader interface {
	// Stamp returns which state of the access world this transaction sees.
	Stamp(ctx context.Context) (Stamp, error)
	// Slot is where the gate keeps what it compiled for this transaction.
	Slot() *Slot
	// World returns everything that decisions are made from.
	World(ctx context.Context) (domain.World, error)
	// Delta returns what changed since an older state, as it is now; ok is
	// false if only the whole world can tell.
	Delta(ctx context.Context, since Stamp) (d domain.WorldDelta, ok bool, err error)
	// Now returns the time that the transaction is decided at.
	Now() time.Time
	// RunNow returns the state of a run and the epoch of its last lease.
	RunNow(ctx context.Context, id domain.RunID) (domain.RunState, int, error)
}

// Transactor runs a use case's code in one transaction of the store T.
type Transactor[T any] interface {
	// View runs fn on one consistent snapshot; nothing can be written.
	View(ctx context.Context, fn func(T) error) error
	// Change runs fn and commits what it wrote together with its audit row.
	// No access change can be committed between its decisions and its commit.
	Change(ctx context.Context, fn func(T) error) error
	// ChangeAccess is Change for fn that alters spaces, roles, bindings, actors
	// or who is administrative: it excludes every other change while it runs.
	ChangeAccess(ctx context.Context, fn func(T) error) error
}

// Ledger is a Transactor that also records what no transaction decided.
type Ledger[T any] interface {
	Transactor[T]
	// Deny records a refusal and returns the error to show.
	Deny(ctx context.Context, d *Denial) error
}

// Rehearser is a Transactor that can also try changes out.
type Rehearser[T any] interface {
	Transactor[T]
	// Rehearse runs fn, in which every transaction of fn's context takes place
	// within tx, and takes back whatever was written. Nothing is recorded.
	Rehearse(ctx context.Context, fn func(ctx context.Context, tx T) error) error
}

// Gate turns questions into permits, scopes and refusals.
type Gate struct {
	snapshots *snapshots
	catching  sync.Mutex // of those who follow the present outside transactions
}

// NewGate returns a gate with an empty snapshot cache.
func NewGate() *Gate { return &Gate{snapshots: &snapshots{}} }

// Permit decides whether the caller may do op now. A refusal is a *Denial: not
// found when the caller may not even see the object, else forbidden, naming
// the missing action and the space (access model R26).
func (g *Gate) Permit(ctx context.Context, tx Reader, op Op) (Permit, error) {
	q, err := g.ask(ctx, tx)
	if err != nil {
		return Permit{}, err
	}
	asked := target(op.Object)
	if op.SpaceWide {
		asked.Entity = authz.EntityRef{}
	}
	d := q.snapshot.Decide(q.caller.Subject, op.Action, asked, tx.Now())
	record := q.record(op, tx.Now())
	if d.Allowed() && q.caller.Stack != "" && op.Object.Kind == KindSpace {
		// A run touches spaces only as an admin of root (access model R25).
		d = q.snapshot.DecideAccount(q.caller.Subject, tx.Now())
	}
	if d.Allowed() {
		return Permit{record: record.allowed(d), valid: true}, nil
	}
	return Permit{}, q.refuse(op, record, d, tx.Now())
}

// Account decides an account-wide operation: managing roles, API keys, and
// the like. Only an admin of root may (access model step 5, A70-A77).
func (g *Gate) Account(ctx context.Context, tx Reader, op Op) (Permit, error) {
	q, err := g.ask(ctx, tx)
	if err != nil {
		return Permit{}, err
	}
	op.Action = authz.ActionSpaceAdmin
	if op.Object.Space == "" {
		op.Object.Space = domain.RootSpace
	}
	record := q.record(op, tx.Now())
	d := q.snapshot.DecideAccount(q.caller.Subject, tx.Now())
	switch {
	case q.caller.Stack != "" && withheldFromRuns[op.Object.Kind]:
		record.Reason = "a run's token never manages keys, users, sign-in or the account's settings"
	case d.Allowed():
		return Permit{record: record.allowed(d), valid: true}, nil
	default:
		record.Reason = "needs space:read and space:admin in space root"
	}
	record.Outcome = domain.AuditDenied
	return Permit{}, &Denial{err: Forbidden(q.caller.Name, op.Action, domain.RootSpace), record: record}
}

// Self decides an operation on what is the caller's own, such as a wish of his:
// every user and every key may. The run of a stack has nothing of its own.
func (g *Gate) Self(ctx context.Context, tx Reader, op Op) (Permit, error) {
	q, err := g.ask(ctx, tx)
	if err != nil {
		return Permit{}, err
	}
	record := q.record(op, tx.Now())
	record.Action = ""
	if q.caller.Stack == "" {
		return Permit{record: record, valid: true}, nil
	}
	record.Outcome, record.Reason = domain.AuditDenied, "a run cannot do that for its stack"
	return Permit{}, &Denial{err: &domain.Error{Code: domain.CodeForbidden, Message: "forbidden: a run cannot do that for its stack"}, record: record}
}

// Caller decides an operation that everybody with credentials may do, because
// it gives nothing yet: making room for an upload. A run may in the states in
// which its token may change anything (access model R25).
func (g *Gate) Caller(ctx context.Context, tx Reader, op Op) (Permit, error) {
	q, err := g.ask(ctx, tx)
	if err != nil {
		return Permit{}, err
	}
	record := q.record(op, tx.Now())
	record.Action, record.Spaces = "", nil
	if !q.caller.Subject.ReadOnly {
		return Permit{record: record, valid: true}, nil
	}
	shown := &domain.Error{Code: domain.CodeForbidden, Message: "forbidden: a run's token only reads until the apply"}
	record.Outcome, record.Reason = domain.AuditDenied, shown.Message
	return Permit{}, &Denial{err: shown, record: record}
}

// withheldFromRuns are the kinds that a run's token never touches, whatever
// roles its stack holds (access model R25).
var withheldFromRuns = map[Kind]bool{
	KindAPIKey: true, KindUser: true, KindUserGroup: true, KindSession: true, KindAudit: true, KindAccount: true,
}

// AccountRead decides whether the caller may read what only admins of root
// may: the audit trail (access model A74, A266).
func (g *Gate) AccountRead(ctx context.Context, tx Reader, kind Kind) error {
	q, err := g.ask(ctx, tx)
	if err != nil {
		return err
	}
	withheld := q.caller.Stack != "" && withheldFromRuns[kind]
	if !withheld && q.snapshot.DecideAccount(q.caller.Subject, tx.Now()).Allowed() {
		return nil
	}
	return Forbidden(q.caller.Name, authz.ActionSpaceAdmin, domain.RootSpace)
}

// AccountView decides whether the caller may see the account's roles, keys,
// users and group mappings (access model A78).
func (g *Gate) AccountView(ctx context.Context, tx Reader) error {
	q, err := g.ask(ctx, tx)
	if err != nil {
		return err
	}
	if q.snapshot.DecideAccountView(q.caller.Subject, tx.Now()).Allowed() {
		return nil
	}
	return Forbidden(q.caller.Name, authz.ActionSpaceAdmin, domain.RootSpace)
}

// See decides whether the caller may see an object: space:read is effective
// in its space, or finer is granted there by name. A refusal reads as not
// found (access model R5, R23).
func (g *Gate) See(ctx context.Context, tx Reader, finer authz.Action, o Object) error {
	q, err := g.ask(ctx, tx)
	if err != nil {
		return err
	}
	if q.snapshot.DecideRead(q.caller.Subject, finer, target(o), tx.Now()).Allowed() {
		return nil
	}
	return domain.NotFound(o.Noun)
}

// Holds reports whether the caller may do action on o, without a permit and
// without a record: for what a page shows, never before a change.
func (g *Gate) Holds(ctx context.Context, tx Reader, action authz.Action, o Object) (bool, error) {
	q, err := g.ask(ctx, tx)
	if err != nil {
		return false, err
	}
	return q.snapshot.Decide(q.caller.Subject, action, target(o), tx.Now()).Allowed(), nil
}

// Hold checks that the caller holds all actions on o, beside what a permit was
// given for: nobody grants what he does not hold (security rule G1). The permit
// that comes back records by which bindings he does; a missing action says that
// he does not.
func (g *Gate) Hold(ctx context.Context, tx Reader, p Permit, o Object, actions ...authz.Action) (held Permit, missing authz.Action, err error) {
	q, err := g.ask(ctx, tx)
	if err != nil {
		return Permit{}, missing, err
	}
	var uses []domain.AuditUse
	for _, a := range actions {
		d := q.snapshot.Decide(q.caller.Subject, a, target(o), tx.Now())
		if !d.Allowed() {
			return p, a, nil
		}
		uses = heldBy(uses, a, d)
	}
	return p.holding(uses), missing, nil
}

// HoldsAll reports whether the caller holds every action of a role where it is
// to count, without a permit and without a record, as Holds does.
func (g *Gate) HoldsAll(ctx context.Context, tx Reader, actions []authz.Action, o Object) (bool, error) {
	q, err := g.ask(ctx, tx)
	if err != nil {
		return false, err
	}
	for _, a := range actions {
		if !q.snapshot.Decide(q.caller.Subject, a, target(o), tx.Now()).Allowed() {
			return false, nil
		}
	}
	return true, nil
}

// Missing is the refusal for a change to an object that does not exist. It is
// recorded like any other refusal, so that a hidden object and a missing one
// cannot be told apart (access model R23).
func (g *Gate) Missing(ctx context.Context, tx Reader, op Op) error {
	q, err := g.ask(ctx, tx)
	if err != nil {
		return err
	}
	record := q.record(op, tx.Now())
	record.Outcome, record.Reason = domain.AuditDenied, "no such object"
	return &Denial{err: domain.NotFound(op.Object.Noun), record: record}
}

// Refuse is a refusal by a rule beyond the roles: a guard of step 8, such as
// the both-ends rule or a built-in space.
func (g *Gate) Refuse(ctx context.Context, tx Reader, op Op, reason *domain.Error) error {
	q, err := g.ask(ctx, tx)
	if err != nil {
		return err
	}
	record := q.record(op, tx.Now())
	record.Outcome, record.Reason = domain.AuditDenied, reason.Message
	return &Denial{err: reason, record: record}
}

// AdminReader also counts who administers the account.
type AdminReader interface {
	Reader
	// RootAdmins returns how many API keys and users that can sign in hold
	// space:read and space:admin at root for good, by bindings of their own: a
	// group may be empty.
	RootAdmins(ctx context.Context) (int, error)
}

// GuardRootAdmin returns a check to make after a change of roles, keys or
// bindings: it refuses op if nobody would administer the account any more
// (security invariant I11). The refusal records the caller's roles from before
// the change.
func (g *Gate) GuardRootAdmin(ctx context.Context, tx AdminReader, op Op) func() error {
	refusal := g.Refuse(ctx, tx, op, domain.Conflict("this would leave nobody who administers the account for good; give somebody else Space admin at root first"))
	return func() error {
		n, err := tx.RootAdmins(ctx)
		if err != nil || n > 0 {
			return err
		}
		return refusal
	}
}

// question is one caller before one snapshot.
type question struct {
	caller   Caller
	snapshot *authz.Snapshot
	revision int64
}

func (g *Gate) ask(ctx context.Context, tx Reader) (question, error) {
	caller, err := CallerFrom(ctx)
	if err == nil {
		err = stillRuns(ctx, tx, &caller)
	}
	if err != nil {
		return question{}, err
	}
	snapshot, revision, err := g.snapshots.current(ctx, tx)
	if err != nil {
		return question{}, domain.Unavailable("the access model", err)
	}
	return question{caller: caller, snapshot: snapshot, revision: revision}, nil
}

func (q question) record(op Op, now time.Time) Record {
	spaces := []domain.SpaceID{op.Object.Space}
	for _, s := range op.With {
		if !slices.Contains(spaces, s) {
			spaces = append(spaces, s)
		}
	}
	return Record{
		Event:      op.Event,
		Actor:      q.caller.Name,
		ActorRoles: q.snapshot.RoleSlugs(q.caller.Subject, now),
		Action:     op.Action.String(),
		ObjectKind: op.Object.Kind,
		ObjectID:   op.Object.ID,
		Spaces:     spaces,
		Outcome:    domain.AuditAllowed,
		Revision:   q.revision,
		Run:        q.caller.Run,
		Stack:      q.caller.Stack,
	}
}

func (q question) refuse(op Op, record Record, d authz.Decision, now time.Time) error {
	record.Outcome, record.Reason = domain.AuditDenied, fmt.Sprintf("lacks %s: %s", op.Action, d.Reason)
	visible := d.Outcome == authz.Forbidden ||
		q.snapshot.DecideRead(q.caller.Subject, op.See, target(op.Object), now).Allowed()
	if !visible {
		return &Denial{err: domain.NotFound(op.Object.Noun), record: record}
	}
	shown := Forbidden(q.caller.Name, op.Action, op.Object.Space)
	if d.Reason == authz.ReasonReadOnlyToken {
		shown.Message += ": a run's token only reads until the apply"
	}
	return &Denial{err: shown, record: record}
}

// Forbidden is the refusal that names the missing action and the space: the
// one sentence that tells a person what to ask for. It never contains the word
// that clients take for a dead session (access model R26).
func Forbidden(actor string, action authz.Action, space domain.SpaceID) *domain.Error {
	return &domain.Error{
		Code:    domain.CodeForbidden,
		Message: fmt.Sprintf("forbidden: %s lacks %s in space %s", actor, action, space),
	}
}

func target(o Object) authz.Target {
	return authz.Target{Space: string(o.Space), Entity: o.Entity}
}
