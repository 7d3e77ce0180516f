package access

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// Foresight is what changes of the access world come to.
type Foresight struct {
	Before *authz.Snapshot
	*authz.Difference
}

// Foresee tells who would gain and who would lose what by changes of the access
// world. The world need not know the stacks and other entities that move: homes
// says where they are, and what the stacks are, before.
func (m Moment) Foresee(homes domain.World, change domain.WorldDelta) (Foresight, error) {
	before, err := m.Snapshot.Apply(changes(domain.WorldDelta{Put: homes})...)
	if err != nil {
		return Foresight{}, fmt.Errorf("foresee a change: %w", err)
	}
	d, err := before.Diff(m.Time, changes(change)...)
	if err != nil {
		return Foresight{}, fmt.Errorf("foresee a change: %w", err)
	}
	return Foresight{before, d}, nil
}

// Namer is a Reader that also knows the names of actors.
type Namer interface {
	Reader
	// ActorNames returns the names of the actors that exist.
	ActorNames(ctx context.Context, refs []authz.ActorRef) (map[authz.ActorRef]string, error)
}

// Foretold returns a permit whose audit row names who gains and who loses by
// the change that it is for (security rule G4), made by a transaction that has
// not changed the access world yet. What it comes to is as for Foresee.
func (g *Gate) Foretold(ctx context.Context, tx Namer, p Permit, homes domain.World, change domain.WorldDelta) (Permit, error) {
	m, err := g.Moment(ctx, tx)
	if err != nil {
		return p, err
	}
	f, err := m.Foresee(homes, change)
	if err != nil {
		return p, err
	}
	var gain, lose []authz.ActorRef
	for _, e := range f.Effects {
		if !e.Gained.Empty() {
			gain = withActor(gain, e.Actor)
		}
		if !e.Lost.Empty() {
			lose = withActor(lose, e.Actor)
		}
	}
	parts := []string{}
	for _, list := range []struct {
		what   string
		actors []authz.ActorRef
	}{{"gain access", gain}, {"lose access", lose}, {"gain the power to act as a stack", f.actAs(m.Time, homes.Stacks, change.Put.Stacks)}} {
		text, err := naming(ctx, tx, list.what, list.actors)
		if err != nil {
			return p, err
		}
		if text != "" {
			parts = append(parts, text)
		}
	}
	if len(parts) == 0 {
		return p.Noting("nobody gains or loses access"), nil
	}
	return p.Noting(strings.Join(parts, "; ")), nil
}

// ForetoldMove is Foretold for a move of an entity that is no stack.
func (g *Gate) ForetoldMove(ctx context.Context, tx Namer, p Permit, e authz.EntityRef, from, to domain.SpaceID) (Permit, error) {
	at := func(space domain.SpaceID) domain.World {
		return domain.World{Entities: []domain.Entity{{EntityRef: e, Space: space}}}
	}
	return g.Foretold(ctx, tx, p, at(from), domain.WorldDelta{Put: at(to)})
}

// withActor appends an actor that is not the last one; effects are in the order
// of their actors.
func withActor(list []authz.ActorRef, a authz.ActorRef) []authz.ActorRef {
	if n := len(list); n > 0 && list[n-1] == a {
		return list
	}
	return append(list, a)
}

// actAs returns who can influence a stack with powers where it is after a
// move, and could not where it was before (security case 56).
func (f Foresight) actAs(now time.Time, before, after []domain.StackActor) (list []authz.ActorRef) {
	was := map[domain.StackID]authz.Target{}
	for _, st := range before {
		was[st.ID] = stackTarget(st)
	}
	for _, st := range after {
		at := stackTarget(st)
		self := authz.Subject{Actor: authz.ActorRef{Kind: authz.ActorStack, ID: string(st.ID)}}
		if len(f.After.RoleSlugs(self, now)) == 0 {
			continue
		}
		for _, x := range f.Effects {
			who := authz.Subject{Actor: x.Actor}
			if x.Entity == at.Entity && influences(f.After.Allowed(who, at, now)) && !influences(f.Before.Allowed(who, was[st.ID], now)) {
				list = withActor(list, x.Actor)
			}
		}
	}
	return list
}

func stackTarget(s domain.StackActor) authz.Target {
	return authz.Target{Space: string(s.Space), Entity: authz.EntityRef{Kind: authz.EntityStack, ID: string(s.ID)}}
}

// influences reports whether somebody with these actions on a stack decides
// what its runs do (security rule G2).
func influences(set authz.ActionSet) bool {
	for _, a := range set.List() {
		if i, ok := authz.InfluenceOf(a, authz.EntityStack); ok && i.Phase != authz.PhaseNone && (i.Also == 0 || set.Has(i.Also)) {
			return true
		}
	}
	return false
}

// namedInAudit is how many actors the audit row of one change names.
const namedInAudit = 20

// naming says who gains or loses in a sentence; empty for nobody.
func naming(ctx context.Context, tx Namer, what string, list []authz.ActorRef) (string, error) {
	if len(list) == 0 {
		return "", nil
	}
	shown := list[:min(len(list), namedInAudit)]
	names, err := tx.ActorNames(ctx, shown)
	if err != nil {
		return "", err
	}
	words := make([]string, len(shown))
	for i, a := range shown {
		words[i] = fmt.Sprintf("%s %s", strings.ReplaceAll(a.Kind.String(), "_", " "), a.ID)
		if name := names[a]; name != "" && name != a.ID {
			words[i] += " (" + name + ")"
		}
	}
	text := fmt.Sprintf("%d %s: %s", len(list), what, strings.Join(words, ", "))
	if more := len(list) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text, nil
}
