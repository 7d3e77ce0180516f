package graphql

import (
	"strings"
	"testing"
)

// found are the ids of a page of searchStacks, and where it ends.
func found(t *testing.T, a answer) (ids, end string, more bool) {
	t.Helper()
	page, _ := a.Data["searchStacks"].(vars)
	edges, _ := page["edges"].([]any)
	var list []string
	for _, e := range edges {
		list = append(list, id(e.(vars)["node"].(vars)))
	}
	info, _ := page["pageInfo"].(vars)
	end, _ = info["endCursor"].(string)
	more, _ = info["hasNextPage"].(bool)
	return strings.Join(list, " "), end, more
}

func TestSearchStacks(t *testing.T) {
	w := newWorld(t)
	for _, s := range []struct{ name, label, vendor string }{{"Charlie", "x", "opentofu"}, {"alpha", "y", "terraform"}, {"Bravo", "x", "terraform"}} {
		in := with(with(stackInput(s.name, "legacy"), "labels", []any{s.label}), "vendorConfig", vars{"terraform": vars{"useSmartSanitization": false}})
		if s.vendor == "opentofu" {
			in["vendorConfig"] = vars{"opentofu": vars{}}
		}
		w.do("provider_stacks", "Create", vars{"input": in, "manageState": true})
	}
	search := func(in vars) answer { return w.run("spacectl_stacks", "Search", vars{"input": in}) }
	having := func(field string, constraint vars) vars {
		return vars{"predicates": []any{vars{"field": field, "constraint": constraint}}}
	}
	for name, tc := range map[string]struct {
		in   vars
		want string
	}{
		"everything, by name":   {vars{}, "alpha bravo charlie"},
		"descending":            {vars{"orderBy": vars{"field": "name", "direction": "desc"}}, "charlie bravo alpha"},
		"what the CLI asks for": {vars{"orderBy": vars{"field": "starred", "direction": "DESC"}}, "charlie bravo alpha"},
		"oldest first":          {vars{"orderBy": vars{"field": "createdAt", "direction": "ASC"}}, "charlie alpha bravo"},
		"words":                 {vars{"fullTextSearch": " BRAV x "}, "bravo"},
		"any of the values":     {having("label", vars{"stringMatches": []any{"x"}, "enumEquals": []any{"y"}}), "alpha bravo charlie"},
		"flag":                  {having("administrative", vars{"booleanEquals": []any{true}}), ""},
		"tool":                  {having("vendor", vars{"enumEquals": []any{"OPENTOFU"}}), "charlie"},
		"slug":                  {having("slug", vars{"stringMatches": []any{"alpha"}}), "alpha"},
	} {
		a := search(tc.in)
		if got, _, more := found(t, a); got != tc.want || more {
			t.Errorf("%s: %s, want %s: %s", name, got, tc.want, a.raw)
		}
	}
	first, end, more := found(t, search(vars{"first": 2}))
	rest, _, last := found(t, search(vars{"first": 2, "after": end}))
	if first != "alpha bravo" || !more || rest != "charlie" || last {
		t.Errorf("pages %q %v, %q %v", first, more, rest, last)
	}
	none := having("name", vars{})
	for name, in := range map[string]vars{
		"cursor":                {"after": "%"},
		"cursor without a cut":  {"after": "YWJj"},
		"cursor of another":     {"after": end, "orderBy": vars{"field": "createdAt", "direction": "ASC"}},
		"size":                  {"first": 0},
		"order":                 {"orderBy": vars{"field": "nope", "direction": "ASC"}},
		"direction":             {"orderBy": vars{"field": "name", "direction": "up"}},
		"field":                 having("nope", vars{"stringMatches": []any{"x"}}),
		"constraint of nothing": none,
	} {
		if code, message := search(in).failure(t); code != "INVALID" {
			t.Errorf("%s: %s %s", name, code, message)
		}
	}
}
