package authzen_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/authzen"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// TestAskingAboutOthers: whoever reads the resource's space may ask about
// others there, admins of root may ask anywhere, everybody about himself.
func TestAskingAboutOthers(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Context(t, "c", "prod")
		run := b.Run(t, "k2", domain.RunQueued)
		b.AddKey(t, "blind")
		b.Role(t, "blind", authz.ActionRunTrigger)
		b.Bind(t, "blind", "blind", "dev")
		resources := map[string]string{ // to their spaces
			"space/dev": "dev", "space/prod": "prod", "space/root": "root", "space/apps": "apps", "space/sandbox": "sandbox",
			"stack/k": "apps", "stack/k2": "dev", "stack/r0": "root", "context/c": "prod", "run/" + string(run.ID): "dev",
		}
		missing := []string{"space/nope", "space/", "stack/nope", "run/nope", "context/nope", "worker_pool/nope", "policy/nope", "stack/a\u0000b"}
		reads := map[string][]string{
			"root-admin": {"dev", "prod", "root", "apps", "sandbox"}, "ann": {"dev", "prod", "apps", "root"}, "will": {"dev", "apps", "root"},
			"ops": {"dev", "apps", "root"}, "rita": {"prod"}, "nobody": nil, "blind": nil,
		}
		for who, spaces := range reads {
			ask := func(subject, resource string) reply {
				return b.post(t, who, authzen.PathEvaluation, question(subject, "run:trigger", resource))
			}
			may := map[string]bool{}
			for _, s := range spaces {
				may[s] = true
			}
			for resource, space := range resources {
				for _, other := range []string{b.ref("will"), b.ref("root-admin"), "user/nope", "stack/k", "group/nope"} {
					if other == b.ref(who) {
						continue
					}
					if r := ask(other, resource); (r.status == http.StatusOK) != may[space] || r.status != http.StatusOK && r.status != http.StatusForbidden {
						t.Errorf("%s asks about %s at %s: %d %s", who, other, resource, r.status, r.body)
					}
				}
				if r := ask(b.ref(who), resource); r.status != http.StatusOK {
					t.Errorf("%s asks about himself at %s: %d %s", who, resource, r.status, r.body)
				}
			}
			for _, resource := range missing {
				want := http.StatusForbidden
				if who == "root-admin" {
					want = http.StatusOK
				}
				if r := ask("user/nope", resource); r.status != want || r.status == http.StatusOK && r.body != `{"decision":false,"context":{"reason":"not_found"}}` {
					t.Errorf("%s asks about another at %s: %d %s", who, resource, r.status, r.body)
				}
			}
		}
	})
}

// TestR23HiddenIsMissing: what is hidden from the caller, or from the one he
// asks about where that is himself, is answered like what does not exist.
func TestR23HiddenIsMissing(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Context(t, "hidden", "sandbox")
		b.Stack(t, "secret", "vault", nil)
		run := b.Run(t, "secret", domain.RunQueued)
		pairs := map[string]string{"space/vault": "space/nope", "stack/secret": "stack/nope", "run/" + string(run.ID): "run/nope", "context/hidden": "context/nope"}
		for hidden, missing := range pairs {
			for _, who := range []string{"will", "rita", "nobody"} {
				for _, subject := range []string{b.ref(who), b.ref("root-admin"), "user/nope", "stack/secret"} {
					for _, action := range []string{"space:read", "run:trigger", "stack:read", "nope"} {
						ask := func(resource string) (one, many reply) {
							q := question(subject, action, resource)
							return b.post(t, who, authzen.PathEvaluation, q), b.post(t, who, authzen.PathEvaluations, `{"evaluations":[`+q+`]}`)
						}
						one, many := ask(hidden)
						oneMissing, manyMissing := ask(missing)
						what := fmt.Sprintf("%s asks whether %s may %s at %s", who, subject, action, hidden)
						same(t, what, oneMissing, one)
						same(t, what, manyMissing, many)
						if subject != b.ref(who) && action != "nope" {
							refused(t, what, one, http.StatusForbidden, "forbidden: "+domain.APIKeyID(b.Actor(who).ID).AuditName()+" lacks space:read in the space of the resource")
							if d := decodeAll(t, many)[0]; d.yes(t) || d.Context.Error == nil || d.Context.Error.Status != http.StatusForbidden {
								t.Errorf("%s: %s", what, many.body)
							}
						}
					}
				}
			}
		}
		// A subject that does not exist has as little as one that holds nothing.
		for _, kind := range []string{"api_key/", "user/", "group/", "stack/"} {
			same(t, kind, b.post(t, "ann", authzen.PathEvaluation, question(b.ref("nobody"), "space:read", "space/dev")),
				b.post(t, "ann", authzen.PathEvaluation, question(kind+"nope", "space:read", "space/dev")))
		}
	})
}

// TestR23Reasons: who may not view the account learns of others that they may,
// not by what; of himself, where he holds a role only if he sees the place.
func TestR23Reasons(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		detail := func(who, subject, action, resource string) string {
			c := b.decide(t, who, subject, action, resource).Context
			return strings.Join([]string{c.Reason, c.Tier, c.Role, c.Binding, c.Space}, " ")
		}
		writer, binding := string(b.RoleID("space-writer")), string(b.bindingOf(t, "will"))
		full := "granted_by_tier writer " + writer + " " + binding + " dev"
		for who, want := range map[string]string{"will": full, "ann": full, "root-admin": full, "ops": "granted_by_tier    "} {
			if got := detail(who, b.ref("will"), "run:trigger", "stack/k2"); got != want {
				t.Errorf("%s learns %q, want %q", who, got, want)
			}
		}
		b.AddKey(t, "blind")
		b.Role(t, "blind", authz.ActionRunTrigger)
		b.Bind(t, "blind", "blind", "apps")
		got := detail("blind", b.ref("blind"), "run:trigger", "stack/k2")
		if want := "granted_by_name  " + string(b.RoleID("blind")) + " " + string(b.bindingOf(t, "blind")) + " "; got != want {
			t.Errorf("who does not see the space of his role learns %q, want %q", got, want)
		}
		if c := b.decide(t, "blind", b.ref("blind"), "stack:delete", "stack/k2").Context; c.Reason != "space_read_missing" || c.Missing != "stack:delete" || c.Space != "dev" {
			t.Errorf("who may know of the stack learns %+v", c)
		}
	})
}

// TestReasonGroup names the group whose binding allowed.
func TestReasonGroup(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.AddGroup(t, "devops")
		b.AddUser(t, "carol", "devops")
		id := b.Bind(t, "devops", "space-writer", "prod")
		for who, want := range map[string]string{
			"root-admin": `{"decision":true,"context":{"reason":"granted_by_tier","tier":"writer","role":"R","binding":"B","group":"G","space":"prod"}}`,
			"rita":       `{"decision":true,"context":{"reason":"granted_by_tier"}}`,
		} {
			want = strings.NewReplacer(`"R"`, quoted(string(b.RoleID("space-writer"))), `"B"`, quoted(string(id)), `"G"`, quoted(b.Actor("devops").ID)).Replace(want)
			if r := b.post(t, who, authzen.PathEvaluation, question(b.ref("carol"), "run:trigger", "space/prod")); r.body != want {
				t.Errorf("%s learns %s, want %s", who, r.body, want)
			}
		}
	})
}

// TestSubjects asks about each kind of actor.
func TestSubjects(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.AddGroup(t, "devops")
		b.AddUser(t, "carol", "devops", "unmapped")
		b.AddUser(t, "dave")
		b.Bind(t, "devops", "space-writer", "prod")
		b.Bind(t, "dave", "space-reader", "net")
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k2"}, "space-admin", "sandbox")
		b.Stack(t, "flagged", "platform", func(st *domain.Stack) { st.Administrative = true })
		for _, c := range []struct {
			subject, action, resource string
			want                      bool
		}{
			{b.ref("carol"), "run:trigger", "space/prod", true}, // through her group
			{b.ref("carol"), "run:trigger", "space/dev", false},
			{b.ref("devops"), "run:trigger", "space/prod", true},
			{b.ref("dave"), "space:read", "space/net", true},
			{b.ref("dave"), "space:read", "space/platform", true}, // derived
			{b.ref("dave"), "run:trigger", "space/net", false},
			{"api_key/" + string(b.UserID("dave")), "space:read", "space/net", false}, // ids are of a type
			{"user/" + string(b.KeyID("will")), "run:trigger", "space/dev", false},
			{"stack/k2", "stack:delete", "space/sandbox", true},
			{"stack/k2", "stack:delete", "space/dev", false},
			{"stack/k", "space:read", "space/apps", false},
			{"stack/flagged", "stack:delete", "stack/flagged", true}, // A142
			{"stack/flagged", "stack:delete", "space/net", true},
			{"stack/flagged", "space:read", "space/root", false}, // R14
			{b.ref("will"), "run:trigger", "space/dev", true},
			{b.ref("will"), "RUN_TRIGGER", "space/dev", true},
			{b.ref("ann"), "StackManage", "space/prod", true},
			{b.ref("ann"), "workerpool:create", "space/prod", true},
			{b.ref("ann"), "space:admin", "space/root", false},
			{b.ref("root-admin"), "space:admin", "space/root", true},
		} {
			if got := b.allowed(t, c.subject, c.action, c.resource); got != c.want {
				t.Errorf("%s %s %s: %v", c.subject, c.action, c.resource, got)
			}
		}
	})
}

// TestR25Phase: a stack is asked about as in an apply, unless the question
// names the plan; nobody else has phases.
func TestR25Phase(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k"}, "space-writer", "dev")
		run := b.Run(t, "k", domain.RunPlanning)
		asRun := b.AsStack(t, run)
		for extra, wants := range map[string][3]bool{ // trigger, read, will's trigger
			``: {true, true, true}, `,"context":{"phase":"apply"}`: {true, true, true}, `,"context":{"phase":7}`: {true, true, true},
			`,"context":{"phase":"plan"}`: {false, true, true}, `,"context":{"x":1,"phase":"plan"}`: {false, true, true},
		} {
			for i, q := range []string{question("stack/k", "run:trigger", "space/dev"), question("stack/k", "stack:state-read", "stack/k2"), question(b.ref("will"), "run:trigger", "space/dev")} {
				body := strings.TrimSuffix(q, "}") + extra + "}"
				for _, ctx := range []context.Context{b.As(t, "root-admin"), asRun} {
					if d := read[decided](t, b.send(t, ctx, "POST", authzen.PathEvaluation, body)); d.yes(t) != wants[i] {
						t.Errorf("%s: %+v", body, d)
					}
				}
			}
		}
		batch := `{"subject":{"type":"stack","id":"k"},"action":{"name":"run:trigger"},"resource":{"type":"space","id":"dev"},"context":{"phase":"plan"},
			"evaluations":[{},{"context":{}},{"context":null},{"context":{"phase":"plan"}}]}`
		got := words(t, decodeAll(t, b.post(t, "root-admin", authzen.PathEvaluations, batch)))
		if want := "[read_only_phase yes read_only_phase read_only_phase]"; fmt.Sprint(got) != want {
			t.Errorf("inherited: %v, want %s", got, want)
		}
	})
}

// TestR24Expiry: bindings and keys end at the instant that they name.
func TestR24Expiry(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			key := domain.APIKey{ID: "ends", Name: "ends", Type: domain.APIKeySecret, CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(2 * time.Hour)}
			if err := tx.InsertAPIKey(ctx, p.For(access.KindAPIKey), key); err != nil {
				return err
			}
			return tx.InsertBinding(ctx, p.For(access.KindRoleBinding), domain.Binding{
				ID: "short", Actor: authz.ActorRef{Kind: authz.ActorAPIKey, ID: "ends"}, Role: b.RoleID("space-writer"), Space: "dev",
				NotAfter: tx.Now().Add(time.Hour), CreatedAt: tx.Now(),
			})
		})
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorAPIKey, ID: "ends"}, "space-reader", "dev")
		check := func(when string, trigger, read bool, reason string) {
			t.Helper()
			d := b.decide(t, "root-admin", "api_key/ends", "run:trigger", "space/dev")
			if d.yes(t) != trigger || d.Context.Reason != reason || b.allowed(t, "api_key/ends", "space:read", "space/dev") != read {
				t.Errorf("%s: %+v", when, d)
			}
		}
		check("at first", true, true, "granted_by_tier")
		b.Clock.Advance(time.Hour)
		check("at its last instant", true, true, "granted_by_tier")
		b.Clock.Advance(time.Microsecond)
		check("after the binding", false, true, "expired")
		b.Clock.Advance(time.Hour - 2*time.Microsecond)
		check("before the key ends", false, true, "expired")
		b.Clock.Advance(time.Microsecond)
		check("after the key", false, false, "expired")
	})
}

// TestCase72Batch compares one request of many questions with as many requests
// of one, for callers who may ask all, some, or hardly any of them.
func TestCase72Batch(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Context(t, "c", "prod")
		b.AddGroup(t, "devops")
		b.AddUser(t, "carol", "devops")
		b.Bind(t, "devops", "space-writer", "apps")
		run := b.Run(t, "k2", domain.RunQueued)
		subjects := []string{b.ref("root-admin"), b.ref("ann"), b.ref("will"), b.ref("ops"), b.ref("carol"), b.ref("devops"), "stack/k", "user/nope", "x/y"}
		actions := []string{"space:read", "run:trigger", "stack:delete", "stack:read", "run:comment", "nope"}
		resources := []string{"space/dev", "space/prod", "space/root", "space/nope", "stack/k", "stack/k2", "stack/nope", "run/" + string(run.ID), "context/c", "worker_pool/p", "x/y"}
		src := rand.New(rand.NewPCG(3, 4))
		pick := func(list []string) string { return list[src.IntN(len(list))] }
		for _, who := range []string{"root-admin", "ann", "will", "rita", "nobody"} {
			var questions, singles []string
			for range 60 {
				q := question(pick(subjects), pick(actions), pick(resources))
				questions = append(questions, q)
				r := b.post(t, who, authzen.PathEvaluation, q)
				if r.status == http.StatusForbidden {
					r.body = fmt.Sprintf(`{"decision":false,"context":{"error":{"status":403,"message":%s}}}`, quoted(strings.TrimSuffix(r.body, "\n")))
				}
				singles = append(singles, r.body)
			}
			batch := b.post(t, who, authzen.PathEvaluations, `{"evaluations":[`+strings.Join(questions, ",")+`]}`)
			if want := `{"evaluations":[` + strings.Join(singles, ",") + `]}`; batch.body != want {
				t.Errorf("%s: batch\n%s\nsingles\n%s", who, batch.body, want)
			}
		}
	})
}

// TestSameAsTheGate compares what everybody is told of himself with what the
// gate lets him do.
func TestSameAsTheGate(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Context(t, "c", "dev")
		objects := map[string]access.Object{
			"space/dev": {Space: "dev"}, "space/prod": {Space: "prod"}, "space/root": {Space: "root"},
			"stack/k2":  {Space: "dev", Entity: authz.EntityRef{Kind: authz.EntityStack, ID: "k2"}},
			"stack/r0":  {Space: "root", Entity: authz.EntityRef{Kind: authz.EntityStack, ID: "r0"}},
			"context/c": {Space: "dev", Entity: authz.EntityRef{Kind: authz.EntityContext, ID: "c"}},
		}
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertBinding(ctx, p.For(access.KindRoleBinding), domain.Binding{
				ID: "one", Actor: b.Actor("nobody"), Role: b.RoleID("space-writer"), CreatedAt: tx.Now(),
				Entity: authz.EntityRef{Kind: authz.EntityStack, ID: "k2"},
			})
		})
		allowed := 0
		for _, who := range []string{"root-admin", "ann", "will", "rita", "ops", "nobody"} {
			ctx := b.As(t, who)
			for resource, object := range objects {
				var questions []string
				for _, a := range authz.Actions() {
					questions = append(questions, question(b.ref(who), a.Name, resource))
				}
				got := decodeAll(t, b.post(t, who, authzen.PathEvaluations, `{"evaluations":[`+strings.Join(questions, ",")+`]}`))
				b.View(t, func(tx *store.Tx) error {
					for i, a := range authz.Actions() {
						want, err := b.Gate.Holds(ctx, tx, a.Action, object)
						if err != nil {
							return err
						}
						if want {
							allowed++
						}
						if got[i].yes(t) != want {
							t.Errorf("%s %s %s: %+v, the gate says %v", who, a.Name, resource, got[i], want)
						}
					}
					return nil
				})
			}
		}
		if allowed < 100 {
			t.Errorf("only %d questions were allowed", allowed)
		}
	})
}

// TestCase62RevokeThenAsk asks the server that revokes and another one.
func TestCase62RevokeThenAsk(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		other := bench{b.Kit, newDoor(b.Open(t), access.NewGate())}
		check := func(round int, resource string, want bool) {
			for n, at := range []bench{other, b} {
				if at.allowed(t, b.ref("nobody"), "stack:delete", resource) != want {
					t.Fatalf("round %d, server %d: %s is not %v", round, n, resource, want)
				}
			}
		}
		for round := range 30 {
			id := b.Bind(t, "nobody", "space-admin", "dev")
			check(round, "space/dev", true)
			check(round, "stack/k2", true)
			b.Unbind(t, id)
			check(round, "space/dev", false)
			check(round, "stack/k2", false)
		}
	})
}

// TestA119MovedStack: a stack that moves, goes away or comes back is asked
// about where it is.
func TestA119MovedStack(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		other := bench{b.Kit, newDoor(b.Open(t), access.NewGate())}
		change := func(fn func(ctx context.Context, tx *store.Tx, p access.Permit) error) {
			t.Helper()
			b.Fill(t, fn)
		}
		move := func(to domain.SpaceID) {
			change(func(ctx context.Context, tx *store.Tx, p access.Permit) error {
				st, err := tx.Stack(ctx, "s")
				st.Space = to
				if err != nil {
					return err
				}
				return tx.UpdateStack(ctx, p.For(access.KindStack), st)
			})
		}
		check := func(step string, want bool) {
			t.Helper()
			for n, at := range []bench{other, b, other, b} {
				if at.allowed(t, b.ref("will"), "run:trigger", "stack/s") != want {
					t.Errorf("%s, ask %d: not %v", step, n, want)
				}
			}
		}
		check("before", false)
		b.Stack(t, "s", "dev", nil)
		check("created", true)
		move("prod")
		check("moved away", false)
		move("dev")
		check("moved back", true)
		change(func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.DeleteStack(ctx, p.For(access.KindStack), "s")
		})
		check("deleted", false)
		b.Stack(t, "s", "prod", nil)
		check("created elsewhere", false)
	})
}
