package view

import (
	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/insight"
)

// EscalationPath is how one actor comes to hold something.
type EscalationPath struct{ insight.Path }

// NewEscalationPaths shows paths.
func NewEscalationPaths(list []insight.Path) []*EscalationPath {
	out := make([]*EscalationPath, len(list))
	for i := range list {
		out[i] = &EscalationPath{list[i]}
	}
	return out
}

func (p *EscalationPath) From() *RoleBindingActor { return newActor(p.Path.From) }
func (p *EscalationPath) Sentence() string        { return p.Path.String() }

// Hops are its steps.
func (p *EscalationPath) Hops() []*EscalationHop {
	out := make([]*EscalationHop, len(p.Path.Hops))
	for i := range p.Path.Hops {
		out[i] = &EscalationHop{&p.Path.Hops[i]}
	}
	return out
}

// EscalationHop is one step of a path.
type EscalationHop struct{ of *insight.Hop }

func (h *EscalationHop) Kind() string           { return hopKinds[h.of.Kind] }
func (h *EscalationHop) From() *EscalationNode  { return &EscalationNode{h.of.From} }
func (h *EscalationHop) Rule() *string          { return Optional(h.of.Rule) }
func (h *EscalationHop) Action() *string        { return optionalAction(h.of.Action) }
func (h *EscalationHop) Target() *AccessTarget  { return NewAccessTarget(h.of.At) }
func (h *EscalationHop) PlanOnly() bool         { return h.of.Phase == authz.PhasePlan }
func (h *EscalationHop) RefusedByEnforce() bool { return h.of.Refused }

// To is where it leads, nil at the end.
func (h *EscalationHop) To() *EscalationNode {
	if h.of.Kind == authz.HopHolds {
		return nil
	}
	return &EscalationNode{h.of.To}
}

// Ways are what would do instead.
func (h *EscalationHop) Ways() []EscalationWay {
	out := make([]EscalationWay, len(h.of.Ways))
	for i, w := range h.of.Ways {
		out[i] = EscalationWay{w.Rule, w.Action.Enum(), optionalAction(w.Also), w.Sentence}
	}
	return out
}

// Evidence is what makes the step possible.
func (h *EscalationHop) Evidence() []*AccessEvidence {
	out := make([]*AccessEvidence, len(h.of.Evidence))
	for i := range h.of.Evidence {
		out[i] = &AccessEvidence{h.of.Evidence[i]}
	}
	return out
}

// Guards are conditions that are met.
func (h *EscalationHop) Guards() []string {
	out := make([]string, len(h.of.Guards))
	for i, g := range h.of.Guards {
		out[i] = guards[g]
	}
	return out
}

var (
	hopKinds = map[authz.HopKind]string{
		authz.HopHolds: "HOLDS", authz.HopMember: "MEMBER", authz.HopInfluence: "INFLUENCES", authz.HopUse: "USED_BY",
	}
	guards = map[authz.Guard]string{authz.GuardActAs: "ACT_AS", authz.GuardAdminOfAll: "ADMIN_OF_ALL"}
)

// EscalationWay is something that decides what a stack's runs do.
type EscalationWay struct {
	Rule     string
	Action   string
	Also     *string
	Sentence string
}

// EscalationNode is an actor, or something that stacks use.
type EscalationNode struct{ of insight.Node }

// Actor is the actor, nil for an object.
func (n *EscalationNode) Actor() *RoleBindingActor {
	if n.of.Actor == nil {
		return nil
	}
	return newActor(*n.of.Actor)
}

// Object is the context, worker pool or repository, nil for an actor.
func (n *EscalationNode) Object() *AccessTarget {
	if n.of.Object == nil {
		return nil
	}
	return NewAccessTarget(*n.of.Object)
}
