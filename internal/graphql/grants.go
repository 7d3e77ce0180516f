package graphql

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
)

func newRoleBinding(v bindings.View) *view.RoleBinding {
	return &view.RoleBinding{BindingRow: v.BindingRow, Of: v.Role, Expired: v.Expired}
}

// moment is an optional time in Unix seconds.
func moment(seconds *int) time.Time {
	if seconds == nil {
		return time.Time{}
	}
	return time.Unix(int64(*seconds), 0).UTC()
}

var actorKinds = []authz.ActorKind{authz.ActorUser, authz.ActorAPIKey, authz.ActorGroup, authz.ActorStack}

func actorRef(in *generated.RoleBindingActorInput) authz.ActorRef {
	for _, k := range actorKinds {
		if in != nil && view.EnumOf(k) == in.Kind {
			return authz.ActorRef{Kind: k, ID: in.ID}
		}
	}
	return authz.ActorRef{}
}

func entityRef(in *generated.RoleBindingEntityInput) authz.EntityRef {
	for _, k := range []authz.EntityKind{authz.EntityStack, authz.EntityContext, authz.EntityPolicy, authz.EntityWorkerPool} {
		if in != nil && view.EnumOf(k) == in.Kind {
			return authz.EntityRef{Kind: k, ID: in.ID}
		}
	}
	return authz.EntityRef{}
}

// checkTarget asks for a space or an entity, and not for both.
func checkTarget(space *string, entity *generated.RoleBindingEntityInput) error {
	switch {
	case entity == nil && text(space) == "":
		return domain.Invalid("spaceId", "either spaceId or entity must be given")
	case entity != nil && space != nil:
		return domain.Invalid("spaceId", "spaceId and entity cannot both be given")
	case entity != nil && entity.ID == "":
		return domain.Invalid("entity", "must have an id")
	}
	return nil
}

func roleBindingGrant(in *generated.CreateRoleBindingInput) (bindings.Grant, error) {
	return bindings.Grant{Actor: actorRef(in.Actor), Input: bindings.Input{
		Role: domain.RoleID(in.Role), Space: domain.SpaceID(text(in.SpaceID)), Entity: entityRef(in.Entity), NotAfter: moment(in.NotAfter),
	}}, checkTarget(in.SpaceID, in.Entity)
}

// createRoleBindings makes bindings of any actors, all or none.
func (r *Resolver) createRoleBindings(ctx context.Context, list []*generated.CreateRoleBindingInput) ([]bindings.View, error) {
	grants := make([]bindings.Grant, len(list))
	for i, in := range list {
		var err error
		if grants[i], err = roleBindingGrant(in); err != nil {
			return nil, err
		}
	}
	views, err := r.Bindings.Create(ctx, grants...)
	warnOf(ctx, views...)
	return views, ownFields(err)
}

// warnOf adds what bindings warn of to the answer.
func warnOf(ctx context.Context, views ...bindings.View) {
	for _, v := range views {
		for _, w := range v.Warnings {
			AddWarning(ctx, w)
		}
	}
}

// contractFields are the names of input fields in the contract, and ours.
var contractFields = map[string]string{
	"roleID": "role", "userID": "actor", "apiKeyID": "actor", "userGroupID": "actor", "stackID": "actor", "input": "bindings",
}

// ownFields names the field at fault as our own inputs do.
func ownFields(err error) error {
	var known *domain.Error
	if errors.As(err, &known) && contractFields[known.Field] != "" {
		ours := *known
		ours.Field = contractFields[known.Field]
		return &ours
	}
	return err
}

func (r *Resolver) roleBindings(ctx context.Context, in generated.RoleBindingsInput) (*generated.RoleBindingPage, error) {
	size, err := pageSize(in.First)
	if err != nil {
		return nil, err
	}
	after, err := parsePosition(text(in.After))
	if err != nil {
		return nil, err
	}
	f := domain.BindingFilter{
		Actor: actorRef(in.Actor), Role: domain.RoleID(text(in.Role)), Space: domain.SpaceID(text(in.SpaceID)),
		Below: isTrue(in.Descendants), Entity: entityRef(in.Entity), Expired: in.Expired,
	}
	if d := in.ExpiringWithinDays; d != nil {
		if *d < 1 || *d > 36500 {
			return nil, domain.Invalid("expiringWithinDays", "must be between 1 and 36500")
		}
		f.EndsWithin = time.Duration(*d) * 24 * time.Hour
	}
	page, err := r.Bindings.List(ctx, f, after, size)
	if err != nil {
		return nil, err
	}
	out := &generated.RoleBindingPage{PageInfo: &generated.PageInfo{HasNextPage: page.More, HasPreviousPage: after.ID != ""}}
	for _, v := range page.Views {
		cursor := listCursor(v.CreatedAt, string(v.ID))
		out.Edges = append(out.Edges, &generated.RoleBindingEdge{Cursor: cursor, Node: newRoleBinding(v)})
		out.PageInfo.EndCursor = &cursor
	}
	return out, nil
}

// listCursor is the position of one entry of a list in the order of its making.
func listCursor(at time.Time, id string) string {
	return position{strconv.FormatInt(at.UnixMicro(), 10), id}.cursor()
}

func parsePosition(cursor string) (domain.ListPosition, error) {
	p, err := parseCursor(cursor)
	if p == nil || err != nil {
		return domain.ListPosition{}, err
	}
	us, err := strconv.ParseInt(p.key, 10, 64)
	if err != nil || p.id == "" {
		return domain.ListPosition{}, domain.Invalid("after", "is not a cursor of an earlier page")
	}
	return domain.ListPosition{At: time.UnixMicro(us), ID: p.id}, nil
}
