package authzen

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// asker is one caller before one moment of the access world. All questions of
// a request are answered by one.
type asker struct {
	access.Asker
	homes map[access.Ref]authz.Target

	// Who the last question was about, and what that one holds once a second
	// question is about the same.
	last   authz.ActorRef
	phase  string
	holder authz.Holder
	held   bool
}

// decide answers whether somebody may do an action. Questions of one request
// are often about one subject, which then is recognised only once.
func (a *asker) decide(who authz.ActorRef, phase string, action authz.Action, where authz.Target) authz.Decision {
	switch again := who == a.last && phase == a.phase; {
	case !again:
		a.last, a.phase, a.held = who, phase, false
		return a.Snapshot.Decide(a.subject(who, phase), action, where, a.Time)
	case !a.held:
		a.holder, a.held = a.Snapshot.Holder(a.subject(who, phase)), true
	}
	return a.holder.Decide(action, a.Snapshot.Place(where), a.Time)
}

// resourceKinds are the types of resources that live in a space.
var resourceKinds = map[string]access.Kind{
	"stack":       access.KindStack,
	"run":         access.KindRun,
	"context":     access.KindContext,
	"policy":      "policy",
	"worker_pool": access.KindWorkerPool,
}

// typeSpace is the type of the resource that stands for any object of a space.
const typeSpace = "space"

func knownResource(kind string) bool { return kind == typeSpace || resourceKinds[kind] != "" }

// ask prepares to answer about resources. It needs the database only for what
// it has not seen before at this revision, and then once.
func (h *Handler) ask(ctx context.Context, caller access.Caller, refs []access.Ref) (*asker, error) {
	a := &asker{Asker: access.Asker{Caller: caller}}
	var err error
	if a.Moment, err = access.Current(ctx, h.gate, h.db); err != nil {
		return nil, err
	}
	if len(refs) == 0 {
		return a, nil
	}
	var ok bool
	if a.homes, ok = h.homes.find(a.Revision, refs); ok {
		return a, nil
	}
	var pulse access.Pulse
	if a.homes, pulse, err = h.db.Find(ctx, refs); err != nil {
		return nil, err
	}
	h.homes.keep(pulse.Revision, a.homes)
	if a.Moment, ok = h.gate.At(pulse); ok {
		return a, nil
	}
	// The world has changed meanwhile: one transaction sees both as they are.
	return a, h.db.View(ctx, func(tx Tx) error { return a.look(ctx, tx, h.gate, refs) })
}

// look makes a transaction's moment the asker's.
func (a *asker) look(ctx context.Context, tx Tx, gate *access.Gate, refs []access.Ref) (err error) {
	if a.Moment, err = gate.Moment(ctx, tx); err != nil {
		return err
	}
	a.homes, err = tx.Homes(ctx, refs)
	return err
}

// refs are the resources of questions that have to be looked up.
func refs(questions []question) (out []access.Ref) {
	for i := range questions {
		e := &questions[i].resource
		if kind := resourceKinds[e.kind]; kind != "" && questions[i].problem == "" {
			out = append(out, access.Ref{Kind: kind, ID: e.id})
		}
	}
	return out
}

// target resolves a resource. One that does not exist has no space.
func (a *asker) target(e entity) authz.Target {
	if e.kind == typeSpace {
		return authz.Target{Space: e.id}
	}
	return a.homes[access.Ref{Kind: resourceKinds[e.kind], ID: e.id}]
}

// subject is who a question is about.
func (a *asker) subject(ref authz.ActorRef, phase string) authz.Subject {
	return a.Subject(ref, phase == phasePlan)
}

// phasePlan is the value of context.phase for the part of a run that may only
// read.
const phasePlan = "plan"

// errMayNotAsk does not name the space: it is the same where there is none.
func (a *asker) errMayNotAsk() error {
	return &domain.Error{
		Code:    domain.CodeForbidden,
		Message: "forbidden: " + a.Caller.Name + " lacks space:read in the space of the resource, and may ask only about itself there",
	}
}
