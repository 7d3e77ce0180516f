package authz

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Goal is what somebody might come to hold: one action, every action of a role,
// or the administration of the account (A88). Exactly one of Action, Role and
// Account is set, and Target with the first two.
type Goal struct {
	Target  Target
	Action  Action
	Role    string // id or slug
	Account bool
}

// PathOptions narrows an answer. The zero value asks for the shortest path of
// each user, key and group, in mode WARN, of up to DefaultMaxHops hops.
type PathOptions struct {
	// From asks for the paths of one actor only, of any kind: not only the
	// shortest one, but every path that visits nothing twice, shorter ones first.
	From ActorRef
	// Kinds are the actors that paths begin with; users, keys and groups if it is
	// empty. A path of a stack is one of whoever writes its source (E4, E5).
	Kinds   []ActorKind
	MaxHops int // 0 stands for DefaultMaxHops; at most MaxMaxHops
	// Limit is how many paths an answer has at most; 0 stands for no limit, with
	// From for DefaultFromLimit.
	Limit int
	// Escalating leaves out those who hold the goal without acting as a stack;
	// see Path.Escalates.
	Escalating bool
	ActAs      ActAsMode
}

// The bounds of PathOptions.
const (
	DefaultMaxHops   = 6
	MaxMaxHops       = 32
	DefaultFromLimit = 20
)

// Paths is what an analysis answers: paths by length, then by kind and id of
// who they begin with.
type Paths struct {
	List []Path
	// Actors is how many actors reach the goal, also beyond the limit.
	Actors int
	// More tells that there are paths beyond the limit.
	More bool
}

// Path is how one actor comes to hold a goal. It has at least one hop, and the
// last one is a HopHolds.
type Path struct {
	From ActorRef
	Hops []Hop
}

// String tells a path in one line, for logs and terminals, without evidence.
func (p Path) String() string {
	var s strings.Builder
	s.WriteString(PathNode{Actor: p.From}.String())
	for _, h := range p.Hops {
		switch h.Kind {
		case HopHolds:
			s.WriteString(" -> holds it in space " + h.Target.Space)
		case HopInfluence:
			s.WriteString(" -> " + h.Rule + " " + h.Action.String() + " -> " + h.To.String())
		default:
			s.WriteString(" -> " + h.Kind.String() + " -> " + h.To.String())
		}
	}
	return s.String()
}

// Escalates reports whether the path leads through a stack: without that its
// actor holds the goal by its own bindings or by those of a group of its.
func (p *Path) Escalates() bool {
	for i := range p.Hops {
		if p.Hops[i].Kind == HopInfluence {
			return true
		}
	}
	return false
}

// HopKind is a kind of step of a path.
type HopKind uint8

// The kinds of hops.
const (
	// HopHolds: From holds the goal itself. To is zero.
	HopHolds HopKind = iota
	// HopMember: From belongs to the group To, and holds what it holds. Who edits
	// the group at the identity provider decides that (E25).
	HopMember
	// HopInfluence: From changes what runs of the stack To do, and so acts as the
	// stack; or changes what stacks use.
	HopInfluence
	// HopUse: From is used by the stack To.
	HopUse
	hopKinds
)

// String returns "holds", "member of", "influences" or "used by".
func (k HopKind) String() string {
	names := [...]string{"holds", "member of", "influences", "used by"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// PathNode is an actor, stacks included, or something that stacks use.
type PathNode struct {
	Actor  ActorRef
	Object EntityRef // if it is no actor
}

// String returns for example "user ann" or "context net".
func (n PathNode) String() string {
	if n.Object.Kind != EntityNone {
		return n.Object.Kind.String() + " " + n.Object.ID
	}
	return n.Actor.Kind.String() + " " + n.Actor.ID
}

// Hop is one step of a path, with what it rests on.
type Hop struct {
	Kind     HopKind
	From, To PathNode
	// Rule is the number of the escalation path (E1); empty for HopHolds and
	// HopUse.
	Rule string
	// Action is what From does, of a HopInfluence: the first of Ways.
	Action Action
	// Target is where From does it, or holds the goal.
	Target Target
	// Ways is everything that From could do instead, Action included. Hops share
	// it: do not change it.
	Ways []Influence
	// Phase is PhasePlan if the stack's powers come without those that change
	// anything.
	Phase Phase
	// Evidence are the bindings by which From may do that, has met Guards, or
	// holds the goal: few, and the nearest.
	Evidence []Evidence
	// Mode is the one that was asked for, of a HopInfluence that act-as is about.
	Mode ActAsMode
	// Refused tells that ENFORCE would refuse all of Ways.
	Refused bool
	// Guards are the conditions that the hop has met.
	Guards []Guard
}

// Guard is a condition beyond the actor's actions.
type Guard uint8

// The guards.
const (
	// GuardActAs: wherever the stack holds a role, the actor holds it as well or
	// has stack:act-as (G2).
	GuardActAs Guard = iota
	// GuardAdminOfAll: the actor has Space admin in the space of every stack that
	// uses the object (E12).
	GuardAdminOfAll
)

// String returns "act-as" or "admin of all stacks".
func (g Guard) String() string {
	names := [...]string{"act-as", "admin of all stacks"}
	if int(g) < len(names) {
		return names[g]
	}
	return "unknown"
}

// Analysis finds the ways in which people and stacks come to hold what no
// binding gives them. It is immutable, safe for concurrent use, and about one
// snapshot, one estate and one instant.
type Analysis struct {
	s *Snapshot
	p *powers
	e *estate
}

// Analysis prepares the search for escalation paths. It refuses an estate that
// names an unknown space, names an object twice, or in which a stack uses an
// object that is not there. A stack of the snapshot that the estate does not
// name holds what it holds, and nobody influences it.
func (s *Snapshot) Analysis(e Estate, now time.Time) (*Analysis, error) {
	p := newPowers(s, instant(now))
	numbered, err := newEstate(s, &e, p)
	if err != nil {
		return nil, err
	}
	a := &Analysis{s: s, p: p, e: numbered}
	a.findGuards()
	return a, nil
}

// Until returns the last instant for which the analysis holds: then a binding
// or an actor expires. It is zero if none does.
func (a *Analysis) Until() time.Time {
	if a.p.until == forever {
		return time.Time{}
	}
	return time.Unix(0, a.p.until).UTC()
}

// WhoCanBecome returns how every user, key and group comes to hold all actions
// of a role in a space: those that hold them, and those that can use what holds
// them. The role is an id or a slug.
func (a *Analysis) WhoCanBecome(space, role string, o PathOptions) (Paths, error) {
	return a.Paths(Goal{Target: Target{Space: space}, Role: role}, o)
}

// Paths returns how actors come to hold a goal. A path ends at one actor who
// holds all of it; nobody is said to reach a role whose actions he can gather
// only from several. It refuses a goal that names nothing, or something that
// the snapshot does not know, and options out of bounds.
func (a *Analysis) Paths(g Goal, o PathOptions) (Paths, error) {
	q, err := a.query(&g, &o)
	if err != nil {
		return Paths{}, err
	}
	if o.From != (ActorRef{}) {
		return q.from(a.p.number(o.From)), nil
	}
	return q.all(), nil
}

var errGoal = errors.New("goal: names not exactly one of action, role and account")

// query is one question, with its goal in numbers.
type query struct {
	*Analysis
	o        PathOptions
	at       place
	need     ActionSet
	readOnly bool // a token that only reads holds the goal, too
	found    *found
	tables   map[ways][]Influence
}

func (a *Analysis) query(g *Goal, o *PathOptions) (*query, error) {
	q := &query{Analysis: a, o: *o}
	if err := q.aim(g); err != nil {
		return nil, err
	}
	if o.MaxHops < 0 || o.MaxHops > MaxMaxHops || o.Limit < 0 || o.ActAs > ActAsOff {
		return nil, fmt.Errorf("options: out of bounds")
	}
	if q.o.MaxHops == 0 {
		q.o.MaxHops = DefaultMaxHops
	}
	if len(q.o.Kinds) == 0 {
		q.o.Kinds = []ActorKind{ActorUser, ActorAPIKey, ActorGroup}
	}
	q.readOnly = readActions.Contains(q.need)
	return q, nil
}

// aim finds where a goal is and what it takes.
func (q *query) aim(g *Goal) error {
	set := 0
	if g.Action != 0 {
		set++
		q.need = SetOf(g.Action)
	}
	if g.Role != "" {
		set++
		n, ok := q.s.roles.number(g.Role)
		if !ok {
			return fmt.Errorf("goal: unknown role %q", g.Role)
		}
		q.need = q.s.roles.list[n].actions
	}
	target := g.Target
	if g.Account {
		set++
		q.need, target = SetOf(ActionSpaceRead, ActionSpaceAdmin), Target{Space: RootSpace}
	}
	if set != 1 || q.need.Empty() || g.Account && g.Target != (Target{}) {
		return errGoal
	}
	q.at = place{q.s.tree.number(target.Space), target.Entity}
	if q.at.space == nowhere {
		return fmt.Errorf("goal: unknown space %q", target.Space)
	}
	return nil
}
