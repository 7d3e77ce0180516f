package view

import (
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/insight"
)

// AccessPreviewRefusal is a change that could not be made.
type AccessPreviewRefusal struct{ insight.Refusal }

func (r *AccessPreviewRefusal) Change() int     { return r.Refusal.Change }
func (r *AccessPreviewRefusal) Code() string    { return strings.ToUpper(string(r.Refusal.Code)) }
func (r *AccessPreviewRefusal) Message() string { return r.Refusal.Message }
func (r *AccessPreviewRefusal) Field() *string  { return Optional(r.Refusal.Field) }

// AccessEffect is what one actor would gain and lose.
type AccessEffect struct{ insight.ActorEffect }

func (e *AccessEffect) Actor() *RoleBindingActor { return newActor(e.ActorEffect.Actor) }

// Parts are what it is made of.
func (e *AccessEffect) Parts() []*AccessEffectPart {
	out := make([]*AccessEffectPart, len(e.ActorEffect.Parts))
	for i := range e.ActorEffect.Parts {
		out[i] = &AccessEffectPart{e.ActorEffect.Parts[i]}
	}
	return out
}

// AccessEffectPart is the same in some spaces, or on one entity.
type AccessEffectPart struct{ insight.EffectPart }

func (p *AccessEffectPart) Gained() []string  { return actionNames(p.EffectPart.Gained) }
func (p *AccessEffectPart) Lost() []string    { return actionNames(p.EffectPart.Lost) }
func (p *AccessEffectPart) Spaces() int       { return p.EffectPart.Spaces }
func (p *AccessEffectPart) HiddenSpaces() int { return p.EffectPart.HiddenSpaces }

// Tops are the highest of its spaces.
func (p *AccessEffectPart) Tops() []AccessEffectSpace {
	out := make([]AccessEffectSpace, len(p.EffectPart.Tops))
	for i, t := range p.EffectPart.Tops {
		out[i] = AccessEffectSpace{Optional(t.ID), Optional(t.Name), t.Below}
	}
	return out
}

// Target is the entity that it is about, nil for spaces.
func (p *AccessEffectPart) Target() *AccessTarget {
	if p.Entity == nil {
		return nil
	}
	return NewAccessTarget(*p.Entity)
}

// AccessEffectSpace is a space with some below it.
type AccessEffectSpace struct {
	SpaceID, SpaceName *string
	Below              int
}

func actionNames(set authz.ActionSet) []string {
	out := make([]string, 0, set.Len())
	for _, a := range set.List() {
		out = append(out, a.Enum())
	}
	return out
}

// EscalationChange is what changes mean for one goal.
type EscalationChange struct{ insight.PathChange }

func (c *EscalationChange) GainedCount() int      { return c.Total }
func (c *EscalationChange) Goal() *EscalationGoal { return &EscalationGoal{c.PathChange.Goal} }
func (c *EscalationChange) Gained() []*EscalationPath {
	return NewEscalationPaths(c.PathChange.Gained)
}

// Lost are those who do not reach it any more.
func (c *EscalationChange) Lost() []*RoleBindingActor {
	out := make([]*RoleBindingActor, len(c.PathChange.Lost))
	for i, a := range c.PathChange.Lost {
		out[i] = newActor(a)
	}
	return out
}

// EscalationGoal is what somebody might come to hold.
type EscalationGoal struct{ insight.Goal }

func (g *EscalationGoal) Target() *AccessTarget { return NewAccessTarget(g.At) }
func (g *EscalationGoal) Action() *string       { return optionalAction(g.Goal.Action) }
func (g *EscalationGoal) RoleID() *string       { return Optional(g.Goal.RoleID) }
func (g *EscalationGoal) RoleName() *string     { return Optional(g.Goal.RoleName) }

func optionalAction(a authz.Action) *string {
	if a == 0 {
		return nil
	}
	name := a.Enum()
	return &name
}
