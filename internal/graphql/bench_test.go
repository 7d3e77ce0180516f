package graphql

import (
	"fmt"
	"testing"
)

// BenchmarkStackList is the page that the CLI shows first: 50 stacks.
func BenchmarkStackList(b *testing.B) {
	w := newWorld(b)
	for i := range 50 {
		w.do("provider_stacks", "Create", vars{"input": stackInput(fmt.Sprintf("stack %d", i), "legacy"), "manageState": true})
	}
	b.ReportAllocs()
	for b.Loop() {
		w.do("spacectl_stacks", "Search", vars{"input": vars{"first": 50}})
	}
}
