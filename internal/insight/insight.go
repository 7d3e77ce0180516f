// Package insight answers questions about access and changes nothing: why
// somebody may do something, what he may do somewhere, who may do it. It tells
// a caller only what he may know (access model A78, R23): everybody may ask
// about himself; who has space:read in a space may ask about others there; who
// holds what is for those who may view the account. What is not for him is
// counted and not named. It must not decide anything itself.
package insight

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.Reader
	// Homes returns the space and the entity of each object that exists.
	Homes(ctx context.Context, refs []access.Ref) (map[access.Ref]authz.Target, error)
	ActorNames(ctx context.Context, refs []authz.ActorRef) (map[authz.ActorRef]string, error)
	Entity(ctx context.Context, ref authz.EntityRef) (domain.Entity, error)
	Path(ctx context.Context, id domain.SpaceID) (domain.Path, error)
	Spaces(ctx context.Context, ids []domain.SpaceID) ([]domain.Space, error)
	Roles(ctx context.Context) ([]domain.Role, error)
	Stack(ctx context.Context, id domain.StackID) (domain.Stack, error)
	AccountSettings(ctx context.Context) (domain.AccountSettings, error)
	// Estate returns what stacks use; it changes only with the access revision.
	Estate(ctx context.Context) (authz.Estate, error)
	// Changed returns what the transaction has changed of the access world.
	Changed(ctx context.Context) (domain.WorldDelta, error)
	ReviewTx
}

// Service answers questions about access.
type Service struct {
	db       access.Rehearser[Tx]
	gate     *access.Gate
	analyses *analyses
}

// New returns the use cases of questions about access.
func New(db access.Rehearser[Tx], gate *access.Gate) *Service {
	return &Service{db: db, gate: gate, analyses: newAnalyses()}
}

// Actor is an actor as the caller may know it.
type Actor struct {
	authz.ActorRef
	Name string // empty if it is not for the caller
}

// Place is a space as the caller may know it: without an id it is hidden from
// him, without a name only its id is for him.
type Place struct {
	ID   domain.SpaceID
	Name string
}

// Target is what a question is about, as the caller may know it.
type Target struct {
	access.Ref
	Name  string
	Space Place // where it lives; a space itself
}

// teller tells one caller what he may know at one moment.
type teller struct {
	access.Asker
	tx Tx

	roles  map[string]domain.Role
	actors map[authz.ActorRef]string
	spaces map[string]string
	stacks map[string]authz.Target // where stacks are; the zero value is nowhere
}

// tell runs fn with a teller for the caller.
func (s *Service) tell(ctx context.Context, fn func(t *teller) error) error {
	caller, err := access.CallerFrom(ctx)
	if err != nil {
		return err
	}
	return s.db.View(ctx, func(tx Tx) error {
		m, err := s.gate.Moment(ctx, tx)
		if err != nil {
			return err
		}
		t, err := newTeller(ctx, tx, caller, m)
		if err != nil {
			return err
		}
		return fn(t)
	})
}

func newTeller(ctx context.Context, tx Tx, caller access.Caller, m access.Moment) (*teller, error) {
	t := &teller{
		Asker: access.Asker{Caller: caller, Moment: m}, tx: tx,
		roles: map[string]domain.Role{}, actors: map[authz.ActorRef]string{}, spaces: map[string]string{},
		stacks: map[string]authz.Target{},
	}
	roles, err := tx.Roles(ctx)
	for _, r := range roles {
		t.roles[string(r.ID)] = r
	}
	return t, err
}

// who is the actor that a question names; the zero value is the caller.
func (t *teller) who(ref authz.ActorRef) authz.ActorRef {
	if ref == (authz.ActorRef{}) {
		return t.Caller.Subject.Actor
	}
	return ref
}

// find returns where something is; the zero value if it is not there.
func (t *teller) find(ctx context.Context, ref access.Ref) (authz.Target, error) {
	if ref.Kind != access.KindSpace {
		homes, err := t.tx.Homes(ctx, []access.Ref{ref})
		return homes[ref], err
	}
	if _, known := t.Snapshot.SpaceNumber(ref.ID); !known {
		return authz.Target{}, nil
	}
	return authz.Target{Space: ref.ID}, nil
}

// aim finds what a question about others is about. Whoever may not ask there is
// told that there is nothing (access model R23).
func (t *teller) aim(ctx context.Context, ref access.Ref) (authz.Target, error) {
	at, err := t.find(ctx, ref)
	if err == nil && (at.Space == "" || !t.MayAsk(at)) {
		err = domain.NotFound(targetNoun(ref.Kind))
	}
	return at, err
}

func targetNoun(k access.Kind) string {
	switch k {
	case access.KindWorkerPool:
		return "worker pool"
	case access.KindRepo:
		return "repository"
	default:
		return string(k)
	}
}

func actorNoun(k authz.ActorKind) string {
	switch k {
	case authz.ActorAPIKey:
		return "api key"
	case authz.ActorGroup:
		return "user group"
	default:
		return k.String()
	}
}

// meet checks that a caller may ask about an actor, as far as he may know that
// there is none. A stack that is hidden from him is answered like a missing
// one, unless it holds something where he is asking and administers: those
// bindings are shown to him.
func (t *teller) meet(ctx context.Context, who authz.ActorRef, at authz.Target) error {
	if err := t.know(ctx, []authz.ActorRef{who}, nil); err != nil || t.Self(who) {
		return err
	}
	_, exists := t.actors[who]
	if who.Kind != authz.ActorStack {
		if exists || !t.ViewsAccount() {
			return nil
		}
		return domain.NotFound(actorNoun(who.Kind))
	}
	sees, err := t.seesStack(ctx, who.ID)
	if err != nil || sees {
		return err
	}
	if t.administers(at.Space) && !t.Snapshot.Effective(t.Subject(who, false), at, t.Time).Empty() {
		return nil
	}
	return domain.NotFound(actorNoun(who.Kind))
}

func (t *teller) seesStack(ctx context.Context, id string) (bool, error) {
	if _, known := t.stacks[id]; !known {
		if err := t.locate(ctx, []authz.ActorRef{{Kind: authz.ActorStack, ID: id}}); err != nil {
			return false, err
		}
	}
	return t.sees(t.stacks[id]), nil
}

// locate finds out at once where the stacks among many actors are.
func (t *teller) locate(ctx context.Context, actors []authz.ActorRef) error {
	var refs []access.Ref
	for _, a := range actors {
		if _, known := t.stacks[a.ID]; a.Kind == authz.ActorStack && !known {
			refs = append(refs, access.Ref{Kind: access.KindStack, ID: a.ID})
		}
	}
	if refs == nil {
		return nil
	}
	homes, err := t.tx.Homes(ctx, refs)
	for _, r := range refs {
		t.stacks[r.ID] = homes[r]
	}
	return err
}

func (t *teller) administers(space string) bool {
	return t.Snapshot.Level(t.Caller.Subject, space, t.Time) == authz.LevelAdmin
}

// holdings says which of the things that an actor holds the caller may know.
// They are his own, or he may view the account. What a stack holds is for those
// who see the stack, and what it holds in a space for the admins there.
func (t *teller) holdings(ctx context.Context, who authz.ActorRef) (func(e authz.Evidence) bool, error) {
	all, err := t.Self(who) || t.RootAdmin(), error(nil)
	switch {
	case all:
	case who.Kind == authz.ActorStack:
		all, err = t.seesStack(ctx, who.ID)
	default:
		all = t.ViewsAccount()
	}
	return func(e authz.Evidence) bool {
		return all || who.Kind == authz.ActorStack && t.administers(e.Space)
	}, err
}
