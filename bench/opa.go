package main

import (
	"context"
	_ "embed"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
)

//go:embed airlock.rego
var opaPolicy string

// loadOPA prepares one query over data that the store keeps as evaluated
// values; the input is built as such a value, too, so that nothing is
// converted.
func loadOPA(w *world) (decide, error) {
	ctx := context.Background()
	store := inmem.NewFromObjectWithOpts(opaData(w), inmem.OptReturnASTValuesOnRead(true), inmem.OptRoundTripOnWrite(false))
	query, err := rego.New(rego.Query("data.airlock.allow"), rego.Module("airlock.rego", opaPolicy), rego.Store(store)).PrepareForEval(ctx)
	if err != nil {
		return nil, err
	}
	user, action, space := ast.StringTerm("user"), ast.StringTerm("action"), ast.StringTerm("space")
	return func(q worlds.Question) (bool, error) {
		input := ast.NewObject(
			[2]*ast.Term{user, ast.StringTerm(q.Subject.Actor.ID)},
			[2]*ast.Term{action, ast.StringTerm(q.Action.String())},
			[2]*ast.Term{space, ast.StringTerm(q.Target.Space)})
		result, err := query.Eval(ctx, rego.EvalParsedInput(input))
		return err == nil && result.Allowed(), err
	}, nil
}

func opaData(w *world) map[string]any {
	path, climb, everyone := map[string]any{}, map[string]any{}, map[string]any{}
	for _, s := range w.Spaces {
		path[s.ID], climb[s.ID] = opaList(w.path(s.ID)), opaSet(w.climb(s.ID))
	}
	for user, list := range w.held {
		bySpace := map[string][]string{}
		for _, h := range list {
			bySpace[h.space] = append(bySpace[h.space], h.role)
		}
		spaces := map[string]any{}
		for space, roles := range bySpace {
			spaces[space] = opaList(roles)
		}
		everyone[user] = spaces
	}
	roles, tiers, fallback := map[string]any{}, map[string]any{}, map[string]any{}
	for id, set := range w.roles {
		var names []string
		for _, a := range set.List() {
			names = append(names, a.String())
		}
		roles[id], tiers[id] = opaSet(names), float64(tierOf(set))
	}
	for _, info := range authz.Actions() {
		fallback[info.Name] = float64(info.Fallback)
	}
	return map[string]any{"path": path, "climb": climb, "held": everyone, "roles": roles, "tiers": tiers, "fallback": fallback}
}

func opaList(names []string) []any {
	list := make([]any, len(names))
	for i, name := range names {
		list[i] = name
	}
	return list
}

func opaSet(names []string) map[string]any {
	set := make(map[string]any, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}
