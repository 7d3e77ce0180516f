package main

import (
	"context"
	"slices"
	"strings"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"
	"github.com/openfga/openfga/pkg/storage"
	"github.com/openfga/openfga/pkg/storage/memory"
	"github.com/openfga/openfga/pkg/tuple"
)

// loadOpenFGAIndexed runs the same server over a datastore of ours that finds
// the tuples of an object, and those of a user, in maps.
func loadOpenFGAIndexed(w *world) (decide, error) {
	index := &tupleIndex{memory.New(), map[string][]*openfgav1.Tuple{}, map[string][]*openfgav1.Tuple{}, map[string]*openfgav1.Tuple{}}
	check, err := runOpenFGA(w, index, index.add)
	for _, list := range index.byUser {
		slices.SortFunc(list, func(a, b *openfgav1.Tuple) int {
			return strings.Compare(a.GetKey().GetObject(), b.GetKey().GetObject())
		})
	}
	return check, err
}

// tupleIndex answers what a check reads from maps, and is otherwise the
// datastore within.
type tupleIndex struct {
	storage.OpenFGADatastore
	byObject map[string][]*openfgav1.Tuple // by "object#relation"
	byUser   map[string][]*openfgav1.Tuple // by "user object-type#relation", by object
	exact    map[string]*openfgav1.Tuple
}

func (t *tupleIndex) add(_ string, keys []*openfgav1.TupleKey) error {
	for _, key := range keys {
		fact := &openfgav1.Tuple{Key: key}
		here := key.GetObject() + "#" + key.GetRelation()
		back := key.GetUser() + " " + tuple.GetType(key.GetObject()) + "#" + key.GetRelation()
		t.byObject[here] = append(t.byObject[here], fact)
		t.byUser[back] = append(t.byUser[back], fact)
		t.exact[here+"@"+key.GetUser()] = fact
	}
	return nil
}

// Read is asked for all users of a type.
func (t *tupleIndex) Read(_ context.Context, _ string, f storage.ReadFilter, _ storage.ReadOptions) (storage.TupleIterator, error) {
	var found []*openfgav1.Tuple
	for _, fact := range t.byObject[f.Object+"#"+f.Relation] {
		if f.User == "" || fact.GetKey().GetUser() == f.User || strings.HasSuffix(f.User, ":") && strings.HasPrefix(fact.GetKey().GetUser(), f.User) {
			found = append(found, fact)
		}
	}
	return storage.NewStaticTupleIterator(found), nil
}

func (t *tupleIndex) ReadUserTuple(_ context.Context, _ string, f storage.ReadUserTupleFilter, _ storage.ReadUserTupleOptions) (*openfgav1.Tuple, error) {
	if fact, ok := t.exact[f.Object+"#"+f.Relation+"@"+f.User]; ok {
		return fact, nil
	}
	return nil, storage.ErrNotFound
}

// ReadUsersetTuples is asked for groups; users are no sets.
func (t *tupleIndex) ReadUsersetTuples(_ context.Context, _ string, f storage.ReadUsersetTuplesFilter, _ storage.ReadUsersetTuplesOptions) (storage.TupleIterator, error) {
	var found []*openfgav1.Tuple
	for _, fact := range t.byObject[f.Object+"#"+f.Relation] {
		if strings.Contains(fact.GetKey().GetUser(), "#") {
			found = append(found, fact)
		}
	}
	return storage.NewStaticTupleIterator(found), nil
}

func (t *tupleIndex) ReadStartingWithUser(_ context.Context, _ string, f storage.ReadStartingWithUserFilter, _ storage.ReadStartingWithUserOptions) (storage.TupleIterator, error) {
	var found []*openfgav1.Tuple
	for _, user := range f.UserFilter {
		name := user.GetObject()
		if user.GetRelation() != "" {
			name += "#" + user.GetRelation()
		}
		for _, fact := range t.byUser[name+" "+f.ObjectType+"#"+f.Relation] {
			_, id := tuple.SplitObject(fact.GetKey().GetObject())
			if f.ObjectIDs == nil || f.ObjectIDs.Exists(id) {
				found = append(found, fact)
			}
		}
	}
	if len(f.UserFilter) > 1 {
		slices.SortFunc(found, func(a, b *openfgav1.Tuple) int {
			return strings.Compare(a.GetKey().GetObject(), b.GetKey().GetObject())
		})
	}
	return storage.NewStaticTupleIterator(found), nil
}
