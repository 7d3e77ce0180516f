package store

import (
	"context"

	"github.com/airlock-project/airlock/authz"
)

// actorTables are where the names of actors are kept.
var actorTables = []struct {
	kind        authz.ActorKind
	table, name string
}{
	{authz.ActorUser, "users", "username"},
	{authz.ActorAPIKey, "api_keys", "name"},
	{authz.ActorGroup, "user_groups", "name"},
	{authz.ActorStack, "stacks", "name"},
}

// ActorNames returns what the actors that exist are called.
func (tx *Tx) ActorNames(ctx context.Context, refs []authz.ActorRef) (map[authz.ActorRef]string, error) {
	out := map[authz.ActorRef]string{}
	for _, a := range actorTables {
		var ids []string
		for _, r := range refs {
			if r.Kind == a.kind && storable([]any{r.ID}) {
				ids = append(ids, r.ID)
			}
		}
		if ids == nil {
			continue
		}
		type named struct{ id, name string }
		list, err := many(ctx, tx, func(s scanner) (n named, err error) {
			return n, s.Scan(&n.id, &n.name)
		}, `select id, `+a.name+` from `+a.table+` where `+tx.store.dialect.in("id", 1), toJSON(ids))
		if err != nil {
			return nil, err
		}
		for _, n := range list {
			out[authz.ActorRef{Kind: a.kind, ID: n.id}] = n.name
		}
	}
	return out, nil
}
