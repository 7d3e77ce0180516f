package main

import (
	"context"
	"fmt"
	"iter"
	"strings"

	caveattypes "github.com/authzed/spicedb/pkg/caveats/types"
	stores "github.com/authzed/spicedb/pkg/cmd/datastore"
	"github.com/authzed/spicedb/pkg/datalayer"
	"github.com/authzed/spicedb/pkg/datastore"
	"github.com/authzed/spicedb/pkg/datastore/options"
	"github.com/authzed/spicedb/pkg/embedded"
	"github.com/authzed/spicedb/pkg/tuple"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
)

// loadSpiceDB runs the engine through the package that its authors offer for
// embedding (no network, no gRPC, the schema cached) over its memory
// datastore, which reads all relationships of a kind for each look-up.
func loadSpiceDB(w *world) (decide, error) {
	store, err := spiceStore(w)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	_, err = store.ReadWriteTx(ctx, func(ctx context.Context, tx datastore.ReadWriteTransaction) error {
		next, stop := iter.Pull(w.relations())
		defer stop()
		_, err := tx.BulkLoad(ctx, spiceSource(next))
		return err
	})
	if err != nil {
		return nil, err
	}
	return askSpiceDB(store)
}

// loadSpiceDBIndexed runs the same engine over a datastore of ours that finds
// the relationships of an object in a map.
func loadSpiceDBIndexed(w *world) (decide, error) {
	store, err := spiceStore(w)
	if err != nil {
		return nil, err
	}
	indexed := spiceIndex{store, map[tuple.ObjectAndRelation][]tuple.Relationship{}}
	for r := range w.relations() {
		fact := spiceRelationship(r)
		indexed.facts[fact.Resource] = append(indexed.facts[fact.Resource], fact)
	}
	return askSpiceDB(indexed)
}

// spiceStore returns a memory datastore that has the schema.
func spiceStore(w *world) (datastore.Datastore, error) {
	schema := "schema: |-\n  " + strings.ReplaceAll(spiceSchema(w), "\n", "\n  ") + "\n"
	return stores.NewDatastore(context.Background(),
		stores.DefaultDatastoreConfig().ToOption(),
		stores.SetBootstrapFileContents(map[string][]byte{"airlock.yaml": []byte(schema)}),
		stores.WithCaveatTypeSet(caveattypes.Default.TypeSet),
		stores.WithBootstrapSchemaMode(datalayer.SchemaModeReadNewWriteNew))
}

func askSpiceDB(store datastore.Datastore) (decide, error) {
	engine, err := embedded.NewPermissions(embedded.Config{
		Datastore: store, SchemaMode: datalayer.SchemaModeReadNewWriteNew, SchemaCacheMaxCostBytes: 16 << 20,
	})
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	return func(q worlds.Question) (bool, error) {
		answer, err := engine.Check(ctx, embedded.CheckRequest{
			ResourceType: "space", ResourceID: q.Target.Space, Permission: identifier(q.Action.String()), SubjectType: "user", SubjectID: q.Subject.Actor.ID,
		})
		return answer.HasPermission, err
	}, nil
}

func spiceRelationship(r relation) tuple.Relationship {
	set := r.set
	if set == "" {
		set = tuple.Ellipsis
	}
	return tuple.Relationship{RelationshipReference: tuple.RelationshipReference{
		Resource: tuple.ONR(r.objectType, r.object, r.name), Subject: tuple.ONR(r.subjectType, r.subject, set),
	}}
}

// spiceSource hands over relations one by one.
type spiceSource func() (relation, bool)

func (next spiceSource) Next(context.Context) (*tuple.Relationship, error) {
	r, ok := next()
	if !ok {
		return nil, nil
	}
	fact := spiceRelationship(r)
	return &fact, nil
}

// spiceIndex answers what a check reads from a map, and is otherwise the
// datastore within.
type spiceIndex struct {
	datastore.Datastore
	facts map[tuple.ObjectAndRelation][]tuple.Relationship
}

func (s spiceIndex) SnapshotReader(at datastore.Revision) datastore.Reader {
	return spiceReader{s.Datastore.SnapshotReader(at), s.facts}
}

type spiceReader struct {
	datastore.Reader
	facts map[tuple.ObjectAndRelation][]tuple.Relationship
}

func (r spiceReader) QueryRelationships(_ context.Context, f datastore.RelationshipsFilter, _ ...options.QueryOptionsOption) (datastore.RelationshipIterator, error) {
	return func(yield func(tuple.Relationship, error) bool) {
		for _, id := range f.OptionalResourceIds {
			for _, fact := range r.facts[tuple.ONR(f.OptionalResourceType, id, f.OptionalResourceRelation)] {
				if f.Test(fact) && !yield(fact, nil) {
					return
				}
			}
		}
	}, nil
}

func spiceSchema(w *world) string {
	var b strings.Builder
	b.WriteString("definition user {}\ndefinition group {\n  relation member: user\n}\ndefinition space {\n" +
		"  relation parent: space\n  relation inheriting: space\n")
	for _, r := range w.Roles {
		fmt.Fprintf(&b, "  relation %s: user | group#member\n", roleRelation(r.Slug))
	}
	named := map[string]bool{}
	for _, p := range w.cascading() {
		named[p.name] = true
		fmt.Fprintf(&b, "  permission %s = %s + parent->%s\n", p.name, strings.Join(p.roles, " + "), p.name)
	}
	reads := w.naming(func(s authz.ActionSet) bool { return s.Has(authz.ActionSpaceRead) })
	fmt.Fprintf(&b, "  permission climb = %s + inheriting->climb\n", strings.Join(reads, " + "))
	b.WriteString("  permission readable = reads + climb\n")
	for _, info := range authz.Actions() {
		id := identifier(info.Name)
		by := "by_" + id + " + "
		if !named["by_"+id] {
			by = ""
		}
		if info.Action == authz.ActionSpaceRead {
			by += "climb + "
		}
		fmt.Fprintf(&b, "  permission %s = %s(at_%s & readable)\n", id, by, info.Fallback)
	}
	b.WriteString("}\n")
	return b.String()
}
