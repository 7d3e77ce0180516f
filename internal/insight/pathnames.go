package insight

import (
	"context"
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// paths shows paths to a caller for whom nothing of them is hidden.
func (t *teller) paths(ctx context.Context, list []authz.Path) ([]Path, error) {
	n := pathNames{teller: t, objects: map[authz.EntityRef]Target{}}
	if err := n.learn(ctx, list); err != nil {
		return nil, err
	}
	out := make([]Path, len(list))
	for i, p := range list {
		out[i] = n.path(p)
	}
	return out, nil
}

// pathNames knows what the things on some paths are called.
type pathNames struct {
	*teller
	objects map[authz.EntityRef]Target // that are no actors, or the targets of hops
}

// learn looks up the names of everything on paths at once.
func (n *pathNames) learn(ctx context.Context, list []authz.Path) error {
	var actors []authz.ActorRef
	var spaces []string
	objects := map[authz.EntityRef]bool{}
	node := func(x authz.PathNode) {
		if x.Object.Kind != authz.EntityNone {
			objects[x.Object] = true
		} else if x.Actor.ID != "" {
			actors = append(actors, x.Actor)
		}
	}
	for _, p := range list {
		for _, h := range p.Hops {
			node(h.From)
			node(h.To)
			spaces = append(spaces, h.Target.Space)
			if h.Target.Entity.Kind != authz.EntityNone {
				objects[h.Target.Entity] = true
			}
			for _, e := range h.Evidence {
				spaces = append(spaces, e.Space)
			}
		}
	}
	for ref := range objects {
		t, err := n.object(ctx, ref)
		if err != nil {
			return err
		}
		n.objects[ref] = t
		spaces = append(spaces, string(t.Space.ID))
	}
	return n.know(ctx, actors, spaces)
}

// object looks up an object; it may be gone, or be there only in what is tried
// out.
func (n *pathNames) object(ctx context.Context, ref authz.EntityRef) (Target, error) {
	t := Target{Ref: access.Ref{Kind: access.Kind(ref.Kind.String()), ID: ref.ID}}
	e, err := n.tx.Entity(ctx, ref)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return t, nil
	}
	t.Name, t.Space.ID = e.Name, e.Space
	return t, err
}

func (n *pathNames) path(p authz.Path) Path {
	out := Path{From: n.named(p.From), Hops: make([]Hop, len(p.Hops))}
	for i, h := range p.Hops {
		hop := Hop{Hop: h, From: n.node(h.From), To: n.node(h.To), At: n.at(h.Target)}
		for _, e := range h.Evidence {
			hop.Evidence = append(hop.Evidence, Evidence{e, n.roles[e.Role].Name, n.spaceOf(e.Space)})
		}
		out.Hops[i] = hop
	}
	return out
}

func (n *pathNames) named(a authz.ActorRef) Actor { return Actor{a, n.actors[a]} }

func (n *pathNames) spaceOf(id string) Place { return n.place(id, true) }

func (n *pathNames) node(x authz.PathNode) (out Node) {
	switch {
	case x.Object.Kind != authz.EntityNone:
		t := n.target(x.Object)
		out.Object = &t
	case x.Actor.ID != "":
		a := n.named(x.Actor)
		out.Actor = &a
	}
	return out
}

func (n *pathNames) target(ref authz.EntityRef) Target {
	t := n.objects[ref]
	t.Space = n.spaceOf(string(t.Space.ID))
	return t
}

// at is where a hop takes place, or the goal is held.
func (n *pathNames) at(t authz.Target) Target {
	if t.Entity.Kind != authz.EntityNone {
		out := n.target(t.Entity)
		out.Space = n.spaceOf(t.Space)
		return out
	}
	space := n.spaceOf(t.Space)
	return Target{Ref: access.Ref{Kind: access.KindSpace, ID: t.Space}, Name: space.Name, Space: space}
}

// String calls a node by its name, for example "context net of apps".
func (n Node) String() string {
	switch {
	case n.Actor != nil:
		return n.Actor.String()
	case n.Object != nil:
		return n.Object.String()
	default:
		return ""
	}
}

// String tells a path in one line.
func (p *Path) String() string {
	var b strings.Builder
	b.WriteString(p.From.String())
	for i := range p.Hops {
		b.WriteString(", " + p.Hops[i].clause())
	}
	return b.String()
}

// clause tells a hop as the part of a sentence whose subject is where the hop
// begins.
func (h *Hop) clause() string {
	switch h.Kind {
	case authz.HopHolds:
		return "which holds it " + h.At.in()
	case authz.HopMember:
		return "a member of " + h.To.String()
	case authz.HopUse:
		return "which " + h.To.String() + " uses"
	default:
		part := ""
		if h.Phase == authz.PhasePlan {
			part = " (plans only)"
		}
		return "by " + h.Rule + " " + h.Action.String() + part + " acts through " + h.To.String()
	}
}

// in says where: "in dev" or "on stack k of dev".
func (t Target) in() string {
	if t.Kind == access.KindSpace {
		return "in " + t.String()
	}
	return "on " + t.String()
}
