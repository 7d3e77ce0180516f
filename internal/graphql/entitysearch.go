package graphql

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
)

// entitySearch is a search for entities in the words of the API. Its order is
// left out.
func entitySearch(in generated.SearchInput) (q domain.EntitySearch, err error) {
	if q.Size, err = pageSize(in.First); err != nil {
		return q, err
	}
	for _, p := range in.Predicates {
		field, err := domain.ParseEntityField("predicates", p.Field)
		if err != nil {
			return q, err
		}
		values, err := constraintValues(p)
		if err != nil {
			return q, err
		}
		q.Predicates = append(q.Predicates, domain.EntityPredicate{Field: field, Values: values, Exclude: isTrue(p.Exclude)})
	}
	q.Words = strings.Fields(strings.ToLower(text(in.FullTextSearch)))
	return q, nil
}

// searchEntities answers one page of entities.
func (r *Resolver) searchEntities(ctx context.Context, in generated.SearchInput) (*generated.SearchManagedEntitiesOutput, error) {
	q, err := entitySearch(in)
	if err != nil {
		return nil, err
	}
	if by := in.OrderBy; by != nil {
		if q.Order, err = domain.ParseEntityField("orderBy", by.Field); err != nil {
			return nil, err
		}
		if q.Descending, err = isDescending(by); err != nil {
			return nil, err
		}
	}
	after, err := parseCursor(text(in.After))
	if err != nil {
		return nil, err
	}
	if after != nil {
		q.After = &domain.SearchPosition{Key: after.key, ID: after.id}
	}
	page, err := r.Stacks.SearchEntities(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &generated.SearchManagedEntitiesOutput{PageInfo: &generated.PageInfo{HasNextPage: page.More, HasPreviousPage: after != nil}}
	look := r.entityLookup(ctx)
	for _, hit := range page.Hits {
		cursor := position{hit.At.Key, hit.At.ID}.cursor()
		node := &view.ManagedEntity{ManagedEntity: hit.ManagedEntity, StackTitle: hit.StackName, Details: look(hit.ManagedEntity)}
		out.Edges = append(out.Edges, &generated.SearchManagedEntitiesEdge{Cursor: cursor, Node: node})
		out.PageInfo.EndCursor = view.Optional(cursor)
	}
	return out, nil
}

// entityLookup looks up the details of entities of a page when they are asked
// for, each stack's once. Of what its stack no longer holds no values are told.
func (r *Resolver) entityLookup(ctx context.Context) func(domain.ManagedEntity) func() (view.EntityDetails, error) {
	type details = map[string]view.EntityDetails
	stacks := map[domain.StackID]func() (details, error){}
	return func(e domain.ManagedEntity) func() (view.EntityDetails, error) {
		all, known := stacks[e.Stack]
		if !known {
			all = sync.OnceValues(func() (details, error) {
				list, err := r.Stacks.Entities(ctx, e.Stack)
				if domain.ErrorCode(err) == domain.CodeNotFound {
					return nil, nil // deleted meanwhile
				}
				out := make(details, len(list))
				for _, one := range list {
					out[one.Address] = entityDetails(one)
				}
				return out, err
			})
			stacks[e.Stack] = all
		}
		return func() (view.EntityDetails, error) {
			found, err := all()
			d, ok := found[e.Address]
			if !ok {
				e.Sensitive, e.Values = true, "{}"
				d = view.EntityDetails{ManagedEntity: e}
			}
			return d, err
		}
	}
}

// countEntities answers one page of groups.
func (r *Resolver) countEntities(ctx context.Context, in generated.SearchInput, by domain.EntityField) ([]edge[domain.EntityGroup], *generated.PageInfo, error) {
	q, err := entitySearch(in)
	if err != nil {
		return nil, nil, err
	}
	groups, err := r.Stacks.CountEntities(ctx, q, by)
	if err != nil {
		return nil, nil, err
	}
	in.Predicates, in.FullTextSearch = nil, nil // they were about entities
	return searchableGroups.page(groups, in)
}

var searchableGroups = searchable[domain.EntityGroup]{
	id:    func(g domain.EntityGroup) string { return g.Value },
	words: func(domain.EntityGroup) []string { return nil },
	fields: map[string]func(domain.EntityGroup) []string{
		"name":  func(g domain.EntityGroup) []string { return []string{g.StackName + g.Value} },
		"id":    func(g domain.EntityGroup) []string { return []string{g.Value} },
		"count": func(g domain.EntityGroup) []string { return []string{fmt.Sprintf("%012d", g.Count)} },
	},
}

func newEntityGroup(g domain.EntityGroup) *generated.ManagedEntityGroup {
	return &generated.ManagedEntityGroup{ID: g.Value, Count: &g.Count, StackName: view.Optional(g.StackName)}
}
