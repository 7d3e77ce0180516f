package authz_test

import (
	"sync"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
)

// The benchmarks of paths speak of worlds.SizePaths: 10,000 stacks, 2,000 users
// and keys, 50,000 bindings, 1,000 contexts.

type pathsWorld struct {
	world    authz.World
	estate   authz.Estate
	snapshot *authz.Snapshot
}

var worldOfPaths = sync.OnceValue(func() (p pathsWorld) {
	p.world, p.estate = worlds.Estate(worlds.SizePaths)
	s, err := authz.Compile(p.world)
	if err != nil {
		panic(err)
	}
	p.snapshot = s
	return p
})

var pathQuestions = []struct {
	name string
	goal authz.Goal
	o    authz.PathOptions
}{
	{"root-admin", authz.Goal{Target: authz.Target{Space: authz.RootSpace}, Role: authz.RoleSpaceAdmin}, authz.PathOptions{}},
	{"root-admin-enforce", authz.Goal{Target: authz.Target{Space: authz.RootSpace}, Role: authz.RoleSpaceAdmin}, authz.PathOptions{ActAs: authz.ActAsEnforce}},
	{"account", authz.Goal{Account: true}, authz.PathOptions{}},
	{"root-read", authz.Goal{Target: authz.Target{Space: authz.RootSpace}, Action: authz.ActionSpaceRead}, authz.PathOptions{}},
	{"root-admin-100", authz.Goal{Target: authz.Target{Space: authz.RootSpace}, Role: authz.RoleSpaceAdmin}, authz.PathOptions{Limit: 100}},
}

// BenchmarkPathsCold is the first answer about a snapshot.
func BenchmarkPathsCold(b *testing.B) {
	w := worldOfPaths()
	b.ReportAllocs()
	b.ResetTimer()
	medians(b, 1, func(int) { findPaths(b, prepare(b, w), pathQuestions[0].goal, pathQuestions[0].o) })
}

func prepare(b *testing.B, w pathsWorld) *authz.Analysis {
	a, err := w.snapshot.Analysis(w.estate, worlds.Now)
	if err != nil {
		b.Fatal(err)
	}
	return a
}

func findPaths(b *testing.B, a *authz.Analysis, g authz.Goal, o authz.PathOptions) authz.Paths {
	p, err := a.Paths(g, o)
	if err != nil || p.Actors == 0 {
		b.Fatal(err, p.Actors)
	}
	return p
}

// BenchmarkPathsWarm is any further answer.
func BenchmarkPathsWarm(b *testing.B) {
	w := worldOfPaths()
	a := prepare(b, w)
	for _, q := range pathQuestions {
		b.Run(q.name, func(b *testing.B) {
			b.ReportAllocs()
			medians(b, 1, func(int) { findPaths(b, a, q.goal, q.o) })
			p := findPaths(b, a, q.goal, q.o)
			hops := 0
			for _, path := range p.List {
				hops += len(path.Hops)
			}
			b.ReportMetric(float64(p.Actors), "actors")
			b.ReportMetric(float64(hops)/float64(len(p.List)), "hops/path")
		})
	}
}
