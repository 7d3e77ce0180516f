package access

import "github.com/airlock-project/airlock/authz"

// Asker is a caller who asks what he himself or others may do, before one
// moment of the access world. It is the one place that says who may ask about
// whom, and changes nothing.
type Asker struct {
	Moment
	Caller Caller

	// What the caller holds, found out when it is first needed.
	account, view, all verdict
}

// verdict is a yes or no that may not be known yet.
type verdict uint8

const (
	yes verdict = 1 + iota
	no
)

// of returns the verdict, and finds it out the first time.
func (v *verdict) of(find func() bool) bool {
	if *v == 0 {
		*v = no
		if find() {
			*v = yes
		}
	}
	return *v == yes
}

// Self reports whether an actor is the caller.
func (a *Asker) Self(ref authz.ActorRef) bool { return ref == a.Caller.Subject.Actor }

// Subject is who a question is about. A stack is asked about as in the apply
// of its run, unless the question is about the part of a run that may only
// read (access model R25).
func (a *Asker) Subject(ref authz.ActorRef, readOnly bool) authz.Subject {
	s := authz.Subject{Actor: ref}
	if a.Self(ref) {
		s = a.Caller.Subject
	}
	s.ReadOnly = ref.Kind == authz.ActorStack && readOnly
	return s
}

// MayAsk reports whether the caller may ask about somebody else at a target:
// he needs space:read in its space. About one that does not exist he may ask
// if nothing at all is hidden from him; everybody else is answered the same
// for a hidden target and a missing one (access model R23).
func (a *Asker) MayAsk(t authz.Target) bool {
	if a.RootAdmin() {
		return true
	}
	d := a.Snapshot.Decide(a.Caller.Subject, authz.ActionSpaceRead, authz.Target{Space: t.Space}, a.Time)
	return d.Allowed() || d.Reason == authz.ReasonUnknownSpace && a.SeesAll()
}

// RootAdmin reports whether the caller administers the account.
func (a *Asker) RootAdmin() bool {
	return a.account.of(func() bool { return a.Snapshot.DecideAccount(a.Caller.Subject, a.Time).Allowed() })
}

// SeesAll reports whether the caller reads every space.
func (a *Asker) SeesAll() bool {
	return a.all.of(func() bool { return a.Snapshot.Spaces(a.Caller.Subject, authz.ActionSpaceRead, a.Time).All })
}

// ViewsAccount reports whether the caller may see everybody's roles and
// bindings (access model A78).
func (a *Asker) ViewsAccount() bool {
	return a.view.of(func() bool { return a.Snapshot.DecideAccountView(a.Caller.Subject, a.Time).Allowed() })
}

// Sees reports whether the caller reads a space, or may view the account,
// which shows where roles are bound.
func (a *Asker) Sees(space string) bool {
	return a.ViewsAccount() ||
		a.Snapshot.Decide(a.Caller.Subject, authz.ActionSpaceRead, authz.Target{Space: space}, a.Time).Allowed()
}
