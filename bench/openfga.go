package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"
	"github.com/openfga/language/pkg/go/transformer"
	"github.com/openfga/openfga/pkg/server"
	"github.com/openfga/openfga/pkg/server/config"
	"github.com/openfga/openfga/pkg/storage"
	"github.com/openfga/openfga/pkg/storage/memory"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
)

// loadOpenFGA runs the server in process over its memory datastore, which
// reads all tuples for each look-up.
func loadOpenFGA(w *world) (decide, error) {
	store := memory.New()
	return runOpenFGA(w, store, func(id string, tuples []*openfgav1.TupleKey) error {
		return store.Write(context.Background(), id, nil, tuples)
	})
}

// runOpenFGA starts the server and gives write all tuples, a hundred at once.
func runOpenFGA(w *world, ds storage.OpenFGADatastore, write func(store string, tuples []*openfgav1.TupleKey) error) (decide, error) {
	ctx := context.Background()
	s, err := server.NewServerWithOpts(openFGAOptions(ds)...)
	if err != nil {
		return nil, err
	}
	store, err := s.CreateStore(ctx, &openfgav1.CreateStoreRequest{Name: "airlock"})
	if err != nil {
		return nil, err
	}
	m, err := transformer.TransformDSLToProto(openFGAModel(w))
	if err != nil {
		return nil, err
	}
	model, err := s.WriteAuthorizationModel(ctx, &openfgav1.WriteAuthorizationModelRequest{
		StoreId: store.GetId(), SchemaVersion: m.GetSchemaVersion(), TypeDefinitions: m.GetTypeDefinitions(),
	})
	if err != nil {
		return nil, err
	}
	var tuples []*openfgav1.TupleKey
	for r := range w.relations() {
		user := r.subjectType + ":" + r.subject
		if r.set != "" {
			user += "#" + r.set
		}
		tuples = append(tuples, &openfgav1.TupleKey{Object: r.objectType + ":" + r.object, Relation: r.name, User: user})
	}
	for batch := range slices.Chunk(tuples, ds.MaxTuplesPerWrite()) {
		if err := write(store.GetId(), batch); err != nil {
			return nil, err
		}
	}
	return func(q worlds.Question) (bool, error) {
		answer, err := s.Check(ctx, &openfgav1.CheckRequest{
			StoreId: store.GetId(), AuthorizationModelId: model.GetAuthorizationModelId(),
			TupleKey: &openfgav1.CheckRequestTupleKey{User: "user:" + q.Subject.Actor.ID, Relation: identifier(q.Action.String()), Object: "space:" + q.Target.Space},
		})
		return answer.GetAllowed(), err
	}, nil
}

// openFGAOptions are the settings with which checks were fastest: the newer
// algorithm, which the server still has behind a flag, and the cache of parts
// of checks. The iterator cache made them slower.
func openFGAOptions(ds storage.OpenFGADatastore) []server.OpenFGAServiceV1Option {
	return []server.OpenFGAServiceV1Option{
		server.WithDatastore(ds),
		server.WithExperimentals(config.ExperimentalWeightedGraphCheck),
		server.WithCheckQueryCacheEnabled(true),
		server.WithCheckCacheLimit(1_000_000),
		server.WithCheckQueryCacheTTL(time.Hour),
		server.WithResolveNodeLimit(50), // a tree's depth down and up again is more than the usual 25
	}
}

func openFGAModel(w *world) string {
	var b strings.Builder
	b.WriteString("model\n  schema 1.1\ntype user\ntype group\n  relations\n    define member: [user]\ntype space\n  relations\n" +
		"    define parent: [space]\n    define inheriting: [space]\n")
	for _, r := range w.Roles {
		fmt.Fprintf(&b, "    define %s: [user, group#member]\n", roleRelation(r.Slug))
	}
	named := map[string]bool{}
	for _, p := range w.cascading() {
		named[p.name] = true
		fmt.Fprintf(&b, "    define %s: %s or %s from parent\n", p.name, strings.Join(p.roles, " or "), p.name)
	}
	reads := w.naming(func(s authz.ActionSet) bool { return s.Has(authz.ActionSpaceRead) })
	fmt.Fprintf(&b, "    define climb: %s or climb from inheriting\n", strings.Join(reads, " or "))
	b.WriteString("    define readable: reads or climb\n")
	for _, info := range authz.Actions() {
		id := identifier(info.Name)
		by := "by_" + id + " or "
		if !named["by_"+id] {
			by = ""
		}
		if info.Action == authz.ActionSpaceRead {
			by += "climb or "
		}
		fmt.Fprintf(&b, "    define tier_%s: at_%s and readable\n", id, info.Fallback)
		fmt.Fprintf(&b, "    define %s: %stier_%s\n", id, by, id)
	}
	return b.String()
}
