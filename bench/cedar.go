package main

import (
	"fmt"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
)

// Spaces are entities below their parents, so that "resource in" walks up the
// tree, and a second hierarchy, Climb, has only the inherit-on edges. A user
// carries, for each role and tier, the set of spaces where it is bound; its
// groups' bindings are flattened into it, because a policy cannot loop over
// groups. Actions are members of the roles that name them and of the fallback
// that covers them.
const (
	cedarRole = `permit (principal, action in Action::"role:%[1]s", resource)
		when { principal has "%[1]s" && resource in principal["%[1]s"] };`
	cedarTier = `permit (principal, action in Action::"fallback:%[1]s", resource)
		when { principal has "%[1]s" && resource in principal["%[1]s"] &&
			(principal in resource.climb || (principal has "reads" && resource in principal["reads"])) };`
	cedarDerived = `permit (principal, action == Action::"space:read", resource)
		when { principal in resource.climb };`
)

// loadCedar keeps one policy set for each action, of the policies whose scope
// covers it: cedar-go evaluates every policy it is given.
func loadCedar(w *world) (decide, error) {
	entities := types.EntityMap{}
	cedarSpaces(w, entities)
	cedarUsers(w, entities)
	policies := map[authz.Action]*cedar.PolicySet{}
	for _, info := range authz.Actions() {
		uid := cedar.NewEntityUID("Action", types.String(info.Name))
		var groups []types.EntityUID
		var text strings.Builder
		for _, r := range w.Roles {
			if w.roles[r.Slug].Has(info.Action) {
				groups = append(groups, cedar.NewEntityUID("Action", types.String("role:"+r.Slug)))
				fmt.Fprintf(&text, cedarRole, r.Slug)
			}
		}
		fallback := info.Fallback.String()
		groups = append(groups, cedar.NewEntityUID("Action", types.String("fallback:"+fallback)))
		fmt.Fprintf(&text, cedarTier, fallback)
		if info.Action == authz.ActionSpaceRead {
			text.WriteString(cedarDerived)
		}
		entities[uid] = types.Entity{UID: uid, Parents: types.NewEntityUIDSet(groups...)}
		set, err := cedar.NewPolicySetFromBytes("airlock.cedar", []byte(text.String()))
		if err != nil {
			return nil, err
		}
		policies[info.Action] = set
	}
	return func(q worlds.Question) (bool, error) {
		ok, diagnostic := cedar.Authorize(policies[q.Action], entities, cedar.Request{
			Principal: cedar.NewEntityUID("User", types.String(q.Subject.Actor.ID)),
			Action:    cedar.NewEntityUID("Action", types.String(q.Action.String())),
			Resource:  cedar.NewEntityUID("Space", types.String(q.Target.Space)),
		})
		if len(diagnostic.Errors) > 0 {
			return false, fmt.Errorf("cedar: %s", diagnostic.Errors[0].Message)
		}
		return ok == cedar.Allow, nil
	}, nil
}

func cedarSpaces(w *world, entities types.EntityMap) {
	for _, s := range w.Spaces {
		uid := cedar.NewEntityUID("Space", types.String(s.ID))
		climb := cedar.NewEntityUID("Climb", types.String(s.ID))
		space := types.Entity{UID: uid, Attributes: types.NewRecord(types.RecordMap{"climb": climb})}
		up := types.Entity{UID: climb}
		if s.Parent != "" {
			space.Parents = types.NewEntityUIDSet(cedar.NewEntityUID("Space", types.String(s.Parent)))
		}
		if w.inherits[s.ID] {
			up.Parents = types.NewEntityUIDSet(cedar.NewEntityUID("Climb", types.String(s.Parent)))
		}
		entities[uid], entities[climb] = space, up
	}
}

func cedarUsers(w *world, entities types.EntityMap) {
	for user, list := range w.held {
		bound := map[types.String][]types.Value{}
		var climbs []types.EntityUID
		for _, h := range list {
			space := cedar.NewEntityUID("Space", types.String(h.space))
			set := w.roles[h.role]
			keys := []types.String{types.String(h.role)}
			for tier := authz.TierReader; tier <= tierOf(set); tier++ {
				keys = append(keys, types.String(tier.String()))
			}
			if set.Has(authz.ActionSpaceRead) {
				keys = append(keys, "reads")
				climbs = append(climbs, cedar.NewEntityUID("Climb", types.String(h.space)))
			}
			for _, key := range keys {
				bound[key] = append(bound[key], space)
			}
		}
		record := types.RecordMap{}
		for key, spaces := range bound {
			record[key] = types.NewSet(spaces...)
		}
		uid := cedar.NewEntityUID("User", types.String(user))
		entities[uid] = types.Entity{UID: uid, Parents: types.NewEntityUIDSet(climbs...), Attributes: types.NewRecord(record)}
	}
}
