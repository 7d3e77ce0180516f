package authzen

import (
	"context"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
)

// finder finds what a search looks for: ids in ascending order after one of
// them, up to limit. It may return nothing before the end is reached: more
// says whether to go on behind last.
type finder func(after string, limit int) (ids []string, last string, more bool, err error)

// search answers one page of a search, at one revision. refs are the
// resources to look up.
func (h *Handler) search(ctx context.Context, s *search, refs []access.Ref) ([]string, bool, error) {
	var found []string
	more := true
	err := h.db.View(ctx, func(tx Tx) error {
		a := &asker{Asker: access.Asker{Caller: s.caller}}
		if err := a.look(ctx, tx, h.gate, refs); err != nil {
			return err
		}
		find, err := s.start(ctx, tx, a)
		if err != nil || find == nil {
			more = false
			return err
		}
		// One more than asked for tells whether that is all.
		for after := s.from.after; more && len(found) <= s.from.limit; {
			var ids []string
			if ids, after, more, err = find(after, s.from.limit+1-len(found)); err != nil {
				return err
			}
			found = append(found, ids...)
		}
		return nil
	})
	if len(found) > s.from.limit {
		return found[:s.from.limit], true, err
	}
	return found, false, err
}

// search is one request for a page.
type search struct {
	caller access.Caller
	q      question
	from   cursor
	// start prepares a search: nil if nothing can be found, an error if the
	// caller may not ask.
	start func(ctx context.Context, tx Tx, a *asker) (finder, error)
}

// readSearch reads the request of a search; needs are the members that may not
// be missing.
func readSearch(endpoint, body string, caller access.Caller, needs part) (s *search, err error) {
	r, err := parse(body, partPage)
	if err != nil {
		return nil, err
	}
	s = &search{caller: caller, q: r.question}
	s.q.complete(needs, endpoint != PathSearchSubject, endpoint != PathSearchResource)
	if s.q.problem != "" {
		return nil, badRequest(s.q.problem)
	}
	// What is looked for has no id (specification, sections 8.4 and 8.5).
	switch endpoint {
	case PathSearchSubject:
		s.q.subject.id = ""
	case PathSearchResource:
		s.q.resource.id = ""
	case PathSearchAction:
		s.q.action = ""
	}
	s.from, err = r.page.open(searchDigest(endpoint, &s.q))
	return s, err
}

// results writes a page. kind is the type of what was found, empty for
// actions.
func (s *search) results(out []byte, kind string, found []string, more bool) []byte {
	out = append(out, `{"page":{"next_token":"`...)
	if more {
		next := s.from
		if len(found) > 0 {
			next.after = found[len(found)-1]
		}
		out = append(out, next.token()...)
	}
	out = append(out, `","count":`...)
	out = appendInt(out, len(found))
	out = append(out, `},"results":[`...)
	for i, id := range found {
		if i > 0 {
			out = append(out, ',')
		}
		if kind == "" {
			out = append(out, `{"name":`...)
		} else {
			out = append(out, `{"type":`...)
			out = appendString(out, kind)
			out = append(out, `,"id":`...)
		}
		out = appendString(out, id)
		out = append(out, '}')
	}
	return append(out, `]}`...)
}

// searchSubject finds who may do an action on a resource.
func (h *Handler) searchSubject(ctx context.Context, caller access.Caller, body string, out []byte) ([]byte, error) {
	s, err := readSearch(PathSearchSubject, body, caller, needsAll)
	if err != nil {
		return out, err
	}
	s.start = s.startSubject
	found, more, err := h.search(ctx, s, refs([]question{s.q}))
	return s.results(out, s.q.subject.kind, found, more), err
}

func (s *search) startSubject(ctx context.Context, tx Tx, a *asker) (finder, error) {
	kind, knownSubject := actorKinds[s.q.subject.kind]
	action, knownAction := authz.ParseAction(s.q.action)
	if !knownSubject || !knownAction || !knownResource(s.q.resource.kind) {
		return nil, nil
	}
	where := a.target(s.q.resource)
	if !a.MayAsk(where) {
		return nil, a.errMayNotAsk()
	}
	place := a.Snapshot.Place(where)
	holders := a.Snapshot.Holders(kind)
	return func(after string, limit int) (ids []string, last string, more bool, err error) {
		from, there := slices.BinarySearch(holders, after)
		if there {
			from++
		}
		for _, id := range holders[from:] {
			holder := a.Snapshot.Holder(a.subject(authz.ActorRef{Kind: kind, ID: id}, s.q.phase))
			if !holder.Decide(action, place, a.Time).Allowed() {
				continue
			}
			if ids = append(ids, id); len(ids) == limit {
				shown, err := a.visible(ctx, tx, kind, ids)
				return shown, id, true, err
			}
		}
		ids, err = a.visible(ctx, tx, kind, ids)
		return ids, "", false, err
	}, nil
}

// visible leaves out the stacks that are hidden from the caller: their ids are
// names that he does not know (access model R23).
func (a *asker) visible(ctx context.Context, tx Tx, kind authz.ActorKind, ids []string) ([]string, error) {
	if kind != authz.ActorStack || len(ids) == 0 || a.RootAdmin() {
		return ids, nil
	}
	refs := make([]access.Ref, len(ids))
	for i, id := range ids {
		refs[i] = access.Ref{Kind: access.KindStack, ID: id}
	}
	homes, err := tx.Homes(ctx, refs)
	return slices.DeleteFunc(ids, func(id string) bool {
		d := a.Snapshot.DecideRead(a.Caller.Subject, authz.ActionStackRead, homes[access.Ref{Kind: access.KindStack, ID: id}], a.Time)
		return !d.Allowed()
	}), err
}

// searchResource finds the resources that somebody may do an action on. As
// everywhere, who may not see a resource does not find it (access model R5),
// and a caller finds only what he may ask about.
func (h *Handler) searchResource(ctx context.Context, caller access.Caller, body string, out []byte) ([]byte, error) {
	s, err := readSearch(PathSearchResource, body, caller, needsAll)
	if err != nil {
		return out, err
	}
	s.start = s.startResource
	found, more, err := h.search(ctx, s, nil)
	return s.results(out, s.q.resource.kind, found, more), err
}

func (s *search) startResource(ctx context.Context, tx Tx, a *asker) (finder, error) {
	actor, knownSubject := actorKinds[s.q.subject.kind]
	action, knownAction := authz.ParseAction(s.q.action)
	if !knownSubject || !knownAction || !knownResource(s.q.resource.kind) {
		return nil, nil
	}
	who := authz.ActorRef{Kind: actor, ID: s.q.subject.id}
	subject := a.subject(who, s.q.phase)
	within := a.Snapshot.Everywhere()
	if !a.Self(who) && !a.RootAdmin() {
		within = a.Snapshot.Spaces(a.Caller.Subject, authz.ActionSpaceRead, a.Time)
	}
	if s.q.resource.kind == typeSpace {
		spaces := a.Snapshot.Spaces(subject, action, a.Time).Intersect(within).IDs()
		slices.Sort(spaces)
		return listed(spaces), nil
	}
	kind := resourceKinds[s.q.resource.kind]
	holder := a.Snapshot.Holder(subject)
	scope := a.Scope(subject, action, entityKind(kind), within)
	return func(after string, limit int) (ids []string, last string, more bool, err error) {
		homes, err := tx.HomesIn(ctx, kind, scope, after, limit)
		for _, home := range homes {
			last = home.ID
			place := a.Snapshot.Place(home.Target)
			if within.Contains(home.Space) && holder.Decide(authz.ActionSpaceRead, place, a.Time).Allowed() &&
				holder.Decide(action, place, a.Time).Allowed() {
				ids = append(ids, home.ID)
			}
		}
		return ids, last, len(homes) == limit, err
	}, nil
}

// entityKind is what decisions about a kind of resource are about.
func entityKind(kind access.Kind) authz.EntityKind {
	switch kind {
	case access.KindStack, access.KindRun:
		return authz.EntityStack
	case access.KindContext:
		return authz.EntityContext
	case access.KindWorkerPool:
		return authz.EntityWorkerPool
	default:
		return authz.EntityPolicy
	}
}

// searchAction finds what somebody may do on a resource.
func (h *Handler) searchAction(ctx context.Context, caller access.Caller, body string, out []byte) ([]byte, error) {
	s, err := readSearch(PathSearchAction, body, caller, partSubject|partResource)
	if err != nil {
		return out, err
	}
	s.start = s.startAction
	found, more, err := h.search(ctx, s, refs([]question{s.q}))
	return s.results(out, "", found, more), err
}

func (s *search) startAction(_ context.Context, _ Tx, a *asker) (finder, error) {
	kind, knownSubject := actorKinds[s.q.subject.kind]
	if !knownSubject || !knownResource(s.q.resource.kind) {
		return nil, nil
	}
	who, where := authz.ActorRef{Kind: kind, ID: s.q.subject.id}, a.target(s.q.resource)
	if !a.Self(who) && !a.MayAsk(where) {
		return nil, a.errMayNotAsk()
	}
	var names []string
	for _, action := range a.Snapshot.Allowed(a.subject(who, s.q.phase), where, a.Time).List() {
		names = append(names, action.String())
	}
	slices.Sort(names)
	return listed(names), nil
}

// listed finds in a sorted list.
func listed(all []string) finder {
	return func(after string, limit int) (ids []string, last string, more bool, err error) {
		from, there := slices.BinarySearch(all, after)
		if there {
			from++
		}
		return all[from:min(len(all), from+limit)], "", false, nil
	}
}
