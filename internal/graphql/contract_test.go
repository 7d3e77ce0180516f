package graphql

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/airlock-project/airlock/internal/graphql/generated"
)

var update = flag.Bool("update", false, "rewrite contract/notyet.txt")

// ceilings are how many entries of contract/notyet.txt each client still
// misses, and how many there are in all. They must be exact, so that a change
// shows in review, and may only be lowered.
var ceilings = map[string]int{
	"all":       460,
	"backstage": 0,
	"provider":  126,
	"spacectl":  56,
}

// TestContract compares our schema with the one that the public clients speak
// (contract/schema.graphql). What is missing stands in contract/notyet.txt;
// what is there must accept the clients' documents and answer what they read.
func TestContract(t *testing.T) {
	missing, wrong := compareSchemas(contractSchema(t), ourSchema())
	for _, w := range wrong {
		t.Error(w)
	}
	listed := readNotYet(t)
	if *update {
		listed = writeNotYet(t, missing, listed)
	}
	for _, entry := range missing {
		if _, ok := listed[entry.what]; !ok {
			t.Errorf("%s is in the contract but neither in our schema nor in contract/notyet.txt", entry.what)
		}
	}
	for what := range listed {
		if !slices.ContainsFunc(missing, func(e notYet) bool { return e.what == what }) {
			t.Errorf("%s exists now (or is not in the contract): remove it from contract/notyet.txt", what)
		}
	}
	if diff := cmp.Diff(ceilings, countNotYet(listed)); diff != "" {
		t.Errorf("the ceilings of this test are not the counts of contract/notyet.txt (-ceiling +count):\n%s", diff)
	}
}

// notYet is one entry of the list: a part of the contract and the clients
// that use it, as far as known.
type notYet struct {
	what    string
	clients []string
}

func countNotYet(listed map[string][]string) map[string]int {
	counts := map[string]int{"all": len(listed), "backstage": 0, "provider": 0, "spacectl": 0}
	for _, clients := range listed {
		for _, c := range clients {
			if _, counted := counts[c]; counted {
				counts[c]++
			}
		}
	}
	return counts
}

const notYetHeader = `# Parts of the contract that Airlock does not have yet, each with the clients
# that use it, as far as known. A line "type X" stands for all members of X.
# Remove a line when its part exists; "go test ./internal/graphql -run Contract
# -update" writes the list anew and keeps the clients noted here.
`

func readNotYet(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("contract/notyet.txt")
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	listed := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		what, clients, _ := strings.Cut(line, "\t")
		if _, twice := listed[what]; twice {
			t.Errorf("contract/notyet.txt lists %s twice", what)
		}
		listed[what] = nil
		if clients != "" {
			listed[what] = strings.Split(clients, ",")
		}
	}
	return listed
}

func writeNotYet(t *testing.T, missing []notYet, old map[string][]string) map[string][]string {
	t.Helper()
	listed := map[string][]string{}
	var b strings.Builder
	b.WriteString(notYetHeader)
	for _, e := range missing {
		clients := e.clients
		if len(clients) == 0 {
			clients = old[e.what]
		}
		listed[e.what] = clients
		b.WriteString(e.what)
		if len(clients) > 0 {
			b.WriteString("\t" + strings.Join(clients, ","))
		}
		b.WriteString("\n")
	}
	if err := os.WriteFile("contract/notyet.txt", []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return listed
}

func contractSchema(t *testing.T) *ast.Schema {
	t.Helper()
	text, err := os.ReadFile("contract/schema.graphql")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "contract/schema.graphql", Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func ourSchema() *ast.Schema {
	return generated.NewExecutableSchema(generated.Config{Resolvers: &Resolver{}}).Schema()
}
