package graphql

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/contexts"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/insight"
	"github.com/airlock-project/airlock/internal/roles"
	"github.com/airlock-project/airlock/internal/spaces"
	"github.com/airlock-project/airlock/internal/workers"
)

func (r *Resolver) previewInput(in generated.PreviewAccessChangeInput) (p insight.PreviewInput, err error) {
	p.Paths = isTrue(in.Paths)
	if p.First, err = pageSize(in.First); err != nil {
		return p, err
	}
	if p.After, err = actorCursor(in.After); err != nil {
		return p, err
	}
	for _, c := range in.Changes {
		p.Changes = append(p.Changes, r.accessChange(c))
	}
	return p, nil
}

// accessChange is the one change that is given. What is wrong with it refuses
// that change.
func (r *Resolver) accessChange(in *generated.AccessChangeInput) insight.Change {
	var c accessChanges
	r.grantChanges(&c, in)
	r.spaceChanges(&c, in)
	r.stackChanges(&c, in)
	r.usedChanges(&c, in)
	r.actorChanges(&c, in)
	if len(c) != 1 {
		return insight.Change{Do: func(context.Context) error {
			return domain.Invalid("changes", "each must have exactly one field, not %d", len(c))
		}}
	}
	return c[0]
}

// accessChanges collects what an input gives.
type accessChanges []insight.Change

func (c *accessChanges) add(do func(ctx context.Context) error) {
	*c = append(*c, insight.Change{Do: do})
}

func (c *accessChanges) move(kind authz.EntityKind, id string, do func(ctx context.Context) error) {
	*c = append(*c, insight.Change{Moves: authz.EntityRef{Kind: kind, ID: id}, Do: do})
}

// given adds a change for an id that is there.
func (c *accessChanges) given(id *string, do func(ctx context.Context, id string) error) {
	if id != nil {
		c.add(func(ctx context.Context) error { return do(ctx, *id) })
	}
}

func (r *Resolver) grantChanges(c *accessChanges, in *generated.AccessChangeInput) {
	if in.CreateRoleBinding != nil {
		c.add(func(ctx context.Context) error {
			grant, err := roleBindingGrant(in.CreateRoleBinding)
			if err != nil {
				return err
			}
			_, err = r.Bindings.Create(ctx, grant)
			return ownFields(err)
		})
	}
	c.given(in.DeleteRoleBinding, func(ctx context.Context, id string) error {
		_, err := r.Bindings.Remove(ctx, domain.BindingID(id))
		return err
	})
	if x := in.SetRoleActions; x != nil {
		c.add(func(ctx context.Context) error {
			_, err := r.Roles.Update(ctx, domain.RoleID(x.RoleID), roles.Input{Actions: list(x.Actions)})
			return err
		})
	}
	c.given(in.DeleteRole, func(ctx context.Context, id string) error {
		_, err := r.Roles.Delete(ctx, domain.RoleID(id), true)
		return err
	})
}

// list keeps an empty list apart from one that is absent.
func list(v []string) []string {
	if v == nil {
		return []string{}
	}
	return v
}

func (r *Resolver) spaceChanges(c *accessChanges, in *generated.AccessChangeInput) {
	if x := in.CreateSpace; x != nil {
		c.add(func(ctx context.Context) error {
			_, err := r.Spaces.Create(ctx, spaces.Input{Name: x.Name, Parent: domain.SpaceID(x.ParentSpaceID), Inherit: x.Inherits})
			return err
		})
	}
	if x := in.MoveSpace; x != nil {
		c.add(func(ctx context.Context) error {
			return r.reshape(ctx, x.SpaceID, func(in *spaces.Input) { in.Parent = domain.SpaceID(x.ParentSpaceID) })
		})
	}
	if x := in.SetSpaceInherits; x != nil {
		c.add(func(ctx context.Context) error {
			return r.reshape(ctx, x.SpaceID, func(in *spaces.Input) { in.Inherit = x.Inherits })
		})
	}
	c.given(in.DeleteSpace, func(ctx context.Context, id string) error {
		_, err := r.Spaces.Delete(ctx, domain.SpaceID(id))
		return err
	})
}

// reshape changes a space from what it is then.
func (r *Resolver) reshape(ctx context.Context, id string, change func(*spaces.Input)) error {
	v, err := r.Spaces.Get(ctx, domain.SpaceID(id))
	if err != nil {
		return err
	}
	in := spaces.Input{Name: v.Name, Description: v.Description, Labels: v.Labels, Parent: v.Parent, Inherit: v.Inherit}
	change(&in)
	_, err = r.Spaces.Update(ctx, v.ID, in)
	return err
}

func (r *Resolver) stackChanges(c *accessChanges, in *generated.AccessChangeInput) {
	restack := func(ctx context.Context, id string, change func(*domain.StackSettings)) error {
		v, err := r.Stacks.Get(ctx, domain.StackID(id))
		if err != nil {
			return err
		}
		change(&v.StackSettings)
		_, err = r.Stacks.Update(ctx, v.ID, v.StackSettings)
		return err
	}
	if x := in.MoveStack; x != nil {
		c.move(authz.EntityStack, x.ID, func(ctx context.Context) error {
			return restack(ctx, x.ID, func(s *domain.StackSettings) { s.Space = domain.SpaceID(x.SpaceID) })
		})
	}
	if x := in.SetStackAdministrative; x != nil {
		c.add(func(ctx context.Context) error {
			return restack(ctx, x.StackID, func(s *domain.StackSettings) { s.Administrative = x.Administrative })
		})
	}
	if x := in.SetStackRepository; x != nil {
		c.add(func(ctx context.Context) error {
			return restack(ctx, x.StackID, func(s *domain.StackSettings) {
				s.Provider, s.Namespace, s.Repository, s.RepositoryURL = domain.ProviderBuiltIn, "", x.RepoID, ""
			})
		})
	}
	c.given(in.DeleteStack, func(ctx context.Context, id string) error {
		_, err := r.Stacks.Delete(ctx, domain.StackID(id))
		return err
	})
}

// usedChanges are about what stacks use.
func (r *Resolver) usedChanges(c *accessChanges, in *generated.AccessChangeInput) {
	if x := in.MoveContext; x != nil {
		c.move(authz.EntityContext, x.ID, func(ctx context.Context) error {
			v, err := r.Contexts.Get(ctx, domain.ContextID(x.ID))
			if err != nil {
				return err
			}
			_, err = r.Contexts.Update(ctx, v.ID, contexts.Input{
				Name: v.Name, Description: v.Description, Labels: v.Labels, Hooks: v.Hooks, Space: domain.SpaceID(x.SpaceID)}, false)
			return err
		})
	}
	if x := in.MoveWorkerPool; x != nil {
		c.move(authz.EntityWorkerPool, x.ID, func(ctx context.Context) error {
			v, err := r.Workers.Get(ctx, domain.WorkerPoolID(x.ID))
			if err != nil {
				return err
			}
			_, err = r.Workers.Update(ctx, v.ID, workers.Input{
				Name: v.Name, Description: v.Description, Labels: v.Labels, DriftRunLimit: v.DriftRunLimit, Space: domain.SpaceID(x.SpaceID)})
			return err
		})
	}
	if x := in.AttachContext; x != nil {
		c.add(func(ctx context.Context) error {
			_, err := r.Contexts.Attach(ctx, domain.ContextID(x.ContextID), contexts.StackAttachment{Stack: domain.StackID(x.StackID)})
			return err
		})
	}
	c.given(in.DetachContext, func(ctx context.Context, id string) error {
		_, err := r.Contexts.Detach(ctx, domain.ContextAttachmentID(id))
		return err
	})
}

func (r *Resolver) actorChanges(c *accessChanges, in *generated.AccessChangeInput) {
	c.given(in.CreateUserGroup, func(ctx context.Context, name string) error {
		_, err := r.Identity.CreateGroup(ctx, identity.GroupInput{Name: name})
		return err
	})
	c.given(in.DeleteUserGroup, func(ctx context.Context, id string) error {
		_, err := r.Identity.DeleteGroup(ctx, domain.UserGroupID(id))
		return err
	})
	if x := in.SetAPIKeyGroups; x != nil {
		c.add(func(ctx context.Context) error {
			groups := list(x.Groups)
			_, err := r.Identity.UpdateKey(ctx, domain.APIKeyID(x.APIKeyID), identity.KeyUpdate{Groups: &groups})
			return err
		})
	}
	c.given(in.DeleteAPIKey, func(ctx context.Context, id string) error {
		_, err := r.Identity.DeleteKey(ctx, domain.APIKeyID(id))
		return err
	})
	c.given(in.DeleteUser, func(ctx context.Context, id string) error {
		_, err := r.Identity.DeleteUser(ctx, domain.UserID(id))
		return err
	})
}

func newAccessPreview(p insight.Preview, after *string) *generated.AccessPreview {
	out := &generated.AccessPreview{
		Possible: len(p.Refusals) == 0, Refusals: []*view.AccessPreviewRefusal{},
		Gaining: p.Gaining, Losing: p.Losing, HiddenActors: p.Hidden,
		HiddenPaths: p.Paths.Hidden, MorePaths: p.Paths.More, Paths: []*view.EscalationChange{},
		Effects: &generated.AccessEffectPage{
			Edges:    []*generated.AccessEffectEdge{},
			PageInfo: &generated.PageInfo{HasNextPage: p.More, HasPreviousPage: text(after) != ""},
		},
	}
	for _, x := range p.Refusals {
		out.Refusals = append(out.Refusals, &view.AccessPreviewRefusal{Refusal: x})
	}
	for _, x := range p.Actors {
		cursor := position{view.EnumOf(x.Actor.Kind), x.Actor.ID}.cursor()
		out.Effects.Edges = append(out.Effects.Edges, &generated.AccessEffectEdge{Cursor: cursor, Node: &view.AccessEffect{ActorEffect: x}})
		out.Effects.PageInfo.EndCursor = &cursor
	}
	for _, x := range p.Paths.List {
		out.Paths = append(out.Paths, &view.EscalationChange{PathChange: x})
	}
	return out
}
