package authz

import (
	"cmp"
	"slices"
)

// PathDiff is which paths a change opens and closes.
type PathDiff struct {
	// Changes are the goals that others reach now than before, the most powerful
	// first: those nearest to root, and of these the roles with most actions.
	Changes []PathChange
	// More tells that the change touches more than MaxDiffActors actors and
	// objects, or puts more than MaxDiffGoals goals at stake, and that the rest
	// was not compared.
	More bool
}

// PathChange is how a change matters to one goal.
type PathChange struct {
	Goal Goal
	// Gained are the shortest paths of those who did not reach the goal before
	// and reach it now through a stack. Who simply holds it now is not there.
	Gained []Path
	// Lost are those who reached the goal before, in whatever way.
	Lost []ActorRef
}

// The bounds of a PathDiff that looks for its goals itself.
const (
	MaxDiffActors = 50
	MaxDiffGoals  = 20
)

// Since compares who reaches goals now and who did before a change. Without
// goals it compares those that the change puts at stake: what is newly held,
// and what the stacks hold that somebody newly influences, or that have moved.
// Of the options, From and Limit mean nothing. It refuses goals that this
// analysis does not know.
func (a *Analysis) Since(before *Analysis, goals []Goal, o PathOptions) (out PathDiff, err error) {
	o.From, o.Limit = ActorRef{}, 0
	searching := goals == nil
	if searching {
		d := differ{a: &query{Analysis: a, o: o}, b: &query{Analysis: before, o: o}, seen: map[Goal]bool{}}
		goals, out.More = d.goals()
	}
	for _, g := range goals {
		q, err := a.query(&g, &o)
		if err != nil {
			return PathDiff{}, err
		}
		c := q.since(before, &g)
		if len(c.Gained)+len(c.Lost) > 0 && !(searching && out.tells(q, &c)) {
			out.Changes = append(out.Changes, c)
		}
	}
	return out, nil
}

// tells reports whether a change is told already: by those of roles with the
// action in the same place, which come first.
func (d *PathDiff) tells(q *query, c *PathChange) bool {
	told := map[ActorRef]bool{}
	for i := range d.Changes {
		other := &d.Changes[i]
		if n, ok := q.s.roles.number(other.Goal.Role); !ok || other.Goal.Target != c.Goal.Target || !q.s.roles.list[n].actions.Has(c.Goal.Action) {
			continue
		}
		for _, p := range other.Gained {
			told[p.From] = true
		}
		for _, a := range other.Lost {
			told[a] = true
		}
	}
	return !slices.ContainsFunc(c.Gained, func(p Path) bool { return !told[p.From] }) &&
		!slices.ContainsFunc(c.Lost, func(a ActorRef) bool { return !told[a] })
}

// since compares who reaches the goal of a query now and before.
func (q *query) since(before *Analysis, g *Goal) PathChange {
	out := PathChange{Goal: *g}
	q.search()
	old, err := before.query(g, &q.o)
	if err != nil { // nobody reached what was not there
		old = &query{Analysis: before, found: &found{actors: make([]uint8, len(before.p.actors))}}
	} else {
		old.search()
	}
	for i := range q.p.actors {
		if ref := q.p.actors[i].ref; !q.reached(ref) || old.reached(ref) {
			continue
		}
		if p := q.path(q.shortest(int32(i))); p.Escalates() {
			out.Gained = append(out.Gained, p)
		}
	}
	slices.SortStableFunc(out.Gained, func(x, y Path) int { return cmp.Compare(len(x.Hops), len(y.Hops)) })
	for i := range old.p.actors {
		if ref := old.p.actors[i].ref; old.reached(ref) && !q.reached(ref) {
			out.Lost = append(out.Lost, ref)
		}
	}
	return out
}

// reached reports whether the search has found an actor of a kind that was
// asked for.
func (q *query) reached(a ActorRef) bool {
	i := q.p.number(a)
	return i != nowhere && q.found.actors[i] != 0 && slices.Contains(q.o.Kinds, a.Kind)
}
