package graphql

import (
	"context"
	"slices"
	"strconv"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/insight"
)

func pathsQuestion(in generated.EscalationPathsInput) (q insight.PathsInput, err error) {
	if in.To != nil {
		if q.To, err = targetRef(in.To); err != nil {
			return q, err
		}
	}
	if in.Action != nil {
		q.Action, _ = authz.ParseAction(*in.Action) // the schema lets only actions through
	}
	q.Role, q.Escalating = text(in.Role), isTrue(in.Escalating)
	if q.From, err = askedActor(in.From); err != nil {
		return q, err
	}
	for _, k := range actorKinds {
		if slices.Contains(in.Kinds, view.EnumOf(k)) {
			q.Kinds = append(q.Kinds, k)
		}
	}
	if in.MaxHops != nil {
		if q.MaxHops = *in.MaxHops; q.MaxHops < 1 {
			return q, domain.Invalid("maxHops", "must be at least 1")
		}
	}
	if in.Mode != nil {
		q.Mode = *in.Mode
	}
	return q, pathsPage(&q, in.After, in.First)
}

func becomeQuestion(in generated.WhoCanBecomeInput) (q insight.PathsInput, err error) {
	if in.Role == "" {
		return q, domain.Invalid("role", "must be the id or slug of a role")
	}
	q.To, q.Role = access.Ref{Kind: access.KindSpace, ID: in.SpaceID}, in.Role
	return q, pathsPage(&q, in.After, in.First)
}

func (r *Resolver) paths(ctx context.Context, q insight.PathsInput) (*generated.EscalationPathPage, error) {
	p, err := r.Insight.Paths(ctx, q)
	if err != nil {
		return nil, err
	}
	return newPathPage(p, q.Offset), nil
}

// pathsCursor is the key of cursors in lists of paths.
const pathsCursor = "path"

func pathsPage(q *insight.PathsInput, after *string, first *int) (err error) {
	if q.First, err = pageSize(first); err != nil {
		return err
	}
	at, err := parseCursor(text(after))
	if at == nil || err != nil {
		return err
	}
	if q.Offset, err = strconv.Atoi(at.id); err != nil || at.key != pathsCursor || q.Offset < 1 {
		return domain.Invalid("after", "is not a cursor of an earlier page")
	}
	return nil
}

func newPathPage(p insight.Paths, offset int) *generated.EscalationPathPage {
	out := &generated.EscalationPathPage{
		Mode: p.Mode, Actors: p.Actors, Edges: []*generated.EscalationPathEdge{},
		PageInfo: &generated.PageInfo{HasNextPage: p.More, HasPreviousPage: offset > 0},
	}
	for i, node := range view.NewEscalationPaths(p.List) {
		cursor := position{pathsCursor, strconv.Itoa(offset + i + 1)}.cursor()
		out.Edges = append(out.Edges, &generated.EscalationPathEdge{Cursor: cursor, Node: node})
		out.PageInfo.EndCursor = &cursor
	}
	return out
}
