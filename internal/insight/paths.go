package insight

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// PathsInput asks who can come to hold something, and how (docs/security.md,
// escalation paths).
type PathsInput struct {
	// To is where: zero for the account, to administer which is the goal then.
	To     access.Ref
	Action authz.Action // to hold this action there, or
	Role   string       // all of this role's: id or slug

	From       authz.ActorRef // zero: everybody, each by his shortest path
	Kinds      []authz.ActorKind
	MaxHops    int  // 0: authz.DefaultMaxHops
	Escalating bool // only paths through a stack
	Mode       domain.ActAsMode

	Offset, First int
}

// Paths is a page of paths, shorter ones first.
type Paths struct {
	Mode   domain.ActAsMode
	List   []Path
	Actors int // who reach the goal, on other pages, too
	More   bool
}

// Path is how one actor comes to hold something.
type Path struct {
	From Actor
	Hops []Hop
}

// Hop is one step of a path, as the caller may know it.
type Hop struct {
	authz.Hop
	From, To Node // To is empty where From holds the goal
	At       Target
	Evidence []Evidence
}

// Node is an actor, or something that stacks use.
type Node struct {
	Actor  *Actor
	Object *Target
}

// Escalates reports whether the path leads through a stack.
func (p *Path) Escalates() bool {
	for i := range p.Hops {
		if p.Hops[i].Kind == authz.HopInfluence {
			return true
		}
	}
	return false
}

// Paths answers admins of root.
func (s *Service) Paths(ctx context.Context, in PathsInput) (p Paths, err error) {
	err = s.tell(ctx, func(t *teller) error {
		if err := s.gate.AccountRead(ctx, t.tx, access.KindAudit); err != nil {
			return err
		}
		goal, err := t.goal(ctx, &in)
		if err != nil {
			return err
		}
		if in.From != (authz.ActorRef{}) {
			if err := t.meet(ctx, in.From, goal.Target); err != nil {
				return err
			}
		}
		o, err := t.pathOptions(ctx, &in)
		if err != nil {
			return err
		}
		p.Mode = in.Mode
		x, err := s.analyses.of(ctx, t.tx, t.Moment)
		if err != nil {
			return err
		}
		found, err := x.Paths(goal, o)
		if err != nil {
			return err
		}
		p.Actors, p.More = found.Actors, found.More
		p.List, err = t.paths(ctx, found.List[min(in.Offset, len(found.List)):])
		return err
	})
	return p, err
}

// maxOffset bounds how deep pages of paths go.
const maxOffset = 10_000

func (t *teller) pathOptions(ctx context.Context, in *PathsInput) (o authz.PathOptions, err error) {
	if in.MaxHops < 0 || in.MaxHops > authz.MaxMaxHops {
		return o, domain.Invalid("maxHops", "must be between 1 and %d", authz.MaxMaxHops)
	}
	if in.Offset < 0 || in.Offset > maxOffset {
		return o, domain.Invalid("after", "leads behind the first %d paths; narrow the question", maxOffset)
	}
	if in.Mode == "" {
		settings, err := t.tx.AccountSettings(ctx)
		if err != nil {
			return o, err
		}
		in.Mode = settings.StackActAs
	}
	return authz.PathOptions{
		From: in.From, Kinds: in.Kinds, MaxHops: in.MaxHops, Escalating: in.Escalating,
		Limit: in.Offset + in.First, ActAs: actAsMode(in.Mode),
	}, nil
}

// goal turns what is asked about into what the analysis knows.
func (t *teller) goal(ctx context.Context, in *PathsInput) (g authz.Goal, err error) {
	if in.To == (access.Ref{}) {
		if in.Action != 0 || in.Role != "" {
			return g, domain.Invalid("to", "must be given with an action or a role")
		}
		return authz.Goal{Account: true}, nil
	}
	if (in.Action == 0) == (in.Role == "") {
		return g, domain.Invalid("input", "must name either an action or a role to hold there")
	}
	g = authz.Goal{Action: in.Action, Role: in.Role}
	if in.Role != "" && !t.knowsRole(in.Role) {
		return g, domain.NotFound("role")
	}
	g.Target, err = t.find(ctx, in.To)
	if err == nil && g.Target.Space == "" {
		err = domain.NotFound(targetNoun(in.To.Kind))
	}
	return g, err
}

func (t *teller) knowsRole(ref string) bool {
	for id, r := range t.roles {
		if id == ref || r.Slug == ref {
			return true
		}
	}
	return false
}
