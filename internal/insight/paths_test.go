package insight_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/insight"
	"github.com/airlock-project/airlock/internal/store"
)

// sentences are paths, a line each.
func (b bench) sentences(t *testing.T, who string, in insight.PathsInput) string {
	t.Helper()
	in.First = 100
	p, err := b.Paths(b.As(t, who), in)
	if err != nil {
		t.Fatal(err)
	}
	lines := make([]string, len(p.List))
	for i := range p.List {
		lines[i] = p.List[i].String()
	}
	return b.plain(strings.Join(lines, "\n"))
}

// TestPathsFollowTheWorld: an analysis is kept as long as nothing has changed
// that it rests on, and no longer.
func TestPathsFollowTheWorld(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		k := b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k"}, "space-admin", "sandbox")
		in := insight.PathsInput{To: on("space/sandbox"), Role: "space-admin", Escalating: true}
		want := func(what, want string) {
			t.Helper()
			for range 2 { // made anew, and kept
				if got := b.sentences(t, "root-admin", in); got != want {
					t.Errorf("%s: %s\nwant %s", what, got, want)
				}
			}
		}
		const ann = "ann, by E1 task:create acts through stack k, which holds it in sandbox"
		const devops = "user group DevOps, by E1 task:create acts through stack k, which holds it in sandbox"
		const carol = "carol, a member of user group DevOps, by E1 task:create acts through stack k, which holds it in sandbox"
		want("at first", ann+"\n"+devops+"\n"+carol)
		b.Bind(t, "nobody", "space-reader", "apps")
		want("who only reads", ann+"\n"+devops+"\n"+carol)
		b.Role(t, "context-manager", authz.ActionSpaceRead, authz.ActionContextUpdate)
		b.AddBinding(t, "context-manager", domain.Binding{Actor: b.Actor("rita"), Space: "root", NotAfter: b.Clock.Now().Add(time.Hour)})
		want("a context that no stack uses", ann+"\n"+devops+"\n"+carol)
		b.Context(t, "net", "root", "k")
		const rita = "rita, by E8 context:update acts through context net of root, which stack k uses, which holds it in sandbox"
		want("a context that it uses", ann+"\n"+devops+"\n"+carol+"\n"+rita)
		b.Clock.Advance(2 * time.Hour)
		want("when that has ended", ann+"\n"+devops+"\n"+carol)
		in.Mode = domain.ActAsEnforce
		want("in mode ENFORCE", "")
		in.Mode = ""
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.DeleteBinding(ctx, p.For(access.KindRoleBinding), k)
		})
		want("without the role", "")
	})
}

// TestPathsOfOne: every path of one actor, in his words and with what each step
// rests on.
func TestPathsOfOne(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k2"}, "space-writer", "apps")
		deploy := b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k"}, "space-admin", "root")
		in := insight.PathsInput{From: b.Actor("will"), First: 10}
		p, err := b.Paths(b.As(t, "root-admin"), in)
		if err != nil || p.Actors != 1 || p.More || len(p.List) != 1 {
			t.Fatalf("%+v, %v", p, err)
		}
		got := b.plain(p.List[0].String())
		if got != "will, by E1 task:create acts through stack k2, by E1 task:create acts through stack k, which holds it in root" {
			t.Errorf("path: %s", got)
		}
		last := p.List[0].Hops[2]
		if len(last.Evidence) != 1 || last.Evidence[0].Binding != string(deploy) || last.Evidence[0].RoleName != "Space admin" || last.At.Name != "root" {
			t.Errorf("evidence %+v", last.Evidence)
		}
	})
}

// TestPathsAreForRootAdmins: everybody else is refused, whatever he asks for.
func TestPathsAreForRootAdmins(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, who := range []string{"ann", "will", "nobody"} {
			for _, to := range []string{"space/dev", "space/none"} {
				_, err := b.Paths(b.As(t, who), insight.PathsInput{To: on(to), Role: "space-admin", First: 1})
				if domain.ErrorCode(err) != domain.CodeForbidden {
					t.Errorf("%s is told %v", who, err)
				}
			}
		}
	})
}
