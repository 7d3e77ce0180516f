package graphql

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
)

// Page sizes of searches.
const (
	defaultPage = 50
	maxPage     = 100
)

// searchable says how values of T are searched: by fields, each with any
// number of values, and by words. Every search works on what the caller may
// list, so that nothing can be guessed by searching.
type searchable[T any] struct {
	id     func(T) string
	words  func(T) []string
	fields map[string]func(T) []string
}

// sortableTime is a time whose order as a text is its order.
func sortableTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000000") }

// edge is one value of a page with its position.
type edge[T any] struct {
	cursor string
	node   T
}

// page filters, sorts and cuts a list.
func (s searchable[T]) page(list []T, in generated.SearchInput) ([]edge[T], *generated.PageInfo, error) {
	size, err := pageSize(in.First)
	if err != nil {
		return nil, nil, err
	}
	matches, err := s.matcher(in)
	if err != nil {
		return nil, nil, err
	}
	key, descending, err := s.order(in.OrderBy)
	if err != nil {
		return nil, nil, err
	}
	compare := func(a, b position) int {
		c := cmp.Compare(a.key, b.key)
		if descending {
			c = -c
		}
		return cmp.Or(c, cmp.Compare(a.id, b.id))
	}
	after, err := parseCursor(text(in.After))
	if err != nil {
		return nil, nil, err
	}
	rows := s.rows(list, matches, key)
	slices.SortFunc(rows, func(a, b row[T]) int { return compare(a.at, b.at) })
	if after != nil {
		rows = slices.DeleteFunc(rows, func(r row[T]) bool { return compare(r.at, *after) <= 0 })
	}
	info := &generated.PageInfo{HasNextPage: len(rows) > size, HasPreviousPage: after != nil}
	out := make([]edge[T], 0, min(size, len(rows)))
	for _, r := range rows[:min(size, len(rows))] {
		out = append(out, edge[T]{r.at.cursor(), r.value})
	}
	if len(out) > 0 {
		info.EndCursor = view.Optional(out[len(out)-1].cursor)
	}
	return out, info, nil
}

// position is where a value stands in the order of a search.
type position struct{ key, id string }

func (p position) cursor() string {
	return base64.RawURLEncoding.EncodeToString([]byte(p.key + "\x00" + p.id))
}

func parseCursor(s string) (*position, error) {
	if s == "" {
		return nil, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	cut := strings.LastIndexByte(string(raw), 0)
	if err != nil || cut < 0 {
		return nil, domain.ErrCursor()
	}
	return &position{string(raw[:cut]), string(raw[cut+1:])}, nil
}

type row[T any] struct {
	at    position
	value T
}

func (s searchable[T]) rows(list []T, matches func(T) bool, key func(T) string) []row[T] {
	var out []row[T]
	for _, v := range list {
		if matches(v) {
			out = append(out, row[T]{position{key(v), s.id(v)}, v})
		}
	}
	return out
}

func pageSize(first *int) (int, error) {
	switch {
	case first == nil:
		return defaultPage, nil
	case *first < 1:
		return 0, domain.Invalid("first", "must be at least 1")
	default:
		return min(*first, maxPage), nil
	}
}

// order returns the sort key of a search, by name if none is asked for.
func (s searchable[T]) order(by *generated.QueryOrder) (key func(T) string, descending bool, err error) {
	name := "name"
	if by != nil {
		name = by.Field
		if descending, err = isDescending(by); err != nil {
			return nil, false, err
		}
	}
	values, known := s.fields[name]
	if !known {
		return nil, false, domain.UnknownField("orderBy", name, s.fields)
	}
	return func(v T) string {
		if list := values(v); len(list) > 0 {
			return domain.NameKey(list[0])
		}
		return ""
	}, descending, nil
}

func isDescending(by *generated.QueryOrder) (bool, error) {
	switch strings.ToUpper(by.Direction) {
	case "ASC":
		return false, nil
	case "DESC":
		return true, nil
	default:
		return false, domain.Invalid("orderBy", "direction must be ASC or DESC")
	}
}

// matcher combines the words and all predicates of a search.
func (s searchable[T]) matcher(in generated.SearchInput) (func(T) bool, error) {
	var tests []func(T) bool
	for _, p := range in.Predicates {
		test, err := s.predicate(p)
		if err != nil {
			return nil, err
		}
		tests = append(tests, test)
	}
	for _, word := range strings.Fields(domain.NameKey(text(in.FullTextSearch))) {
		tests = append(tests, func(v T) bool {
			return slices.ContainsFunc(s.words(v), func(t string) bool { return strings.Contains(domain.NameKey(t), word) })
		})
	}
	return func(v T) bool {
		return !slices.ContainsFunc(tests, func(test func(T) bool) bool { return !test(v) })
	}, nil
}

func (s searchable[T]) predicate(p *generated.QueryPredicate) (func(T) bool, error) {
	values, known := s.fields[p.Field]
	if !known {
		return nil, domain.UnknownField("predicates", p.Field, s.fields)
	}
	list, err := constraintValues(p)
	if err != nil {
		return nil, err
	}
	wanted := make(map[string]bool, len(list))
	for _, w := range list {
		wanted[w] = true
	}
	return func(v T) bool {
		found := slices.ContainsFunc(values(v), func(have string) bool { return wanted[have] })
		return found != isTrue(p.Exclude)
	}, nil
}

// constraintValues are the values that a constraint names; truth values are
// spelled out.
func constraintValues(p *generated.QueryPredicate) ([]string, error) {
	values := slices.Concat(p.Constraint.StringMatches, p.Constraint.EnumEquals)
	for _, v := range p.Constraint.BooleanEquals {
		values = append(values, strconv.FormatBool(v))
	}
	if len(values) == 0 {
		return nil, domain.Invalid("predicates", "the constraint on %q names no value", p.Field)
	}
	return values, nil
}
