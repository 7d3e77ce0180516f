package authzen_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/authzen"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// results is a page of a search as a client reads it.
type results struct {
	Page struct {
		NextToken *string `json:"next_token"`
		Count     int
	}
	Results []struct{ Type, ID, Name string }
}

// ids are what a page found: ids, or names of actions.
func (r results) ids() (out []string) {
	for _, x := range r.Results {
		out = append(out, x.ID+x.Name)
	}
	return out
}

// searchBody writes a search; page is empty or the members of page.
func searchBody(subject, action, resource, page string) string {
	entity := func(s string) string {
		kind, id, named := strings.Cut(s, "/")
		if !named {
			return fmt.Sprintf(`{"type":%s}`, quoted(kind))
		}
		return fmt.Sprintf(`{"type":%s,"id":%s}`, quoted(kind), quoted(id))
	}
	body := `{"subject":` + entity(subject) + `,"resource":` + entity(resource)
	if action != "" {
		body += `,"action":{"name":` + quoted(action) + `}`
	}
	if page != "" {
		body += `,"page":{` + page + `}`
	}
	return body + "}"
}

// all reads every page of a search, by pages of a size.
func (b bench) all(t *testing.T, who, path, subject, action, resource string, size int) (out []string) {
	t.Helper()
	kind := map[string]string{authzen.PathSearchSubject: subject, authzen.PathSearchResource: resource}[path]
	for page := fmt.Sprintf(`"limit":%d`, size); ; {
		r := read[results](t, b.post(t, who, path, searchBody(subject, action, resource, page)))
		if r.Page.NextToken == nil || r.Page.Count != len(r.Results) || len(r.Results) > size {
			t.Fatalf("page %s: %+v", page, r)
		}
		for _, x := range r.Results {
			if x.Type != kind {
				t.Errorf("a search for %q finds %+v", kind, x)
			}
		}
		out = append(out, r.ids()...)
		if *r.Page.NextToken == "" {
			return out
		}
		page = `"token":` + quoted(*r.Page.NextToken)
	}
}

// crowd adds actors and objects of all kinds to the fixture: groups and their
// members, stacks that act, bindings to entities, expired ones.
func (b bench) crowd(t *testing.T) (subjects, resources map[string][]string) {
	t.Helper()
	b.AddGroup(t, "devops")
	b.AddGroup(t, "empty")
	for _, name := range []string{"carol", "dave", "erin"} {
		b.AddUser(t, name, "devops")
	}
	b.AddUser(t, "frank")
	b.Bind(t, "devops", "space-writer", "apps")
	b.Bind(t, "dave", "space-reader", "net")
	b.Role(t, "deployer", authz.ActionRunTrigger)
	b.Bind(t, "frank", "deployer", "dev")
	b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k2"}, "space-writer", "prod")
	b.Stack(t, "flagged", "platform", func(st *domain.Stack) { st.Administrative = true })
	b.Stack(t, "p1", "prod", nil)
	b.Stack(t, "v", "vault-x", nil)
	b.Context(t, "c-dev", "dev")
	b.Context(t, "c-vault", "vault")
	run, hidden := b.Run(t, "k2", domain.RunQueued), b.Run(t, "v", domain.RunQueued)
	b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		for i, in := range []domain.Binding{
			{Actor: b.Actor("nobody"), Entity: authz.EntityRef{Kind: authz.EntityStack, ID: "v"}},
			{Actor: b.Actor("rita"), Entity: authz.EntityRef{Kind: authz.EntityContext, ID: "c-vault"}},
			{Actor: b.Actor("frank"), Entity: authz.EntityRef{Kind: authz.EntityStack, ID: "p1"}, NotAfter: tx.Now().Add(-time.Hour)},
			{Actor: b.Actor("rita"), Space: "sandbox", NotAfter: tx.Now().Add(-1)},
		} {
			in.ID, in.Role, in.CreatedAt = domain.BindingID(fmt.Sprint("crowd", i)), b.RoleID("space-writer"), tx.Now()
			if err := tx.InsertBinding(ctx, p.For(access.KindRoleBinding), in); err != nil {
				return err
			}
		}
		return nil
	})
	named := func(names ...string) (ids []string) {
		for _, n := range names {
			ids = append(ids, b.Actor(n).ID)
		}
		return ids
	}
	subjects = map[string][]string{
		"user": named("carol", "dave", "erin", "frank"), "group": named("devops", "empty"),
		"api_key": named("root-admin", "ann", "will", "rita", "ops", "nobody"), "stack": {"k", "k2", "r0", "flagged", "p1", "v"},
	}
	resources = map[string][]string{
		"space": {"root", "legacy", "platform", "net", "vault", "vault-x", "apps", "dev", "prod", "sandbox"},
		"stack": {"k", "k2", "r0", "flagged", "p1", "v"}, "context": {"c-dev", "c-vault"}, "run": {string(run.ID), string(hidden.ID)},
		"worker_pool": nil, "policy": nil,
	}
	return subjects, resources
}

// decisions asks many questions about pairs as somebody, and returns for which
// the answer is yes.
func (b bench) decisions(t *testing.T, who string, questions []string) []bool {
	t.Helper()
	var out []bool
	for chunk := range slices.Chunk(questions, 1000) {
		for _, d := range decodeAll(t, b.post(t, who, authzen.PathEvaluations, `{"evaluations":[`+strings.Join(chunk, ",")+`]}`)) {
			out = append(out, d.yes(t))
		}
	}
	return out
}

// TestCase71Searches: a search finds exactly what single questions allow, in
// pages of any size.
func TestCase71Searches(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		subjects, resources := b.crowd(t)
		actions := []string{"space:read", "run:trigger", "stack:delete", "run:comment", "space:admin"}
		where := func(kind string, ids []string, question func(ref string) string) (yes []string) {
			var questions []string
			for _, id := range ids {
				questions = append(questions, question(kind+"/"+id))
			}
			for i, ok := range b.decisions(t, "root-admin", questions) {
				if ok {
					yes = append(yes, ids[i])
				}
			}
			slices.Sort(yes)
			return yes
		}
		size, found := 0, 0
		check := func(path, subject, action, resource string, want []string) {
			t.Helper()
			size = size%4 + 1
			got := b.all(t, "root-admin", path, subject, action, resource, size)
			found += len(got)
			slices.Sort(got) // the database may have an order of its own
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %s %s %s (-checks +search):\n%s", path, subject, action, resource, diff)
			}
		}
		for _, resource := range []string{"space/dev", "space/prod", "space/root", "space/nope", "stack/k2", "stack/v", "stack/nope", "context/c-vault", "run/" + resources["run"][0]} {
			for _, action := range actions {
				for kind, ids := range subjects {
					check(authzen.PathSearchSubject, kind, action, resource, where(kind, ids, func(ref string) string { return question(ref, action, resource) }))
				}
			}
		}
		for kind, ids := range subjects {
			for _, id := range append(ids, "nope") {
				subject := kind + "/" + id
				for _, resource := range []string{"space/dev", "stack/k2", "stack/v", "context/c-dev", "space/nope"} {
					var questions, want []string
					for _, a := range authz.Actions() {
						questions = append(questions, question(subject, a.Name, resource))
					}
					for i, ok := range b.decisions(t, "root-admin", questions) {
						if ok {
							want = append(want, authz.Actions()[i].Name)
						}
					}
					slices.Sort(want)
					check(authzen.PathSearchAction, subject, "", resource, want)
				}
				for _, action := range actions {
					for kind, ids := range resources {
						// What the subject may not see is not listed (R5).
						reads := where(kind, ids, func(ref string) string { return question(subject, "space:read", ref) })
						check(authzen.PathSearchResource, subject, action, kind, where(kind, reads, func(ref string) string { return question(subject, action, ref) }))
					}
				}
			}
		}
		if found < 500 {
			t.Errorf("only %d results were compared", found)
		}
	})
}

// TestSearchingAboutOthers: a caller finds what he may ask about.
func TestSearchingAboutOthers(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		_, resources := b.crowd(t)
		for _, who := range []string{"ann", "will", "rita", "nobody", "ops"} {
			for kind, ids := range resources {
				for _, subject := range []string{b.ref("root-admin"), b.ref("carol"), b.ref(who), "stack/flagged"} {
					var want []string
					for _, id := range ids {
						ok := b.allowed(t, subject, "space:read", kind+"/"+id)
						if ok && subject != b.ref(who) {
							ok = b.post(t, who, authzen.PathEvaluation, question(subject, "space:read", kind+"/"+id)).status == http.StatusOK
						}
						if ok {
							want = append(want, id)
						}
					}
					slices.Sort(want)
					got := b.all(t, who, authzen.PathSearchResource, subject, "space:read", kind, 2)
					slices.Sort(got)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s searches %s of %s (-may ask +found):\n%s", who, kind, subject, diff)
					}
				}
				for _, id := range append(ids, "nope") {
					resource := kind + "/" + id
					may := b.post(t, who, authzen.PathEvaluation, question(b.ref("root-admin"), "run:trigger", resource))
					for path, subject := range map[string]string{authzen.PathSearchSubject: "user", authzen.PathSearchAction: b.ref("root-admin")} {
						r := b.post(t, who, path, searchBody(subject, "run:trigger", resource, ""))
						if r.status != may.status || r.status != http.StatusOK && r.body != may.body {
							t.Errorf("%s: %s of %s at %s: %d %s, may ask: %d %s", path, who, subject, resource, r.status, r.body, may.status, may.body)
						}
					}
					if r := b.post(t, who, authzen.PathSearchAction, searchBody(b.ref(who), "", resource, "")); r.status != http.StatusOK {
						t.Errorf("%s may not ask what he may do on %s: %s", who, resource, r.body)
					}
				}
			}
		}
		// Stacks that are hidden from the caller are not named to him (R23).
		everything := b.all(t, "root-admin", authzen.PathSearchSubject, "stack", "space:read", "space/prod", 100)
		if diff := cmp.Diff([]string{"k2"}, everything); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got := b.all(t, "rita", authzen.PathSearchSubject, "stack", "space:read", "space/prod", 1); got != nil {
			t.Errorf("rita is told of %v", got)
		}
		if got := b.all(t, "ann", authzen.PathSearchSubject, "stack", "space:read", "space/prod", 1); len(got) != 1 {
			t.Errorf("ann is told of %v", got)
		}
	})
}

// TestSearchShapes asks as the specification's examples do, in our words.
func TestSearchShapes(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		will := quoted(string(b.KeyID("will")))
		for path, bodies := range map[string]map[string]string{
			authzen.PathSearchSubject: {
				`{"subject":{"type":"user"},"action":{"name":"run:trigger"},"resource":{"type":"space","id":"dev"}}`:                       `{"page":{"next_token":"","count":0},"results":[]}`,
				`{"subject":{"type":"group","id":"ignored"},"action":{"name":"run:trigger"},"resource":{"type":"space","id":"dev"}}`:       `{"page":{"next_token":"","count":0},"results":[]}`,
				`{"subject":{"type":"spaceship"},"action":{"name":"run:trigger"},"resource":{"type":"space","id":"dev"}}`:                  `{"page":{"next_token":"","count":0},"results":[]}`,
				`{"subject":{"type":"api_key"},"action":{"name":"nope"},"resource":{"type":"space","id":"dev"}}`:                           `{"page":{"next_token":"","count":0},"results":[]}`,
				`{"subject":{"type":"api_key"},"action":{"name":"run:trigger"},"resource":{"type":"record","id":"dev"},"context":{"t":1}}`: `{"page":{"next_token":"","count":0},"results":[]}`,
			},
			authzen.PathSearchResource: {
				`{"subject":{"type":"api_key","id":` + will + `},"action":{"name":"run:trigger"},"resource":{"type":"stack"},"page":{"limit":7}}`:         `{"page":{"next_token":"","count":1},"results":[{"type":"stack","id":"k2"}]}`,
				`{"subject":{"type":"api_key","id":` + will + `},"action":{"name":"RUN_TRIGGER"},"resource":{"type":"space","id":"x"},"page":{"x":null}}`: `{"page":{"next_token":"","count":1},"results":[{"type":"space","id":"dev"}]}`,
				`{"subject":{"type":"user","id":"nonexistent"},"action":{"name":"run:trigger"},"resource":{"type":"stack"}}`:                              `{"page":{"next_token":"","count":0},"results":[]}`,
				`{"subject":{"type":"api_key","id":` + will + `},"action":{"name":"run:trigger"},"resource":{"type":"record"}}`:                           `{"page":{"next_token":"","count":0},"results":[]}`,
			},
			authzen.PathSearchAction: {
				`{"subject":{"type":"api_key","id":` + will + `},"resource":{"type":"space","id":"apps"},"context":{"time":"2024-10-26T01:22-07:00"}}`: `{"page":{"next_token":"","count":1},"results":[{"name":"space:read"}]}`,
				`{"subject":{"type":"user","id":"nonexistent"},"resource":{"type":"space","id":"apps"}}`:                                               `{"page":{"next_token":"","count":0},"results":[]}`,
				`{"subject":{"type":"spaceship","id":"x"},"resource":{"type":"space","id":"apps"}}`:                                                    `{"page":{"next_token":"","count":0},"results":[]}`,
			},
		} {
			for body, want := range bodies {
				if r := b.post(t, "root-admin", path, body, "X-Request-ID", "7"); r.status != http.StatusOK || r.body != want || r.header.Get("X-Request-Id") != "7" {
					t.Errorf("%s %s: %d %s, want %s", path, body, r.status, r.body, want)
				}
			}
		}
		for path, bodies := range map[string]map[string]string{
			authzen.PathSearchSubject: {
				`{"subject":{"type":"user"},"resource":{"type":"space","id":"dev"}}`:                  "action: is missing",
				`{"subject":{"type":"user"},"action":{"name":"x"},"resource":{"type":"space"}}`:       "resource.id: is missing",
				`{"subject":{"id":"x"},"action":{"name":"x"},"resource":{"type":"space","id":"dev"}}`: "subject.type: is missing",
			},
			authzen.PathSearchResource: {
				`{"action":{"name":"x"},"resource":{"type":"space"}}`:                                 "subject: is missing",
				`{"subject":{"type":"user"},"action":{"name":"x"},"resource":{"type":"space"}}`:       "subject.id: is missing",
				`{"subject":{"type":"user","id":"x"},"action":{"name":"x"},"resource":{"id":"dev"}}`:  "resource.type: is missing",
				`{"subject":{"type":"user","id":"x"},"action":{},"resource":{"type":"space"}}`:        "action.name: is missing",
				`{"subject":{"type":"user","id":"x"},"action":7,"resource":{"type":"space"},"page":1`: "not valid JSON",
			},
			authzen.PathSearchAction: {
				`{"subject":{"type":"user","id":"x"}}`:                                   "resource: is missing",
				`{"subject":{"type":"user"},"resource":{"type":"space","id":"dev"}}`:     "subject.id: is missing",
				`{"subject":{"type":"user","id":"x"},"resource":{"type":"space"}}`:       "resource.id: is missing",
				`{"resource":{"type":"space","id":"x"},"page":{"limit":-1}}`:             "page.limit: must be a whole number",
				`{"resource":{"type":"space","id":"x"},"page":{"limit":1.5}}`:            "page.limit: must be a whole number",
				`{"resource":{"type":"space","id":"x"},"page":{"limit":1e3}}`:            "page.limit: must be a whole number",
				`{"resource":{"type":"space","id":"x"},"page":{"limit":99999999999}}`:    "page.limit: must be a whole number",
				`{"resource":{"type":"space","id":"x"},"page":{"limit":"1"}}`:            "page.limit: must be a whole number",
				`{"resource":{"type":"space","id":"x"},"page":{"token":1}}`:              "page.token: must be a string",
				`{"resource":{"type":"space","id":"x"},"page":[]}`:                       "page: must be an object",
				`{"resource":{"type":"space","id":"x"},"page":{"properties":1}}`:         "page.properties: must be an object",
				`{"resource":{"type":"space","id":"x"},"page":{"limit":1,"limit":null}}`: "page.limit occurs twice",
			},
		} {
			for body, want := range bodies {
				refused(t, path+" "+body, b.post(t, "root-admin", path, body), http.StatusBadRequest, want)
			}
		}
	})
}

// TestSearchPages: tokens belong to one search.
func TestSearchPages(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		ann := b.ref("ann")
		ask := func(subject, action, resource, page string) reply {
			return b.post(t, "root-admin", authzen.PathSearchResource, searchBody(subject, action, resource, page))
		}
		first := read[results](t, ask(ann, "stack:create", "space", `"limit":2`))
		token := quoted(*first.Page.NextToken)
		if diff := cmp.Diff([]string{"apps", "dev"}, first.ids()); diff != "" || *first.Page.NextToken == "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		for _, page := range []string{`"token":` + token, `"limit":2,"token":` + token} {
			next := read[results](t, ask(ann, "stack:create", "space", page))
			if diff := cmp.Diff([]string{"prod"}, next.ids()); diff != "" || *next.Page.NextToken != "" {
				t.Errorf("%s (-want +got):\n%s", page, diff)
			}
		}
		for _, page := range []string{`"limit":0`, `"limit":0,"token":` + quoted(*read[results](t, ask(ann, "stack:create", "space", `"limit":0`)).Page.NextToken)} {
			if r := read[results](t, ask(ann, "stack:create", "space", page)); r.Results == nil || len(r.Results) != 0 || *r.Page.NextToken == "" {
				t.Errorf("%s: %+v", page, r)
			}
		}
		if r := read[results](t, ask(ann, "stack:create", "space", `"limit":2000000000`)); len(r.Results) != 3 {
			t.Errorf("a large page has %d results", len(r.Results))
		}
		const other = "page.token: is not one of this search"
		refused(t, "another subject", ask(b.ref("will"), "stack:create", "space", `"token":`+token), http.StatusBadRequest, other)
		refused(t, "another action", ask(ann, "stack:delete", "space", `"token":`+token), http.StatusBadRequest, other)
		refused(t, "another type", ask(ann, "stack:create", "stack", `"token":`+token), http.StatusBadRequest, other)
		refused(t, "another limit", ask(ann, "stack:create", "space", `"limit":3,"token":`+token), http.StatusBadRequest, "page.limit: must stay as it was")
		refused(t, "another search", b.post(t, "root-admin", authzen.PathSearchSubject, searchBody("user", "stack:create", "space/dev", `"token":`+token)), http.StatusBadRequest, other)
		for _, bad := range []string{`"x"`, `"AAAA"`, `"` + strings.Repeat("A", 22) + `"`, token[:len(token)-2] + `="`, `"` + strings.Repeat("_", 64) + `"`, `"é"`} {
			refused(t, bad, ask(ann, "stack:create", "space", `"token":`+bad), http.StatusBadRequest, other)
		}
		// What is added or removed between two pages moves nothing else.
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			for _, id := range []domain.SpaceID{"a", "e"} {
				if err := tx.InsertSpace(ctx, p.For(access.KindSpace), domain.Space{ID: id, Name: string(id), Parent: "apps", CreatedAt: tx.Now()}); err != nil {
					return err
				}
			}
			return nil
		})
		next := read[results](t, ask(ann, "stack:create", "space", `"token":`+token))
		if diff := cmp.Diff([]string{"e", "prod"}, next.ids()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
