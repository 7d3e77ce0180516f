package insight_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/insight"
	"github.com/airlock-project/airlock/internal/store"
)

// TestExplainSentences asks why, as admins and about oneself.
func TestExplainSentences(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.AddBinding(t, "space-admin", domain.Binding{Actor: b.Actor("nobody"), Space: "sandbox", NotAfter: b.Clock.Now().Add(time.Minute)})
		b.BindEntity(t, "nobody", "space-writer", authz.EntityRef{Kind: authz.EntityStack, ID: "k"})
		b.Stack(t, "boss", "apps", func(s *domain.Stack) { s.Administrative = true })
		b.Clock.Advance(time.Hour)
		for _, c := range []struct {
			asker, about string
			action       authz.Action
			target, want string
		}{
			{"root-admin", "will", authz.ActionRunTrigger, "space/dev", "will MAY run:trigger in dev: role Space writer, bound to will in dev (binding ID), covers it by tier writer"},
			{"will", "", authz.ActionRunTrigger, "stack/k2", "will MAY run:trigger on stack k2 of dev: role Space writer, bound to will in dev (binding ID), covers it by tier writer"},
			{"will", "", authz.ActionSpaceRead, "space/apps", "will MAY space:read in apps: role Space writer, bound to will in dev (binding ID), shows the spaces above as far as they are inherited from"},
			{"ann", "carol", authz.ActionRunTrigger, "space/prod", "carol MAY run:trigger in prod: role Space writer, bound to group DevOps, to which carol belongs, in apps (binding ID), covers it by tier writer"},
			{"root-admin", "ci", authz.ActionRunTrigger, "stack/k2", "ci MAY run:trigger on stack k2 of dev: role pipeline, bound to ci in dev (binding ID), names it"},
			{"root-admin", "nobody", authz.ActionRunConfirm, "stack/k", "nobody MAY run:confirm on stack k of apps: role Space writer, bound to nobody on stack k (binding ID), covers it by tier writer"},
			{"root-admin", "stack/boss", authz.ActionStackCreate, "space/dev", "stack boss MAY stack:create in dev: the administrative flag of the stack, which stands for role Space admin in apps, covers it by tier admin"},
			{"root-admin", "", 0, "", "root admin MAY administer the account: role Space admin, bound to root admin in root (binding ID), covers it by tier admin"},

			{"ann", "will", authz.ActionStackCreate, "space/dev", "will MAY NOT stack:create in dev: no role in effect there names it or gives the tier admin; the tier held is writer"},
			{"root-admin", "ci", authz.ActionRunConfirm, "stack/k2", "ci MAY NOT run:confirm on stack k2 of dev: no role in effect there names it, and without space:read no tier counts"},
			{"ci", "", authz.ActionRunConfirm, "stack/k2", "ci MAY NOT run:confirm on stack k2 of dev: no role in effect there names it, and without space:read no tier counts"},
			{"root-admin", "nobody", authz.ActionStackCreate, "space/sandbox", "nobody MAY NOT stack:create in sandbox: role Space admin, bound to nobody in sandbox (binding ID), ended at 2026-03-01 12:01:00 UTC"},
			{"ann", "", 0, "", "ann MAY NOT administer the account: it takes space:read and space:admin at root"},
			{"root-admin", "nobody", 0, "", "nobody MAY NOT administer the account: it takes space:read and space:admin at root"},
			// Hidden and missing: the same, but for what was asked.
			{"will", "", authz.ActionRunTrigger, "space/prod", "will MAY NOT run:trigger in prod: there is no such space, or it is hidden"},
			{"will", "", authz.ActionRunTrigger, "space/none", "will MAY NOT run:trigger in none: there is no such space, or it is hidden"},
			{"rita", "", authz.ActionRunTrigger, "stack/k", "rita MAY NOT run:trigger on stack k: there is no such stack, or it is hidden"},
			{"rita", "", authz.ActionRunTrigger, "run/none", "rita MAY NOT run:trigger on run none: there is no such run, or it is hidden"},
		} {
			x, err := b.ask(t, c.asker, c.about, c.action, c.target)
			if got := b.plain(x.Sentence()); err != nil || got != c.want {
				t.Errorf("%s asks about %q: %s %v\nwant %s", c.asker, c.about, got, err, c.want)
			}
		}
	})
}

// TestR23AskingAboutOthers: who reads the space of the target may ask about
// others there; everybody else is told that there is nothing, as for what does
// not exist.
func TestR23AskingAboutOthers(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "secret", "vault", nil)
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "secret"}, "space-reader", "dev")
		for _, c := range []struct {
			asker, about, target string
			want                 string // of the error
		}{
			{"will", "rita", "space/dev", ""},
			{"will", "rita", "space/apps", ""}, // by derived read
			{"will", "rita", "stack/k", ""},
			{"will", "rita", "space/prod", "space not found"},
			{"will", "rita", "space/none", "space not found"},
			{"rita", "will", "stack/k2", "stack not found"},
			{"rita", "will", "stack/none", "stack not found"},
			{"ci", "will", "stack/k2", "stack not found"}, // known by id, but not read
			{"nobody", "will", "space/root", "space not found"},
			{"root-admin", "will", "space/none", "space not found"},
			{"root-admin", "will", "worker_pool/none", "worker pool not found"},
			// Actors: that there is none is for those who view the account.
			{"will", "key/none", "space/dev", ""},
			{"ann", "key/none", "space/dev", "api key not found"},
			{"will", "stack/k", "space/dev", ""},
			{"will", "stack/none", "space/dev", "stack not found"},
			{"will", "stack/secret", "space/dev", "stack not found"},
			{"ann", "stack/secret", "space/apps", "stack not found"}, // it holds nothing there
			{"ann", "stack/secret", "space/dev", ""},                 // its binding is shown to her
		} {
			_, err := b.ask(t, c.asker, c.about, authz.ActionSpaceRead, c.target)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != c.want || (err != nil && domain.ErrorCode(err) != domain.CodeNotFound) {
				t.Errorf("%s asks about %s on %s: %v, want %q", c.asker, c.about, c.target, err, c.want)
			}
		}
		if _, err := b.Explain(t.Context(), insight.Question{}); domain.ErrorCode(err) != domain.CodeUnauthenticated {
			t.Errorf("without credentials: %v", err)
		}
	})
}

// TestA78WhatOthersHold: names and bindings of users, keys and groups are for
// who may view the account; they are counted for others.
func TestA78WhatOthersHold(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, c := range []struct {
			asker, about string
			action       authz.Action
			named        bool
			hidden, near int
			roles        []string
			more         int
		}{
			{"ann", "will", authz.ActionRunTrigger, true, 0, 0, nil, 0},
			{"will", "carol", authz.ActionRunTrigger, false, 1, 0, nil, 0},
			{"ann", "rita", authz.ActionRunTrigger, true, 0, 1, []string{"operator", "pipeline", "space-writer", "space-admin"}, 0},
			{"will", "rita", authz.ActionRunTrigger, false, 1, 0, []string{"space-writer", "space-admin"}, 2},
			{"ops", "", authz.ActionRunConfirm, true, 0, 1, []string{"space-writer", "space-admin"}, 0},
		} {
			x, err := b.ask(t, c.asker, c.about, c.action, "space/dev")
			if err != nil {
				t.Fatal(err)
			}
			var roles []string
			for _, r := range x.Roles {
				roles = append(roles, r.Slug)
			}
			slices.Sort(roles)
			slices.Sort(c.roles)
			if diff := cmp.Diff(c.roles, roles); diff != "" || x.HiddenRoles != c.more {
				t.Errorf("%s about %q: roles and %d, want %d more %s", c.asker, c.about, x.HiddenRoles, c.more, diff)
			}
			if (x.Actor.Name != "") != c.named || x.Hidden != c.hidden || len(x.Nearest) != c.near || (x.By != nil) != (c.named && x.Outcome == authz.Allowed) {
				t.Errorf("%s about %q: %+v", c.asker, c.about, x)
			}
			if !c.named && x.Held != authz.TierNone {
				t.Errorf("%s is told the tier of %s: %s", c.asker, c.about, x.Held)
			}
		}
	})
}

// TestExplainWay follows rights down and up the tree, and leaves out what is
// hidden from who asks.
func TestExplainWay(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Bind(t, "nobody", "pipeline", "platform")
		for _, c := range []struct {
			asker, about string
			action       authz.Action
			target       string
			want         []string
		}{
			{"ann", "ann", authz.ActionStackCreate, "space/dev", []string{"apps", "dev"}},
			{"ann", "ann", authz.ActionStackCreate, "space/apps", []string{"apps"}},
			{"will", "will", authz.ActionSpaceRead, "space/root", []string{"dev", "apps", "root"}},
			{"root-admin", "root-admin", authz.ActionSpaceRead, "space/vault-x", []string{"root", "platform", "vault", "vault-x"}},
			{"nobody", "nobody", authz.ActionRunTrigger, "space/vault", []string{"", "vault-id"}},
			{"will", "carol", authz.ActionRunTrigger, "space/dev", nil},
		} {
			x, err := b.ask(t, c.asker, c.about, c.action, c.target)
			var got []string
			for _, s := range x.Way {
				name := s.Name
				if s.Name == "" && s.ID != "" {
					name = string(s.ID) + "-id"
				}
				got = append(got, name)
			}
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("%s on %s: %v %s", c.about, c.target, err, diff)
			}
		}
	})
}

// TestR25ExplainPlan: the token of a plan only reads.
func TestR25ExplainPlan(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.BindActor(t, b.ref("stack/k2"), "space-admin", "dev")
		for plan, want := range map[bool]authz.Reason{false: authz.ReasonByTier, true: authz.ReasonReadOnlyToken} {
			x, err := b.Explain(b.As(t, "ann"), insight.Question{Actor: b.ref("stack/k2"), Action: authz.ActionStackCreate, On: on("space/dev"), Plan: plan})
			if err != nil || x.Reason != want {
				t.Errorf("plan %v: %v %v", plan, x.Reason, err)
			}
		}
	})
}

// TestEffective lists what is allowed, which is what single questions answer.
func TestEffective(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.BindEntity(t, "rita", "operator", authz.EntityRef{Kind: authz.EntityStack, ID: "k2"})
		for _, name := range []string{"ann", "will", "ci", "carol", "rita", "nobody"} {
			for _, target := range []string{"space/root", "space/dev", "stack/k2", "space/none"} {
				x, err := b.Effective(b.As(t, "root-admin"), insight.Question{Actor: b.ref(name), On: on(target)})
				if target == "space/none" {
					if domain.ErrorCode(err) != domain.CodeNotFound {
						t.Errorf("%s: %v", target, err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				own, err := b.Effective(b.As(t, name), insight.Question{On: on(target)})
				if err != nil || own.Missing != (len(x.Actions) == 0) || len(own.Actions) != len(x.Actions) || own.Tier != x.Tier {
					t.Errorf("%s about himself on %s: %+v %v, the admin is told %+v", name, target, own, err, x)
				}
				for _, a := range authz.Actions() {
					e, err := b.ask(t, "root-admin", name, a.Action, target)
					i := slices.IndexFunc(x.Actions, func(l insight.EffectiveAction) bool { return l.Action == a.Action })
					if err != nil || (i >= 0) != (e.Outcome == authz.Allowed) {
						t.Errorf("%s %s on %s: listed %v, explained %v %v", name, a.Name, target, i >= 0, e.Outcome, err)
					}
					if i >= 0 && !cmp.Equal(e.By, x.Actions[i].By) {
						t.Errorf("%s %s on %s: %s", name, a.Name, target, cmp.Diff(e.By, x.Actions[i].By))
					}
				}
			}
		}
		x, err := b.Effective(b.As(t, "will"), insight.Question{Actor: b.Actor("carol"), On: on("space/dev")})
		if err != nil || len(x.Actions) == 0 || x.Tier != authz.TierNone || x.Actor.Name != "" || x.Actions[0].By != nil {
			t.Errorf("a writer about carol: %+v %v", x, err)
		}
	})
}

// TestInsightWritesNothing: questions leave no trace.
func TestInsightWritesNothing(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		count := func() (n int) {
			b.View(t, func(tx *store.Tx) error {
				list, err := tx.AuditEntries(context.Background(), 0, 1000)
				n = len(list)
				return err
			})
			return n
		}
		before := count()
		for _, c := range []string{"space/dev", "space/prod", "space/none"} {
			_, _ = b.ask(t, "will", "rita", authz.ActionStackCreate, c)
			_, _ = b.Effective(b.As(t, "will"), insight.Question{On: access.Ref{Kind: access.KindSpace, ID: "dev"}})
		}
		if after := count(); after != before {
			t.Errorf("%d rows in the audit trail, were %d", after, before)
		}
	})
}
