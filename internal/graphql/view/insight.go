package view

import (
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/insight"
)

// AccessExplanation is a decision with its reasons as the API shows it.
type AccessExplanation struct{ insight.Explanation }

func (x *AccessExplanation) Outcome() string           { return EnumOf(x.Explanation.Outcome) }
func (x *AccessExplanation) Reason() string            { return accessReasons[x.Explanation.Reason] }
func (x *AccessExplanation) Actor() *RoleBindingActor  { return newActor(x.Explanation.Actor) }
func (x *AccessExplanation) Action() string            { return x.Explanation.Action.Enum() }
func (x *AccessExplanation) Target() *AccessTarget     { return NewAccessTarget(x.Explanation.Target) }
func (x *AccessExplanation) Fallback() string          { return EnumOf(x.Explanation.Fallback) }
func (x *AccessExplanation) Held() string              { return EnumOf(x.Explanation.Held) }
func (x *AccessExplanation) By() *AccessEvidence       { return newEvidence(x.Explanation.By) }
func (x *AccessExplanation) Baseline() *AccessEvidence { return newEvidence(x.Explanation.Baseline) }
func (x *AccessExplanation) Lapsed() *AccessEvidence   { return newEvidence(x.Explanation.Lapsed) }
func (x *AccessExplanation) HiddenEvidence() int       { return x.Hidden }

// Nearest are the bindings that come closest.
func (x *AccessExplanation) Nearest() []*AccessEvidence {
	out := make([]*AccessEvidence, len(x.Explanation.Nearest))
	for i := range x.Explanation.Nearest {
		out[i] = &AccessEvidence{x.Explanation.Nearest[i]}
	}
	return out
}

// Roles are those that would do.
func (x *AccessExplanation) Roles() []AccessRole {
	out := make([]AccessRole, len(x.Explanation.Roles))
	for i, r := range x.Explanation.Roles {
		out[i] = AccessRole{RoleID: r.ID, Slug: r.Slug, Name: r.Name, ByName: r.ByName}
	}
	return out
}

// Way is the way of the right through the tree.
func (x *AccessExplanation) Way() []AccessStep {
	out := make([]AccessStep, len(x.Explanation.Way))
	for i, s := range x.Explanation.Way {
		out[i] = AccessStep{Optional(s.ID), Optional(s.Name), s.Inherits}
	}
	return out
}

// accessReasons are the words of the API for the reasons of decisions.
var accessReasons = map[authz.Reason]string{
	authz.ReasonNotGranted:    "NOT_GRANTED",
	authz.ReasonNoBaseline:    "SPACE_READ_MISSING",
	authz.ReasonReadOnlyToken: "READ_ONLY_PHASE",
	authz.ReasonUnknownSpace:  "NOT_FOUND",
	authz.ReasonExpired:       "EXPIRED",
	authz.ReasonByName:        "GRANTED_BY_NAME",
	authz.ReasonByTier:        "GRANTED_BY_TIER",
	authz.ReasonDerivedRead:   "DERIVED_READ",
}

func newActor(a insight.Actor) *RoleBindingActor {
	return &RoleBindingActor{Kind: EnumOf(a.Kind), ID: a.ID, Name: Optional(a.Name)}
}

// AccessTarget is what a question is about.
type AccessTarget struct{ of insight.Target }

// NewAccessTarget shows what a question is about.
func NewAccessTarget(t insight.Target) *AccessTarget { return &AccessTarget{t} }

func (t *AccessTarget) Kind() string       { return strings.ToUpper(string(t.of.Kind)) }
func (t *AccessTarget) TargetID() string   { return t.of.ID }
func (t *AccessTarget) Name() *string      { return Optional(t.of.Name) }
func (t *AccessTarget) SpaceID() *string   { return Optional(t.of.Space.ID) }
func (t *AccessTarget) SpaceName() *string { return Optional(t.of.Space.Name) }

// AccessEvidence is something that an actor holds.
type AccessEvidence struct{ insight.Evidence }

func newEvidence(e *insight.Evidence) *AccessEvidence {
	if e == nil {
		return nil
	}
	return &AccessEvidence{*e}
}

func (e *AccessEvidence) Kind() string       { return evidenceKinds[e.Evidence.Kind] }
func (e *AccessEvidence) Relation() string   { return EnumOf(e.Evidence.Relation) }
func (e *AccessEvidence) BindingID() *string { return Optional(e.Binding) }
func (e *AccessEvidence) RoleID() string     { return e.Role }
func (e *AccessEvidence) SpaceID() *string   { return Optional(e.At.ID) }
func (e *AccessEvidence) SpaceName() *string { return Optional(e.At.Name) }
func (e *AccessEvidence) GroupID() *string   { return Optional(e.Group) }
func (e *AccessEvidence) GroupName() *string { return Optional(e.Evidence.GroupName) }
func (e *AccessEvidence) NotAfter() *int     { return OptionalSeconds(e.Evidence.NotAfter) }

// Entity is what it is bound to, nil for a space.
func (e *AccessEvidence) Entity() *RoleBindingEntity { return NewEntity(e.Evidence.Entity, "") }

var evidenceKinds = map[authz.EvidenceKind]string{
	authz.EvidenceBinding: "BINDING", authz.EvidenceSession: "SESSION",
	authz.EvidenceFlag: "FLAG", authz.EvidenceAlwaysAdmin: "ALWAYS_ADMIN",
}

// AccessRole is a role that would allow what was denied.
type AccessRole struct {
	RoleID, Slug, Name string
	ByName             bool
}

// AccessStep is a space on the way of a right.
type AccessStep struct {
	SpaceID, SpaceName *string
	Inherits           bool
}

// EffectiveAccess is everything that an actor may do somewhere.
type EffectiveAccess struct{ insight.Effective }

func (x *EffectiveAccess) Actor() *RoleBindingActor { return newActor(x.Effective.Actor) }
func (x *EffectiveAccess) Target() *AccessTarget    { return NewAccessTarget(x.Effective.Target) }
func (x *EffectiveAccess) Tier() string             { return EnumOf(x.Effective.Tier) }
func (x *EffectiveAccess) AccessLevel() *string     { return AccessLevel(x.Level) }

// Actions are what he may do.
func (x *EffectiveAccess) Actions() []*EffectiveAction {
	out := make([]*EffectiveAction, len(x.Effective.Actions))
	for i := range x.Effective.Actions {
		out[i] = &EffectiveAction{x.Effective.Actions[i]}
	}
	return out
}

// EffectiveAction is an action that is allowed.
type EffectiveAction struct{ insight.EffectiveAction }

func (a *EffectiveAction) Action() string      { return a.EffectiveAction.Action.Enum() }
func (a *EffectiveAction) Name() string        { return a.EffectiveAction.Action.String() }
func (a *EffectiveAction) Reason() string      { return accessReasons[a.EffectiveAction.Reason] }
func (a *EffectiveAction) By() *AccessEvidence { return newEvidence(a.EffectiveAction.By) }

// WhoCanActor is somebody who may do something.
type WhoCanActor struct{ insight.Able }

func (a *WhoCanActor) Actor() *RoleBindingActor { return newActor(a.Able.Actor) }
func (a *WhoCanActor) Reason() string           { return accessReasons[a.Able.Reason] }
func (a *WhoCanActor) By() *AccessEvidence      { return newEvidence(a.Able.By) }

// AccessLevel is the level on the wire, null on a bare path (access model R27).
func AccessLevel(l authz.Level) *string {
	var level string
	switch l {
	case authz.LevelRead:
		level = "READ"
	case authz.LevelWrite:
		level = "WRITE"
	case authz.LevelAdmin:
		level = "ADMIN"
	default:
		return nil
	}
	return &level
}
