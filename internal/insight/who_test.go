package insight_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/insight"
)

// who asks as somebody for everybody that may, in pages of a size.
func (b bench) who(t *testing.T, asker string, action authz.Action, target string, size int, kinds ...authz.ActorKind) (all insight.Who) {
	t.Helper()
	q := insight.WhoQuestion{Action: action, On: on(target), Kinds: kinds, Limit: size}
	for {
		page, err := b.Who(b.As(t, asker), q)
		if err != nil {
			t.Fatalf("%s asks for %s on %s: %v", asker, action, target, err)
		}
		if len(page.Able) > size || page.More && len(page.Able) < size {
			t.Errorf("a page of %d has %d, more: %v", size, len(page.Able), page.More)
		}
		page.Able = append(all.Able, page.Able...)
		if all = page; !page.More {
			return all
		}
		q.After = page.Able[len(page.Able)-1].Actor.ActorRef
	}
}

// told are the lines of an answer: who, and the roles and places that it rests on.
func (b bench) told(x insight.Who) (out []string) {
	for _, a := range x.Able {
		line := a.Actor.String()
		if a.By != nil {
			line += fmt.Sprintf(": %s in %s", a.By.RoleSlug, a.By.At)
			if a.By.GroupName != "" {
				line += " by " + a.By.GroupName
			}
		}
		out = append(out, b.plain(line))
	}
	slices.Sort(out)
	return out
}

// TestWho lists who may, as the administrator of the account sees it.
func TestWho(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "boss", "apps", func(s *domain.Stack) { s.Administrative = true })
		b.BindActor(t, b.ref("stack/k2"), "space-writer", "dev")
		b.BindEntity(t, "nobody", "space-writer", authz.EntityRef{Kind: authz.EntityStack, ID: "k2"})
		above := []string{
			"ann: space-admin in apps", "carol: space-writer in apps by DevOps", "user group DevOps: space-writer in apps by DevOps",
			"root admin: space-admin in root",
		}
		dev := append([]string{"ci: pipeline in dev", "will: space-writer in dev", "ops: operator in dev", "stack boss: space-admin in apps", "stack k2: space-writer in dev"}, above...)
		for _, c := range []struct {
			action authz.Action
			target string
			want   []string
		}{
			{authz.ActionRunTrigger, "space/dev", dev},
			{authz.ActionRunTrigger, "stack/k2", append([]string{"nobody: space-writer in dev"}, dev...)},
			{authz.ActionSpaceAdmin, "space/root", []string{"root admin: space-admin in root"}},
			{authz.ActionRunTrigger, "space/sandbox", []string{"root admin: space-admin in root"}},
			{authz.ActionSpaceRead, "space/root", []string{
				"root admin: space-admin in root", "ann: space-admin in apps", "will: space-writer in dev", "ops: operator in dev",
				"carol: space-writer in apps by DevOps", "user group DevOps: space-writer in apps by DevOps",
			}},
		} {
			x := b.who(t, "root-admin", c.action, c.target, 100)
			slices.Sort(c.want)
			if diff := cmp.Diff(c.want, b.told(x)); diff != "" || x.Total != len(c.want) || x.Hidden != 0 || x.Action != c.action {
				t.Errorf("%s on %s: %d, %d hidden %s", c.action, c.target, x.Total, x.Hidden, diff)
			}
			for size := 1; size < 4; size++ {
				if diff := cmp.Diff(x, b.who(t, "root-admin", c.action, c.target, size)); diff != "" {
					t.Errorf("in pages of %d: %s", size, diff)
				}
			}
		}
		x := b.who(t, "root-admin", authz.ActionRunTrigger, "space/dev", 1, authz.ActorGroup, authz.ActorStack)
		want := []string{"stack boss: space-admin in apps", "stack k2: space-writer in dev", "user group DevOps: space-writer in apps by DevOps"}
		if diff := cmp.Diff(want, b.told(x)); diff != "" || x.Total != 3 {
			t.Errorf("groups and stacks: %d %s", x.Total, diff)
		}
	})
}

// TestWhoIsWhatExplainSays asks about everybody whom the question does, and
// does not, find.
func TestWhoIsWhatExplainSays(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "boss", "apps", func(s *domain.Stack) { s.Administrative = true })
		everybody := []string{"root-admin", "ann", "will", "rita", "ops", "ci", "carol", "nobody", "DevOps", "stack/k", "stack/k2", "stack/boss"}
		for _, asker := range []string{"root-admin", "ann", "will"} {
			for _, target := range []string{"space/dev", "space/apps", "space/root", "stack/k2"} {
				for _, action := range []authz.Action{authz.ActionSpaceRead, authz.ActionRunTrigger, authz.ActionStackCreate} {
					able := map[authz.ActorRef]insight.Able{}
					for _, a := range b.who(t, asker, action, target, 3).Able {
						able[a.Actor.ActorRef] = a
					}
					for _, name := range everybody {
						x, err := b.Explain(b.As(t, asker), insight.Question{Actor: b.ref(name), Action: action, On: on(target)})
						if err != nil {
							t.Fatalf("%s asks about %s on %s: %v", asker, name, target, err)
						}
						got, listed := able[b.ref(name)]
						if listed != (x.Outcome == authz.Allowed) {
							t.Errorf("%s, %s on %s: %s is listed %v, explained %s", asker, action, target, name, listed, x.Outcome)
						}
						if listed && (!cmp.Equal(got.By, x.By) || got.Actor != x.Actor || got.Reason != x.Reason) {
							t.Errorf("%s, %s on %s by %s: %s", asker, action, target, name, cmp.Diff(x.By, got.By))
						}
						delete(able, b.ref(name))
					}
					if len(able) > 0 {
						t.Errorf("%s, %s on %s: also %v", asker, action, target, able)
					}
				}
			}
		}
	})
}

// TestR23WhoHides: whoever does not read the space is told that there is
// nothing; names and bindings are for who may view the account, and a hidden
// stack is counted only.
func TestR23WhoHides(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "secret", "vault", nil)
		b.BindActor(t, b.ref("stack/secret"), "space-writer", "dev")
		b.AddGroup(t, "Buried")
		b.Bind(t, "Buried", "space-writer", "root")
		for _, c := range []struct{ asker, target, want string }{
			{"will", "space/prod", "space not found"},
			{"will", "space/none", "space not found"},
			{"rita", "stack/k2", "stack not found"},
			{"rita", "stack/none", "stack not found"},
			{"ci", "space/dev", "space not found"}, // what it may do by name shows it nothing
			{"root-admin", "space/none", "space not found"},
		} {
			_, err := b.Who(b.As(t, c.asker), insight.WhoQuestion{Action: authz.ActionRunTrigger, On: on(c.target), Limit: 9})
			if err == nil || err.Error() != c.want || domain.ErrorCode(err) != domain.CodeNotFound {
				t.Errorf("%s on %s: %v", c.asker, c.target, err)
			}
		}
		for asker, want := range map[string]struct {
			hidden int
			lines  []string
		}{
			"will": {1, []string{
				"api key <ann>", "api key <ci>", "api key <ops>", "api key <root-admin>", "user <carol>",
				"user group <Buried>", "user group <DevOps>", "will: space-writer in dev",
			}},
			// An admin there is shown what acts there, and nothing else of where it lives.
			"ann": {0, []string{
				"ann: space-admin in apps", "carol: space-writer in apps by DevOps", "ci: pipeline in dev", "ops: operator in dev",
				"root admin: space-admin in root", "stack secret-id: space-writer in dev", "user group Buried: space-writer in root by Buried",
				"user group DevOps: space-writer in apps by DevOps", "will: space-writer in dev",
			}},
		} {
			x := b.who(t, asker, authz.ActionRunTrigger, "space/dev", 2)
			got := b.told(x)
			for i, line := range got {
				line = strings.ReplaceAll(line, b.Actor("Buried").ID, "<Buried>")
				if a := x.Able[len(x.Able)-1].Actor; a.ID == "secret" && a.Name == "" {
					line = strings.ReplaceAll(line, "stack secret", "stack secret-id")
				}
				got[i] = line
			}
			slices.Sort(got)
			if diff := cmp.Diff(want.lines, got); diff != "" || x.Hidden != want.hidden || x.Total != len(want.lines)+want.hidden {
				t.Errorf("%s: %d, %d hidden %s", asker, x.Total, x.Hidden, diff)
			}
		}
		if x := b.who(t, "will", authz.ActionRunTrigger, "space/dev", 9, authz.ActorStack); x.Total != 1 || x.Hidden != 1 || len(x.Able) != 0 {
			t.Errorf("stacks only: %+v", x)
		}
	})
}

// TestWhoKnowsTheCallersSession: the groups that a session brings count for
// the caller himself.
func TestWhoKnowsTheCallersSession(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		ctx := b.As(t, "nobody")
		caller, err := access.CallerFrom(ctx)
		if err != nil {
			t.Fatal(err)
		}
		caller.Subject.Groups = []string{"DevOps"}
		x, err := b.Who(access.WithCaller(ctx, caller), insight.WhoQuestion{Action: authz.ActionRunTrigger, On: on("space/prod"), Limit: 9})
		i := slices.IndexFunc(x.Able, func(a insight.Able) bool { return a.Actor.ActorRef == b.Actor("nobody") })
		if err != nil || i < 0 || x.Able[i].By == nil || x.Able[i].By.GroupName != "DevOps" {
			t.Fatalf("%+v %v", x, err)
		}
		if !slices.IsSortedFunc(x.Able, func(p, q insight.Able) int {
			return strings.Compare(fmt.Sprint(uint8(p.Actor.Kind), p.Actor.ID), fmt.Sprint(uint8(q.Actor.Kind), q.Actor.ID))
		}) {
			t.Errorf("out of order: %+v", x.Able)
		}
		if _, err := b.Who(t.Context(), insight.WhoQuestion{}); domain.ErrorCode(err) != domain.CodeUnauthenticated {
			t.Errorf("without credentials: %v", err)
		}
	})
}
