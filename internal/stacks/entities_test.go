package stacks_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/stacks"
	"github.com/airlock-project/airlock/internal/store"
)

// version stores a state as a run writes it: resources a and b with ids, and an
// output that is secret.
func (b bench) version(t *testing.T, id domain.StackID, run domain.RunID, serial int64, resources ...string) {
	t.Helper()
	body := fmt.Sprintf(`{"version":4,"outputs":{"o":{"value":"canary","sensitive":true}},"resources":[%s]}`, strings.Join(resources, ","))
	b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		p = p.For(access.KindState)
		v := domain.StateVersion{ID: domain.StateVersionID(b.IDs.ULID()), StackID: id, RunID: run, Serial: serial, CreatedAt: tx.Now()}
		if err := tx.InsertState(ctx, p, v, []byte(body)); err != nil {
			return err
		}
		entities, err := domain.ReadEntities([]byte(body), false)
		if err != nil {
			return err
		}
		return tx.SetManagedEntities(ctx, p, id, run, entities)
	})
}

func resource(name, value string) string {
	return fmt.Sprintf(`{"mode":"managed","type":"t","name":%q,"provider":"provider[\"example.com/a/t\"]","instances":[{"attributes":{"id":%q,"key":"canary"},
		"sensitive_attributes":[[{"type":"get_attr","value":"key"}]]}]}`, name, value)
}

func TestEntities(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		get := func(who string) []stacks.EntityView {
			t.Helper()
			out, err := b.Entities(b.As(t, who), "k2")
			if err != nil {
				t.Fatalf("%s: %v", who, err)
			}
			return out
		}
		if got := get("ann"); len(got) != 0 {
			t.Errorf("without a state: %+v", got)
		}
		first := b.Run(t, "k2", domain.RunFinished)
		b.version(t, "k2", first.ID, 1, resource("a", "1"), resource("b", "1"), resource("c", "1"))
		b.Clock.Advance(time.Hour)
		second := b.Run(t, "k2", domain.RunFinished)
		b.version(t, "k2", second.ID, 2, resource("a", "1"), resource("b", "2"), resource("d", "1"))
		said := ""
		for _, e := range get("will") {
			said += fmt.Sprintf("%s %s %s|", e.Address, e.Creator.ID, e.Updater.ID)
			if strings.Contains(e.Values, "canary") || strings.Contains(e.Values, `"1"`) || e.Stack != "k2" {
				t.Errorf("%+v", e)
			}
		}
		want := fmt.Sprintf("output.o %[1]s %[1]s|t.a %[1]s %[1]s|t.b %[1]s %[2]s|t.d %[2]s %[2]s|", first.ID, second.ID)
		if said != want {
			t.Errorf("got  %s\nwant %s", said, want)
		}

		// The stack's toggle shows what is not marked as sensitive, at once.
		b.Allowed(t, b.update(t, "ann", "k2", func(s *domain.StackSettings) {
			s.Vendor = domain.Vendor{OpenTofu: &domain.TofuVendor{SmartSanitization: true}}
		}))
		if v := get("will")[1].Values; v != `{"id":"1","key":"(not shown)"}` {
			t.Errorf("values %s", v)
		}

		// By name: the stack, and not its runs.
		b.Role(t, "by-name", authz.ActionStackRead)
		b.AddKey(t, "by-name")
		b.Bind(t, "by-name", "by-name", "dev")
		if got := get("by-name"); len(got) != 4 || got[1].Creator != nil || got[1].Updater != nil {
			t.Errorf("by name: %+v", got)
		}
		_, err := b.Entities(b.As(t, "rita"), "k2")
		wantCode(t, err, domain.CodeNotFound)
	})
}

// TestEntitiesOfAForeignState: what the last run has told of them, and of
// outputs the values that are no secrets.
func TestEntitiesOfAForeignState(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "own", "dev", func(s *domain.Stack) { s.ManagesState = false })
		if got, err := b.Entities(b.As(t, "ann"), "own"); err != nil || len(got) != 0 {
			t.Errorf("before any run: %+v, %v", got, err)
		}
		run := b.Run(t, "own", domain.RunFinished)
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			p = p.For(access.KindState)
			if err := tx.SetOutputs(ctx, p, "own", []domain.Output{{Name: "o", Value: `"v"`}, {Name: "s", Sensitive: true}}); err != nil {
				return err
			}
			return tx.SetManagedEntities(ctx, p, "own", run.ID, []domain.ManagedEntity{
				{Address: "output.gone", Type: "output", Name: "gone", Output: true}, {Address: "output.o", Type: "output", Name: "o", Output: true},
				{Address: "output.s", Type: "output", Name: "s", Output: true}, {Address: "t.a", Type: "t", Name: "a", Provider: "example.com/a/t", Print: "p"},
			})
		})
		got, err := b.Entities(b.As(t, "ann"), "own")
		if err != nil {
			t.Fatal(err)
		}
		said := ""
		for _, e := range got {
			said += fmt.Sprintf("%s %s %t %s|", e.Address, e.Values, e.Sensitive, e.Provider)
			if e.Creator == nil || e.Updater.ID != run.ID || e.Stack != "own" {
				t.Errorf("%+v", e)
			}
		}
		if want := `output.gone  true |output.o "v" false |output.s  true |t.a {} false example.com/a/t|`; said != want {
			t.Errorf("got  %s\nwant %s", said, want)
		}
		_, err = b.Entities(b.As(t, "rita"), "own")
		wantCode(t, err, domain.CodeNotFound)
	})
}

// TestSearchEntities: over the stacks that the caller lists, and no others.
func TestSearchEntities(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "hidden", "prod", nil)
		for _, id := range []domain.StackID{"k2", "hidden"} {
			run := b.Run(t, id, domain.RunFinished)
			b.version(t, id, run.ID, 1, resource("b", "1"), resource("a", "1"), strings.Replace(resource("c", "1"), `"type":"t"`, `"type":"other"`, 1))
			b.Clock.Advance(time.Hour)
		}
		search := func(who string, q domain.EntitySearch) string {
			t.Helper()
			q.Size = 3
			var said []string
			for range 5 {
				page, err := b.SearchEntities(b.As(t, who), q)
				if err != nil {
					t.Fatalf("%s %+v: %v", who, q, err)
				}
				for _, h := range page.Hits {
					if h.Values != "" || h.Print != "" || h.StackName == "" {
						t.Errorf("told %+v", h)
					}
					said = append(said, string(h.Stack)+"/"+h.Address)
					q.After = &h.At
				}
				if !page.More {
					break
				}
			}
			return strings.Join(said, " ")
		}
		is := func(f domain.EntityField, values ...string) domain.EntitySearch {
			return domain.EntitySearch{Predicates: []domain.EntityPredicate{{Field: f, Values: values}}}
		}
		not := is(domain.EntityFieldType, "t", "output")
		not.Predicates[0].Exclude = true
		for name, c := range map[string]struct {
			who  string
			q    domain.EntitySearch
			want string
		}{
			"everything":  {"root-admin", domain.EntitySearch{}, "hidden/other.c k2/other.c hidden/output.o k2/output.o hidden/t.a k2/t.a hidden/t.b k2/t.b"},
			"his own":     {"will", domain.EntitySearch{}, "k2/other.c k2/output.o k2/t.a k2/t.b"},
			"nobody's":    {"nobody", domain.EntitySearch{}, ""},
			"descending":  {"will", domain.EntitySearch{Descending: true}, "k2/t.b k2/t.a k2/output.o k2/other.c"},
			"by type":     {"will", domain.EntitySearch{Order: domain.EntityFieldType}, "k2/other.c k2/output.o k2/t.a k2/t.b"},
			"newest":      {"root-admin", domain.EntitySearch{Order: domain.EntityFieldUpdatedAt, Descending: true, Words: []string{"t.a"}}, "hidden/t.a k2/t.a"},
			"outputs":     {"will", is(domain.EntityFieldOutput, "true"), "k2/output.o"},
			"flag first":  {"will", domain.EntitySearch{Order: domain.EntityFieldOutput}, "k2/other.c k2/t.a k2/t.b k2/output.o"},
			"type":        {"will", is(domain.EntityFieldType, "other"), "k2/other.c"},
			"not a type":  {"will", not, "k2/other.c"},
			"a stack":     {"root-admin", is(domain.EntityFieldStack, "hidden"), "hidden/other.c hidden/output.o hidden/t.a hidden/t.b"},
			"not shown":   {"will", is(domain.EntityFieldStack, "hidden"), ""},
			"words":       {"will", domain.EntitySearch{Words: []string{"example.com", "t.b"}}, "k2/t.b"},
			"no such":     {"will", domain.EntitySearch{Words: []string{"%"}}, ""},
			"impossible":  {"will", domain.EntitySearch{Words: []string{"\x00"}}, ""},
			"order alone": {"will", is(domain.EntityFieldUpdatedAt, "1"), ""},
		} {
			if got := search(c.who, c.q); got != c.want {
				t.Errorf("%s: got  %s\nwant %s", name, got, c.want)
			}
		}
		b.countEntities(t)
		for _, at := range []domain.SearchPosition{{Key: "x"}, {Key: "\x00"}} {
			_, err := b.SearchEntities(b.As(t, "will"), domain.EntitySearch{Size: 1, Order: domain.EntityFieldUpdatedAt, After: &at})
			wantCode(t, err, domain.CodeInvalid)
		}
	})
}

func (b bench) countEntities(t *testing.T) {
	t.Helper()
	for by, want := range map[domain.EntityField]string{
		domain.EntityFieldType: "other=2 output=2 t=4 ", domain.EntityFieldProvider: "=2 example.com/a/t=6 ", domain.EntityFieldStack: "hidden=4 k2=4 ",
	} {
		groups, err := b.CountEntities(b.As(t, "root-admin"), domain.EntitySearch{}, by)
		slices.SortFunc(groups, func(a, b domain.EntityGroup) int { return strings.Compare(a.Value, b.Value) })
		said := ""
		for _, g := range groups {
			said += fmt.Sprintf("%s=%d ", g.Value, g.Count)
		}
		if err != nil || said != want {
			t.Errorf("by %s: %q, %v, want %q", by, said, err, want)
		}
	}
	if groups, err := b.CountEntities(b.As(t, "will"), domain.EntitySearch{}, domain.EntityFieldStack); err != nil || len(groups) != 1 || groups[0].Value != "k2" {
		t.Errorf("will counts %+v, %v", groups, err)
	}
}
