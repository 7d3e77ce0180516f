package graphql

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
)

// sample searches stacks the way that other lists are searched.
var sample = searchable[domain.Stack]{
	id:    func(s domain.Stack) string { return string(s.ID) },
	words: func(s domain.Stack) []string { return append([]string{s.Name}, s.Labels...) },
	fields: map[string]func(domain.Stack) []string{
		"name":           func(s domain.Stack) []string { return []string{s.Name} },
		"label":          func(s domain.Stack) []string { return s.Labels },
		"labels":         func(s domain.Stack) []string { return s.Labels },
		"space":          func(s domain.Stack) []string { return []string{string(s.Space)} },
		"administrative": func(s domain.Stack) []string { return []string{strconv.FormatBool(s.Administrative)} },
		"locked":         func(domain.Stack) []string { return []string{"false"} },
		"starred":        func(domain.Stack) []string { return []string{"false"} },
	},
}

func searchStacks(t *testing.T) []domain.Stack {
	t.Helper()
	stack := func(id, name, space string, admin bool, labels ...string) domain.Stack {
		s := domain.Stack{ID: domain.StackID(id)}
		s.Name, s.Space, s.Administrative, s.Labels = name, domain.SpaceID(space), admin, labels
		return s
	}
	return []domain.Stack{
		stack("c", "Charlie", "root", true, "x"),
		stack("a", "alpha", "dev", false, "x", "y"),
		stack("b2", "Bravo", "dev", false),
		stack("b1", "bravo", "dev", true, "y"),
	}
}

func TestSearch(t *testing.T) {
	ptr := func(s string) *string { return &s }
	yes := true
	predicate := func(field string, exclude *bool, values ...string) *generated.QueryPredicate {
		return &generated.QueryPredicate{Field: field, Exclude: exclude, Constraint: &generated.QueryFieldConstraint{EnumEquals: values}}
	}
	flag := func(field string, v bool) *generated.QueryPredicate {
		return &generated.QueryPredicate{Field: field, Constraint: &generated.QueryFieldConstraint{BooleanEquals: []bool{v}}}
	}
	for name, tc := range map[string]struct {
		in   generated.SearchInput
		want string
	}{
		"everything, by name": {generated.SearchInput{}, "a b1 b2 c"},
		"descending":          {generated.SearchInput{OrderBy: &generated.QueryOrder{Field: "name", Direction: "DESC"}}, "c b1 b2 a"},
		"by a constant field": {generated.SearchInput{OrderBy: &generated.QueryOrder{Field: "starred", Direction: "DESC"}}, "a b1 b2 c"},
		"words":               {generated.SearchInput{FullTextSearch: ptr(" BRAV ")}, "b1 b2"},
		"all the words":       {generated.SearchInput{FullTextSearch: ptr("bravo y")}, "b1"},
		"any of the values":   {generated.SearchInput{Predicates: []*generated.QueryPredicate{predicate("label", nil, "x", "y")}}, "a b1 c"},
		"all the predicates":  {generated.SearchInput{Predicates: []*generated.QueryPredicate{predicate("labels", nil, "x"), predicate("space", nil, "dev")}}, "a"},
		"excluded":            {generated.SearchInput{Predicates: []*generated.QueryPredicate{predicate("space", &yes, "dev")}}, "c"},
		"flags":               {generated.SearchInput{Predicates: []*generated.QueryPredicate{flag("administrative", true), flag("locked", false)}}, "b1 c"},
	} {
		t.Run(name, func(t *testing.T) {
			edges, info, err := sample.page(searchStacks(t), tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if got := ids(edges); got != tc.want || info.HasNextPage || info.HasPreviousPage {
				t.Errorf("got %s, %v; want %s", got, info, tc.want)
			}
		})
	}
}

func ids(edges []edge[domain.Stack]) string {
	var out []string
	for _, e := range edges {
		out = append(out, string(e.node.ID))
	}
	return strings.Join(out, " ")
}

// Pages together are the whole, also when the last one seen has gone.
func TestSearchPages(t *testing.T) {
	list := searchStacks(t)
	for _, direction := range []string{"ASC", "DESC"} {
		in := generated.SearchInput{First: new(int), OrderBy: &generated.QueryOrder{Field: "space", Direction: direction}}
		for *in.First = 1; *in.First <= 5; *in.First++ {
			in.After = nil
			var seen []string
			for {
				edges, info, err := sample.page(list, in)
				if err != nil {
					t.Fatal(err)
				}
				seen = append(seen, strings.Fields(ids(edges))...)
				if info.HasPreviousPage != (in.After != nil) {
					t.Errorf("HasPreviousPage %v after %v", info.HasPreviousPage, in.After)
				}
				if !info.HasNextPage {
					break
				}
				in.After = info.EndCursor
			}
			want := []string{"a", "b1", "b2", "c"}
			if direction == "DESC" {
				want = []string{"c", "a", "b1", "b2"}
			}
			if diff := cmp.Diff(want, seen); diff != "" {
				t.Errorf("%s, %d a page: %s", direction, *in.First, diff)
			}
		}
	}
	one := 1
	first, info, err := sample.page(list, generated.SearchInput{First: &one})
	if err != nil || ids(first) != "a" {
		t.Fatalf("%v %v", first, err)
	}
	rest, _, err := sample.page(append(list[:1:1], list[2:]...), generated.SearchInput{After: info.EndCursor})
	if err != nil || ids(rest) != "b1 b2 c" {
		t.Errorf("after a deleted stack: %v %v", ids(rest), err)
	}
	none, info, err := sample.page(nil, generated.SearchInput{})
	if err != nil || len(none) != 0 || info.EndCursor != nil {
		t.Errorf("nothing: %v %v %v", none, info, err)
	}
}

func TestSearchRefusals(t *testing.T) {
	ptr := func(s string) *string { return &s }
	none := &generated.QueryFieldConstraint{}
	for name, in := range map[string]generated.SearchInput{
		"cursor":        {After: ptr("%")},
		"other cursor":  {After: ptr("YWJj")},
		"size":          {First: new(int)},
		"order":         {OrderBy: &generated.QueryOrder{Field: "nope", Direction: "ASC"}},
		"direction":     {OrderBy: &generated.QueryOrder{Field: "name", Direction: "up"}},
		"field":         {Predicates: []*generated.QueryPredicate{{Field: "nope", Constraint: none}}},
		"no constraint": {Predicates: []*generated.QueryPredicate{{Field: "name", Constraint: none}}},
	} {
		if _, _, err := sample.page(searchStacks(t), in); domain.ErrorCode(err) != domain.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
