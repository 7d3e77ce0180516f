package graphql

import (
	"context"
	"fmt"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/insight"
)

// reviewDays is how far back a review looks that does not say it.
const reviewDays = 90

func reviewQuery(in generated.ReviewAccessInput) (q insight.ReviewQuery, err error) {
	if q.Size, err = pageSize(in.First); err != nil {
		return q, err
	}
	if q.After, err = parsePosition(text(in.After)); err != nil {
		return q, err
	}
	if q.Days = reviewDays; in.Days != nil {
		q.Days = *in.Days
	}
	q.Filter = domain.BindingFilter{
		Actor: actorRef(in.Actor), Role: domain.RoleID(text(in.Role)), Space: domain.SpaceID(text(in.SpaceID)),
		Below: isTrue(in.Descendants), Entity: entityRef(in.Entity),
	}
	return q, nil
}

func (r *Resolver) reviewAccess(ctx context.Context, in generated.ReviewAccessInput) (*generated.AccessReviewPage, error) {
	q, err := reviewQuery(in)
	if err != nil {
		return nil, err
	}
	page, err := r.Insight.Review(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &generated.AccessReviewPage{
		From: view.Seconds(page.From), Since: view.Seconds(page.Since), Notes: reviewNotes(page),
		PageInfo: &generated.PageInfo{HasNextPage: page.More, HasPreviousPage: q.After.ID != ""},
	}
	for _, v := range page.Reviews {
		cursor := listCursor(v.CreatedAt, string(v.ID))
		out.Edges = append(out.Edges, &generated.AccessReviewEdge{Cursor: cursor, Node: &view.AccessReview{Review: v}})
		out.PageInfo.EndCursor = &cursor
	}
	return out, nil
}

func reviewNotes(p insight.ReviewPage) []string {
	notes := []string{"Reading is not recorded: space:read and the other actions that only read are taken as needed where a role names them."}
	if p.Since.After(p.From) {
		notes = append(notes, fmt.Sprintf("The audit trail tells uses since %s only.", p.Since.UTC().Format(time.RFC3339)))
	}
	return notes
}
