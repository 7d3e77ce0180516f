package main

import (
	"slices"
	"strings"

	"github.com/casbin/casbin/v3"
	"github.com/casbin/casbin/v3/model"
	"github.com/casbin/casbin/v3/rbac"
	defaultrolemanager "github.com/casbin/casbin/v3/rbac/default-role-manager"
	"github.com/casbin/casbin/v3/util"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
)

// casbinModel is RBAC with domains and, for actions, with resource roles, so
// that there is one rule for a role and not one for each of its actions:
// casbin evaluates all rules in turn. What a tier covers needs the baseline.
const casbinModel = `
[request_definition]
r = sub, dom, act
[policy_definition]
p = sub, acts, how
[role_definition]
g = _, _, _
g2 = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g2(r.act, p.acts) && g(r.sub, p.sub, r.dom) && (p.how == "named" || g(r.sub, "reads", r.dom))
`

// loadCasbinPaths uses what casbin has for trees: domains are paths and match
// by pattern, roles of roles are spelled out, and reading is linked to every
// space that it climbs to.
func loadCasbinPaths(w *world) (decide, error) {
	path := func(space string) string {
		up := w.path(space)
		slices.Reverse(up)
		return "/" + strings.Join(up, "/") + "/"
	}
	var links [][]string
	for actor, list := range w.held {
		for _, h := range list {
			for _, role := range append([]string{h.role}, carried(w.roles[h.role])...) {
				links = append(links, []string{actor, role, path(h.space) + "*"})
			}
			if w.roles[h.role].Has(authz.ActionSpaceRead) {
				for _, space := range w.climb(h.space) {
					links = append(links, []string{actor, "reads", path(space)})
				}
			}
		}
	}
	e, err := newCasbin(w, nil, links)
	return func(q worlds.Question) (bool, error) {
		return e.Enforce(q.Subject.Actor.ID, path(q.Target.Space), q.Action.String())
	}, err
}

// loadCasbin replaces the role manager by one that knows the tree.
func loadCasbin(w *world) (decide, error) {
	roles := &spaceRoles{
		RoleManager: defaultrolemanager.NewRoleManager(10), w: w,
		roles: map[string]map[string][]string{}, within: map[string][]string{},
	}
	for role, set := range w.roles {
		roles.within[role] = carried(set)
	}
	var links [][]string
	for actor, list := range w.held {
		for _, h := range list {
			links = append(links, []string{actor, h.role, h.space})
		}
	}
	e, err := newCasbin(w, roles, links)
	return func(q worlds.Question) (bool, error) {
		return e.Enforce(q.Subject.Actor.ID, q.Target.Space, q.Action.String())
	}, err
}

// carried returns the roles that a role with these actions includes.
func carried(set authz.ActionSet) []string {
	var list []string
	for tier := authz.TierReader; tier <= tierOf(set); tier++ {
		list = append(list, "fallback:"+tier.String())
	}
	if set.Has(authz.ActionSpaceRead) {
		list = append(list, "reads")
	}
	return list
}

// newCasbin makes an enforcer; without a role manager, domains match by
// pattern.
func newCasbin(w *world, roles rbac.RoleManager, links [][]string) (*casbin.Enforcer, error) {
	m, err := model.NewModelFromString(casbinModel)
	if err != nil {
		return nil, err
	}
	e, err := casbin.NewEnforcer(m)
	if err != nil {
		return nil, err
	}
	if roles != nil {
		e.SetRoleManager(roles)
	} else {
		e.AddNamedDomainMatchingFunc("g", "keyMatch", util.KeyMatch)
	}
	rules, actions := casbinRules(w)
	if _, err := e.AddPolicies(rules); err != nil {
		return nil, err
	}
	if _, err := e.AddNamedGroupingPolicies("g2", actions); err != nil {
		return nil, err
	}
	_, err = e.AddGroupingPoliciesEx(links)
	return e, err
}

// casbinRules returns the rules, and for each action the sets that it is in.
func casbinRules(w *world) (rules, actions [][]string) {
	rules = [][]string{{"reads", "derived", "named"}}
	actions = [][]string{{authz.ActionSpaceRead.String(), "derived"}}
	for role := range w.roles {
		rules = append(rules, []string{role, role, "named"})
	}
	for tier := authz.TierReader; tier <= authz.TierAdmin; tier++ {
		rules = append(rules, []string{"fallback:" + tier.String(), "fallback:" + tier.String(), "fallback"})
	}
	for _, info := range authz.Actions() {
		actions = append(actions, []string{info.Name, "fallback:" + info.Fallback.String()})
		for role, set := range w.roles {
			if set.Has(info.Action) {
				actions = append(actions, []string{info.Name, role})
			}
		}
	}
	return rules, actions
}

// spaceRoles is a role manager whose domains are spaces: a link in a space
// holds in all below it.
type spaceRoles struct {
	rbac.RoleManager
	w      *world
	roles  map[string]map[string][]string // by actor, by space
	within map[string][]string            // roles that a role includes
}

func (m *spaceRoles) AddLink(name, role string, domain ...string) error {
	if m.roles[name] == nil {
		m.roles[name] = map[string][]string{}
	}
	m.roles[name][domain[0]] = append(m.roles[name][domain[0]], role)
	return nil
}

// HasLink walks up from the space; "reads" is also held where it climbs to.
func (m *spaceRoles) HasLink(name, role string, domain ...string) (bool, error) {
	bound := m.roles[name]
	for at := domain[0]; at != ""; at = m.w.parent[at] {
		if m.includes(bound[at], role) {
			return true, nil
		}
	}
	if role == "reads" {
		for at, list := range bound {
			if m.climbs(at, domain[0]) && m.includes(list, role) {
				return true, nil
			}
		}
	}
	return false, nil
}

func (m *spaceRoles) includes(list []string, role string) bool {
	return slices.ContainsFunc(list, func(held string) bool { return held == role || slices.Contains(m.within[held], role) })
}

func (m *spaceRoles) climbs(from, to string) bool {
	for m.w.inherits[from] {
		if from = m.w.parent[from]; from == to {
			return true
		}
	}
	return false
}
