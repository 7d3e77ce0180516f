package authz

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// role is a role as decisions read it. Its number stays while it exists.
type role struct {
	actions  ActionSet // with what they imply (R4)
	tier     Tier
	gone     bool
	id, slug string
}

func (r *role) reads() bool { return r.actions.Has(ActionSpaceRead) }

// roleTable is all roles; immutable.
type roleTable struct {
	list   []role // list[builtinAdmin] first
	byID   map[string]uint16
	bySlug map[string]uint16
	// suffice lists for each action a few roles that allow it by themselves,
	// the smallest first.
	suffice [actionCount][]RoleHint
}

// builtinAdmin is the Space admin role that flags and A93 give.
const builtinAdmin uint16 = 0

const maxRoles = 1<<16 - 1

// numbered makes a table of roles under their numbers.
func numbered(list []role) (*roleTable, error) {
	if len(list) > maxRoles {
		return nil, fmt.Errorf("%d roles are too many", len(list))
	}
	t := &roleTable{list: list, byID: make(map[string]uint16, len(list)), bySlug: make(map[string]uint16, len(list))}
	list[builtinAdmin] = role{id: RoleSpaceAdmin, slug: RoleSpaceAdmin, actions: adminActions(), tier: TierAdmin}
	for i := range list[1:] {
		n := uint16(i + 1)
		r := &list[n]
		if r.gone {
			continue
		}
		if r.id == "" {
			return nil, fmt.Errorf("role: %w", errEmptyID)
		}
		if _, taken := t.byID[r.id]; taken {
			return nil, fmt.Errorf("role %q occurs twice", r.id)
		}
		t.byID[r.id] = n
		if r.slug == "" {
			continue
		}
		if _, taken := t.bySlug[r.slug]; taken {
			return nil, fmt.Errorf("role slug %q occurs twice", r.slug)
		}
		t.bySlug[r.slug] = n
		if r.slug == RoleSpaceAdmin {
			list[builtinAdmin].id = r.id
		}
	}
	t.rank()
	return t, nil
}

// rank fills in suffice.
func (t *roleTable) rank() {
	order := make([]uint16, 0, len(t.list))
	sizes := make([]int, len(t.list))
	for i := range t.list[1:] {
		if r := &t.list[i+1]; !r.gone {
			order, sizes[i+1] = append(order, uint16(i+1)), r.alone().Len()
		}
	}
	slices.SortFunc(order, func(a, b uint16) int {
		return cmp.Or(cmp.Compare(sizes[a], sizes[b]), strings.Compare(t.list[a].id, t.list[b].id))
	})
	lists := make([]RoleHint, actionCount*FewRoles)
	for a := range t.suffice {
		t.suffice[a] = lists[a*FewRoles : a*FewRoles : (a+1)*FewRoles]
	}
	for _, n := range order {
		r := &t.list[n]
		for _, a := range r.alone().List() {
			if len(t.suffice[a]) < FewRoles {
				t.suffice[a] = append(t.suffice[a], RoleHint{r.id, r.slug, r.actions.Has(a)})
			}
		}
	}
}

// alone is all that a role allows in a place where nothing else is held.
func (r *role) alone() ActionSet {
	if !r.reads() {
		return r.actions
	}
	return r.actions.Union(tierActions[r.tier])
}

func compiled(r Role) role {
	actions := Implied(r.Actions.Intersect(allActions))
	return role{id: r.ID, slug: r.Slug, actions: actions, tier: tierOf(actions)}
}

// number finds a role by its id or slug (R10).
func (t *roleTable) number(ref string) (uint16, bool) {
	n, ok := t.byID[ref]
	if !ok {
		n, ok = t.bySlug[ref]
	}
	return n, ok
}

func (t *roleTable) reads(n uint16) bool { return t.list[n].reads() }
