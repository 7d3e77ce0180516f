package graphql

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/account"
	"github.com/airlock-project/airlock/internal/secrets"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// statements notes what a database is asked.
type statements struct {
	mu   sync.Mutex
	list []string
}

func (s *statements) asked(q string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, strings.Join(strings.Fields(q), " "))
}

// during returns what was asked while fn ran.
func (s *statements) during(fn func()) []string {
	s.mu.Lock()
	s.list = nil
	s.mu.Unlock()
	fn()
	return s.list
}

// TestPagesOfStacksCostTheSame asks for pages of stacks as the known clients
// do: however many stacks, spaces, runs and pools there are, the number of SQL
// statements is the same.
func TestPagesOfStacksCostTheSame(t *testing.T) {
	for _, d := range storetest.Databases {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			var asked statements
			db, err := store.Open(t.Context(), d.URL(t), store.Options{Sealer: secrets.NewBox(secrets.NewKey()), IDs: testIDs{}, Now: time.Now, Asked: asked.asked})
			must(t, err)
			t.Cleanup(func() { _ = db.Close() })
			gate := access.NewGate()
			var first account.Secrets
			_, err = account.Create(context.Background(), store.Bind[account.Tx](db), gate, testIDs{}, func(s account.Secrets) error { first = s; return nil })
			must(t, err)
			w := worldOver(t, realResolver(t, db, gate, testIDs{}, time.Now), string(first.AdminKeyID))
			reader := w.do("provider_apikeys", "Create", vars{"input": vars{"admin": false, "name": "reader", "teams": []any{}}})
			role := w.do("provider_roles", "Create", vars{"input": vars{"name": "Reader", "actions": []any{"SPACE_READ"}}})

			n := 0
			grow := func(spaces int) {
				for range spaces {
					n++
					space := id(w.do("provider_spaces", "Create", vars{"input": vars{"name": fmt.Sprint("space ", n), "description": "", "inheritEntities": false, "parentSpace": "root"}}))
					w.do("provider_bindings", "CreateOfKey", vars{"input": vars{"apiKeyID": id(reader), "roleID": id(role), "spaceID": space}})
					for i := range 2 {
						in := with(stackInput(fmt.Sprint("stack ", n, " ", i), space), "labels", []any{"x"})
						stack := id(w.do("provider_stacks", "Create", vars{"input": in, "manageState": true}))
						if a := w.query(`mutation($s:ID!){runTrigger(stack:$s){id}}`, vars{"s": stack}); len(a.Errors) > 0 {
							t.Fatal(a.raw)
						}
					}
				}
			}
			grow(2)
			before := pagesAsked(t, &asked, w, w.as(id(reader)))
			grow(20)
			after := pagesAsked(t, &asked, w, w.as(id(reader)))
			for name, list := range after {
				if diff := cmp.Diff(before[name], list); diff != "" {
					t.Errorf("%s costs %d statements, with fewer stacks it cost %d: %s", name, len(list), len(before[name]), diff)
				}
				if len(list) > 20 {
					t.Errorf("%s costs %d statements:\n%s", name, len(list), strings.Join(list, "\n"))
				}
			}
		})
	}
}

// pagesAsked are the statements of every kind of page.
func pagesAsked(t *testing.T, asked *statements, admin, reader *world) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for who, w := range map[string]*world{"admin": admin, "reader": reader} {
		for name, in := range map[string]vars{
			"by name": {}, "by branch": {"orderBy": vars{"field": "branch", "direction": "DESC"}},
			"label": {"predicates": []any{vars{"field": "label", "constraint": vars{"stringMatches": []any{"x"}}}}},
			"words": {"fullTextSearch": "stack"},
		} {
			for _, client := range []string{"spacectl_stacks", "provider_stacks"} {
				w.run(client, "Search", vars{"input": in}) // catches up with the access model
				list := asked.during(func() {
					if a := w.run(client, "Search", vars{"input": in}); len(a.Errors) > 0 || !strings.Contains(a.raw, `"id":"stack-`) {
						t.Error(a.raw)
					}
				})
				out[who+" "+client+" "+name] = slices.Sorted(slices.Values(list))
			}
		}
		w.run("backstage", "GetStacks", nil)
		versions := `{stacks{id effectiveTerraformVersion}}`
		w.query(versions, nil)
		out[who+" versions"] = slices.Sorted(slices.Values(asked.during(func() { w.query(versions, nil) })))
		out[who+" backstage"] = slices.Sorted(slices.Values(asked.during(func() { w.run("backstage", "GetStacks", nil) })))
	}
	return out
}
