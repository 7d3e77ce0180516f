package graphql

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/roles"
	"github.com/airlock-project/airlock/internal/spaces"
)

func TestWhatIsRefusedBeforeGraphQL(t *testing.T) {
	limits := DefaultLimits()
	limits.Body = 100
	c := newClient(t, &Resolver{}, limits)
	for name, tc := range map[string]struct {
		method, media, body string
		want                int
	}{
		"method":        {"GET", "application/json", `{}`, 405},
		"content type":  {"POST", "text/plain", `{"query":"{name}"}`, 415},
		"a form":        {"POST", "application/x-www-form-urlencoded", `query=%7Bname%7D`, 415},
		"no type":       {"POST", "", `{"query":"{name}"}`, 415},
		"too large":     {"POST", "application/json", `{"query":"` + strings.Repeat(" ", 100) + `"}`, 413},
		"with encoding": {"POST", "application/json; charset=utf-8", `{"query":"{name}"}`, 200},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tc.method, "/graphql", strings.NewReader(tc.body))
			r.Header.Set("Content-Type", tc.media)
			a := c.send(r)
			if a.status != tc.want {
				t.Errorf("status %d, want %d: %s", a.status, tc.want, a.raw)
			}
			if code := ""; tc.want != http.StatusOK {
				if code, _ = a.failure(t); code != "INVALID" {
					t.Errorf("code %s", code)
				}
			}
		})
	}
}

func TestWhatIsInvalidIsAnsweredWith200(t *testing.T) {
	limits := DefaultLimits()
	limits.Document = 8000
	c := newClient(t, &Resolver{}, limits)
	quote := func(s string) string { return `{"query":` + fmt.Sprintf("%q", s) + `}` }
	for name, tc := range map[string]struct{ body, want string }{
		"no JSON":            {`{"query":`, "not a JSON object"},
		"a text":             {`"{name}"`, "not a JSON object"},
		"two values":         {`{"query":"{name}"}{}`, "more than one JSON value"},
		"a batch":            {`[{"query":"{name}"}]`, "batches are not accepted"},
		"nothing":            {`{}`, "no operation"},
		"syntax":             {quote(`{name`), "Expected Name"},
		"unknown field":      {quote(`{nam}`), `Cannot query field "nam"`},
		"unknown operation":  {`{"query":"query A {name}","operationName":"B"}`, "operation B not found"},
		"missing variable":   {quote(`query($i:ID!){space(id:$i){id}}`), "must be defined"},
		"wrong variable":     {`{"query":"query($i:SearchInput!){searchStacks(input:$i){pageInfo{endCursor}}}","variables":{"i":{"first":"x"}}}`, "cannot use"},
		"unknown enum value": {quote(`{stack(id:"a"){run(id:"b"){logs(state:NOPE){exists}}}}`), "NOPE"},
		"too long":           {quote("{name} #" + strings.Repeat("x", 8000)), "at most 8000 are accepted"},
		"too deep":           {quote("{stack(id:1)" + strings.Repeat("{dependsOn{stack", 6) + "{name}" + strings.Repeat("}}", 6) + "}"), "nested 14 deep"},
		"too many aliases":   {quote("{" + aliases("spaces{id}", 16) + "}"), `field "spaces" has 16 aliases`},
		"too many fields":    {quote("{" + strings.Repeat("stacks{id name space state branch}", 200) + "}"), "selects 1200 fields"},
		"one field often":    {quote("{" + strings.Repeat("name ", 16) + "}"), "selected 16 times in one place"},
		"too many fragments": {quote("{name}" + strings.Repeat("fragment F on Query{name}", 101)), "has 101 fragments"},
		"two sign-ins":       {quote(`mutation{a:apiKeyUser(id:"a",secret:"b"){id} b:apiKeyUser(id:"a",secret:"c"){id}}`), "one sign-in, not 2"},
		"sign-ins in fragments": {quote(`mutation{...A ...B} fragment A on Mutation{a:apiKeyUser(id:"a",secret:"b"){id}}
			fragment B on Mutation{b:apiKeyUser(id:"a",secret:"c"){id}}`), "one sign-in, not 2"},
		"a fragment in itself": {quote(`{...A} fragment A on Query{name ...A}`), "Cannot spread fragment"},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.post(tc.body)
			code, message := a.failure(t)
			if a.status != 200 || code != "INVALID" || !strings.Contains(message, tc.want) {
				t.Errorf("status %d, code %s, message %q; want %q", a.status, code, message, tc.want)
			}
			if a.Data != nil {
				t.Errorf("data %v", a.Data)
			}
		})
	}
}

func aliases(field string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d:%s ", i, field)
	}
	return b.String()
}

func TestCostIsBounded(t *testing.T) {
	c := newClient(t, &Resolver{}, DefaultLimits())
	nest := `contexts{attachedStacks{id} config{id}}`
	if a := c.query(`{stacks{attachedContexts{config{id}} dependsOn{stack{dependsOn{stack{attachedContexts{config{id}}}}}}}}`, nil); len(a.Errors) != 1 || !strings.Contains(a.raw, "the answer could have") {
		t.Errorf("want a refusal, got %s", a.raw)
	}
	d := &documents{schema: ourSchema(), limits: DefaultLimits()}
	doc, errs := d.prepare(`query($n:Int){searchStacks(input:{first:$n}){edges{node{id}}} `+nest+`}`, true)
	if errs != nil {
		t.Fatal(errs)
	}
	e := estimate{variables: map[string]any{"n": int64(7)}, fragments: map[fragmentPage]int{}}
	// 1 + (1 + 7*(1+1)) for the search, 1 + 20*((1+20)+(1+20)) for the contexts.
	if got, want := e.set(doc.Operations[0].SelectionSet, pageEstimate), 16+841; got != want {
		t.Errorf("estimate %d, want %d", got, want)
	}
}

func TestCase116IntrospectionIsCounted(t *testing.T) {
	c := newClient(t, &Resolver{}, DefaultLimits()).anonymous()
	if a := c.query(introspection.Query, nil); a.Errors != nil {
		t.Errorf("the usual query is refused: %.300s", a.raw)
	}
	twice := `{a:__schema{...S} b:__schema{...S}} fragment S on __Schema{types{fields{type{name} args{type{name} description}}}}`
	if a := c.query(twice, nil); a.Errors != nil {
		t.Errorf("two small queries are refused: %.300s", a.raw)
	}
	if a := c.query(`{`+aliases("__schema{types{fields{args{name description type{name kind ofType{name}}}}}}", 8)+`}`, nil); len(a.Errors) != 1 {
		t.Errorf("eight large queries are answered: %.300s", a.raw)
	}
}

func TestNamedOperationsAndEmptyLists(t *testing.T) {
	c := newClient(t, &Resolver{AccountName: "acme"}, DefaultLimits())
	a := c.post(`{"query":"query A {tier} query B () {name}","operationName":"B","variables":null}`)
	if diff := cmp.Diff(map[string]any{"name": "acme"}, a.Data); diff != "" || a.Errors != nil {
		t.Errorf("%s: %s", diff, a.raw)
	}
	if got := a.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
}

func TestStrangers(t *testing.T) {
	c := newClient(t, &Resolver{Identity: fakeIdentity{viewer: func(ctx context.Context) (identity.User, error) {
		_, err := access.CallerFrom(ctx)
		return identity.User{ID: "01KEY", Name: "ci", Type: "API_KEY"}, err
	}}}, DefaultLimits())
	stranger := c.anonymous()

	if a := stranger.query(`{viewer{id}}`, nil); a.Errors != nil || a.Data["viewer"] != nil {
		t.Errorf("viewer: %s", a.raw)
	}
	if a := c.query(`{viewer{id login}}`, nil); !strings.Contains(a.raw, `{"id":"01KEY","login":"api::01KEY"}`) {
		t.Errorf("viewer: %s", a.raw)
	}
	code, message := stranger.query(`{name}`, nil).failure(t)
	if code != "UNAUTHENTICATED" || !strings.Contains(message, "unauthorized") {
		t.Errorf("name: %s %q", code, message)
	}
	if a := stranger.query(`{__schema{types{name kind description enumValues(includeDeprecated:true){name}}}}`, nil); a.Errors != nil ||
		!strings.Contains(a.raw, "SPACE_ADMIN") || !strings.Contains(a.raw, `"name":"Action"`) {
		t.Errorf("introspection: %.300s", a.raw)
	}
	for _, document := range []string{`{spacess{id}}`, `{space(idd:1){id}}`, `query($a:SpaceInputt){name}`, `{name{x}}`} {
		if a := stranger.query(document, nil); strings.Contains(a.raw, "Did you mean") || len(a.Errors) == 0 {
			t.Errorf("%s: a stranger is given hints: %s", document, a.raw)
		}
	}
	if a := c.query(`{spacess{id}}`, nil); !strings.Contains(a.raw, "Did you mean") {
		t.Errorf("a caller is given no hints: %s", a.raw)
	}
}

func TestErrorsOnTheWire(t *testing.T) {
	cause := errors.New("disk on fire")
	for name, tc := range map[string]struct {
		err           error
		code, message string
	}{
		"invalid":         {domain.Invalid("name", "must not be empty"), "INVALID", "name: must not be empty"},
		"conflict":        {fmt.Errorf("create space: %w", domain.Conflict("taken")), "CONFLICT", "taken"},
		"forbidden":       {access.Forbidden("api::x", authz.ActionSpaceAdmin, "root"), "FORBIDDEN", "forbidden: api::x lacks space:admin in space root"},
		"unauthenticated": {domain.Unauthenticated("expired"), "UNAUTHENTICATED", "unauthorized: expired"},
		"unavailable":     {domain.Unavailable("the access model", cause), "UNAVAILABLE", "the access model is unavailable"},
		"late":            {fmt.Errorf("read: %w", context.DeadlineExceeded), "UNAVAILABLE", "the answer is unavailable"},
		"internal":        {fmt.Errorf("insert: %w", cause), "INTERNAL", "internal error"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, &Resolver{Spaces: fakeSpaces{get: func(context.Context, domain.SpaceID) (spaces.View, error) {
				return spaces.View{}, tc.err
			}}}, DefaultLimits())
			a := c.query(`{space(id:"x"){id}}`, nil)
			code, message := a.failure(t)
			if a.status != 200 || code != tc.code || message != tc.message {
				t.Errorf("status %d, %s %q; want %s %q", a.status, code, message, tc.code, tc.message)
			}
			if strings.Contains(a.raw, "fire") {
				t.Errorf("the cause is shown: %s", a.raw)
			}
			if diff := cmp.Diff([]any{"space"}, a.Errors[0].Path); diff != "" {
				t.Error(diff)
			}
			if name == "invalid" && a.Errors[0].Extensions["field"] != "name" {
				t.Errorf("no field: %s", a.raw)
			}
			if name == "internal" && (a.Errors[0].Extensions["requestId"] != "req-1" || !strings.Contains(c.logged.String(), "requestId=req-1") || !strings.Contains(c.logged.String(), "fire")) {
				t.Errorf("not logged with the request id: %s; %s", a.raw, c.logged)
			}
		})
	}
}

func TestPanicsAreInternal(t *testing.T) {
	c := newClient(t, &Resolver{Spaces: fakeSpaces{get: func(context.Context, domain.SpaceID) (spaces.View, error) { panic("oh no") }}}, DefaultLimits())
	if code, message := c.query(`{space(id:"x"){id}}`, nil).failure(t); code != "INTERNAL" || message != "internal error" {
		t.Errorf("%s %q", code, message)
	}
	if !strings.Contains(c.logged.String(), "oh no") {
		t.Errorf("not logged: %s", c.logged)
	}
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, &Resolver{Spaces: fakeSpaces{get: func(ctx context.Context, _ domain.SpaceID) (spaces.View, error) {
			<-ctx.Done()
			return spaces.View{}, ctx.Err()
		}}}, DefaultLimits())
		if code, message := c.query(`{space(id:"x"){id}}`, nil).failure(t); code != "UNAVAILABLE" {
			t.Errorf("%s %q", code, message)
		}
	})
}

func TestWarnings(t *testing.T) {
	c := newClient(t, &Resolver{Roles: fakeRoles{update: func(context.Context, domain.RoleID, roles.Input) (roles.View, error) {
		return roles.View{Role: domain.Role{ID: "r", Actions: []authz.Action{authz.ActionRunTrigger}}, Bindings: 2}, nil
	}}}, DefaultLimits())
	a := c.query(`mutation{a:roleUpdate(id:"r",input:{Actions:["RUN_TRIGGER"]}){actions roleBindingsCount} b:roleUpdate(id:"r",input:{name:"x"}){id}}`, nil)
	list, _ := a.Extensions["warnings"].([]any)
	if a.Errors != nil || len(list) != 1 || !strings.Contains(list[0].(string), "space:read") {
		t.Errorf("got %s", a.raw)
	}
	AddWarning(context.Background(), "nobody listens")
}
