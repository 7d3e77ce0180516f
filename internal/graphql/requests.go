package graphql

import (
	"context"
	"math"
	"time"

	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
)

func newAccessRequest(v bindings.RequestView) *view.AccessRequest {
	return &view.AccessRequest{AccessRequest: v.AccessRequest, Slug: v.RoleSlug, CanDecide: v.CanDecide}
}

func (r *Resolver) requestAccess(ctx context.Context, in generated.RequestAccessInput) (bindings.RequestView, error) {
	if err := checkTarget(in.SpaceID, in.Entity); err != nil {
		return bindings.RequestView{}, err
	}
	// More than a century is refused like a century, whatever it overflows to.
	seconds := max(math.MinInt32, min(in.Duration, math.MaxInt32))
	return r.Bindings.Request(ctx, bindings.RequestInput{
		Role: domain.RoleID(in.Role), Space: domain.SpaceID(text(in.SpaceID)), Entity: entityRef(in.Entity),
		Duration: time.Duration(seconds) * time.Second, Reason: in.Reason,
	})
}

func (r *Resolver) grantAccess(ctx context.Context, in generated.DecideAccessRequestInput) (bindings.RequestView, error) {
	v, err := r.Bindings.Grant(ctx, domain.AccessRequestID(in.ID), text(in.Note))
	for _, w := range v.Warnings {
		AddWarning(ctx, w)
	}
	return v, err
}

func (r *Resolver) accessRequests(ctx context.Context, in generated.AccessRequestsInput) (*generated.AccessRequestPage, error) {
	size, err := pageSize(in.First)
	if err != nil {
		return nil, err
	}
	after, err := parsePosition(text(in.After))
	if err != nil {
		return nil, err
	}
	page, err := r.Bindings.Requests(ctx, bindings.RequestQuery{
		State: domain.AccessRequestState(text(in.State)), Mine: isTrue(in.Mine), Decidable: isTrue(in.Decidable),
	}, after, size)
	if err != nil {
		return nil, err
	}
	out := &generated.AccessRequestPage{PageInfo: &generated.PageInfo{HasNextPage: page.More, HasPreviousPage: after.ID != ""}}
	for _, v := range page.Views {
		cursor := listCursor(v.CreatedAt, string(v.ID))
		out.Edges = append(out.Edges, &generated.AccessRequestEdge{Cursor: cursor, Node: newAccessRequest(v)})
		out.PageInfo.EndCursor = &cursor
	}
	return out, nil
}
