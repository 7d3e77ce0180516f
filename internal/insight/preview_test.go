package insight_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/contexts"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/insight"
	"github.com/airlock-project/airlock/internal/roles"
	"github.com/airlock-project/airlock/internal/spaces"
	"github.com/airlock-project/airlock/internal/stacks"
	"github.com/airlock-project/airlock/internal/store"
)

// stack is the entity of a stack.
func stack(id string) authz.EntityRef { return authz.EntityRef{Kind: authz.EntityStack, ID: id} }

// bind is a grant that is tried out.
func (b bench) bind(g bindings.Grant) insight.Change {
	s := bindings.New(store.Bind[bindings.Tx](b.Store), b.Gate, b.IDs)
	return insight.Change{Do: func(ctx context.Context) error { _, err := s.Create(ctx, g); return err }}
}

func (b bench) unbind(id domain.BindingID) insight.Change {
	s := bindings.New(store.Bind[bindings.Tx](b.Store), b.Gate, b.IDs)
	return insight.Change{Do: func(ctx context.Context) error { _, err := s.Remove(ctx, id); return err }}
}

// reshape changes a space from what it is then.
func (b bench) reshape(id domain.SpaceID, change func(*spaces.Input)) insight.Change {
	s := spaces.New(store.Bind[spaces.Tx](b.Store), b.Gate, b.IDs)
	return insight.Change{Do: func(ctx context.Context) error {
		v, err := s.Get(ctx, id)
		if err != nil {
			return err
		}
		in := spaces.Input{Name: v.Name, Parent: v.Parent, Inherit: v.Inherit}
		change(&in)
		_, err = s.Update(ctx, id, in)
		return err
	}}
}

func (b bench) remove(id domain.SpaceID) insight.Change {
	s := spaces.New(store.Bind[spaces.Tx](b.Store), b.Gate, b.IDs)
	return insight.Change{Do: func(ctx context.Context) error { _, err := s.Delete(ctx, id); return err }}
}

func (b bench) moveStack(id domain.StackID, to domain.SpaceID) insight.Change {
	s := stacks.New(store.Bind[stacks.Tx](b.Store), b.Gate, b.IDs, func(string, string) error { return nil })
	return insight.Change{Moves: stack(string(id)), Do: func(ctx context.Context) error {
		v, err := s.Get(ctx, id)
		if err != nil {
			return err
		}
		v.Space = to
		_, err = s.Update(ctx, id, v.StackSettings)
		return err
	}}
}

func (b bench) setActions(slug string, actions ...string) insight.Change {
	s := roles.New(store.Bind[roles.Tx](b.Store), b.Gate, b.IDs)
	return insight.Change{Do: func(ctx context.Context) error {
		_, err := s.Update(ctx, b.RoleID(slug), roles.Input{Actions: actions})
		return err
	}}
}

func (b bench) attach(c domain.ContextID, to domain.StackID) insight.Change {
	s := contexts.New(store.Bind[contexts.Tx](b.Store), b.Gate, b.IDs)
	return insight.Change{Do: func(ctx context.Context) error {
		_, err := s.Attach(ctx, c, contexts.StackAttachment{Stack: to})
		return err
	}}
}

func (b bench) preview(t *testing.T, who string, changes ...insight.Change) insight.Preview {
	t.Helper()
	before, trail := b.Digest(t), len(b.Audit(t))
	p, err := b.Preview(b.As(t, who), insight.PreviewInput{Changes: changes, Paths: true, First: 100})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, b.Digest(t)); diff != "" || len(b.Audit(t)) != trail {
		t.Errorf("a preview has left something: %s", diff)
	}
	return p
}

// foretold is a preview in lines.
func (b bench) foretold(p insight.Preview) string {
	var lines []string
	for _, r := range p.Refusals {
		lines = append(lines, "refused: "+r.Error.Error())
	}
	for _, a := range p.Actors {
		lines = append(lines, a.Sentence())
	}
	for _, c := range p.Paths.List {
		for _, path := range c.Gained {
			lines = append(lines, "new path to "+c.Goal.RoleName+" in "+c.Goal.At.String()+": "+path.String())
		}
		for _, who := range c.Lost {
			lines = append(lines, "no more "+c.Goal.RoleName+" "+c.Goal.At.String()+": "+who.String())
		}
	}
	if p.Hidden > 0 {
		lines = append(lines, "and hidden ones")
	}
	return b.plain(strings.Join(lines, "\n"))
}

// TestPreview tries out every kind of change as an admin of root.
func TestPreview(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		nobody := b.Actor("nobody")
		hour := b.Clock.Now().Add(time.Hour)
		will := b.Bind(t, "nobody", "space-reader", "sandbox")
		for name, c := range map[string]struct {
			changes []insight.Change
			want    string
		}{
			"bind":   {[]insight.Change{b.bind(bindings.Grant{Actor: nobody, Input: bindings.Input{Role: "space-reader", Space: "prod", NotAfter: hour}})}, "nobody gains everything of reader in prod"},
			"unbind": {[]insight.Change{b.unbind(will)}, "nobody loses everything of reader in sandbox"},
			"entity": {[]insight.Change{b.bind(bindings.Grant{Actor: nobody, Input: bindings.Input{Role: "pipeline", Entity: stack("k")}})}, "nobody gains run:trigger and run:read on stack k of apps"},
			"move": {[]insight.Change{b.reshape("dev", func(in *spaces.Input) { in.Parent = "platform" })}, "carol loses everything of reader and writer in dev\n" +
				"ann loses everything of reader, writer and admin in dev\n" +
				"will loses space:read in apps; gains space:read in platform\n" +
				"ops loses space:read in apps; gains space:read in platform\n" +
				"user group DevOps loses everything of reader and writer in dev"},
			"inherit": {[]insight.Change{b.reshape("dev", func(in *spaces.Input) { in.Inherit = false })}, "will loses space:read in root with 1 below\nops loses space:read in root with 1 below"},
			"delete":  {[]insight.Change{b.remove("sandbox")}, "root admin loses everything of reader, writer and admin in sandbox\nnobody loses everything of reader in sandbox"},
			"stack": {[]insight.Change{b.moveStack("k", "dev")}, "will gains everything of writer, run:cancel, run:comment, run:retry, run:stop, stack:set-star and 4 more on stack k of dev\n" +
				"ops gains run:cancel, run:comment, run:retry, run:stop, run:trigger and 5 more on stack k of dev\n" +
				"ci gains run:trigger and run:read on stack k of dev"},
			"role": {[]insight.Change{b.setActions("operator", "SPACE_READ", "RUN_CONFIRM")}, "ops gains run:confirm and loses run:trigger in dev"},
			"two": {[]insight.Change{b.moveStack("k2", "prod"), b.reshape("prod", func(in *spaces.Input) { in.Inherit = true })}, "will loses everything of reader and writer on stack k2 of prod\n" +
				"rita gains space:read in root with 1 below; gains everything of reader on stack k2 of prod\n" +
				"ops loses everything of reader and run:trigger on stack k2 of prod\n" +
				"ci loses run:trigger and run:read on stack k2 of prod"},
			"broken": {[]insight.Change{b.remove("apps"), b.remove("sandbox")}, "refused: space apps is not empty: it holds 2 spaces, 1 stack"},
		} {
			if got := b.foretold(b.preview(t, "root-admin", c.changes...)); got != c.want {
				t.Errorf("%s: %s", name, got)
			}
		}
	})
}

// TestCase56Preview: SX moves to where somebody else writes: the preview names
// him, and the path that opens.
func TestCase56Preview(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k"}, "space-admin", "platform")
		b.AddKey(t, "mover")
		b.Bind(t, "mover", "space-admin", "apps")
		got := b.foretold(b.preview(t, "root-admin", b.moveStack("k", "dev")))
		for _, want := range []string{
			"will gains everything of writer",
			"new path to Space admin in platform: will, by E1 task:create acts through stack k, which holds it in platform",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in %s", want, got)
			}
		}
		// The mover sees that somebody gains a path, and not where it leads.
		p := b.preview(t, "mover", b.moveStack("k", "dev"))
		got = b.foretold(p)
		if !strings.Contains(got, "will gains everything of writer") || strings.Contains(got, "platform") || p.Paths.Hidden == 0 {
			t.Errorf("the mover is told %d hidden paths and %s", p.Paths.Hidden, got)
		}
	})
}

// TestPreviewPaths: what a change of bindings, or of what a stack uses, opens
// and closes.
func TestPreviewPaths(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k"}, "space-admin", "sandbox")
		b.Role(t, "context-manager", authz.ActionSpaceRead, authz.ActionContextUpdate)
		b.Bind(t, "nobody", "context-manager", "root")
		b.Context(t, "of-root", "root")
		got := b.foretold(b.preview(t, "root-admin", b.attach("of-root", "k")))
		const want = "new path to Space admin in sandbox: nobody, by E8 context:update acts through context of-root of root, which stack k uses, which holds it in sandbox"
		if got != want {
			t.Errorf("attaching: %s", got)
		}
		b.Context(t, "other", "root", "k")
		got = b.foretold(b.preview(t, "root-admin", b.bind(bindings.Grant{Actor: b.Actor("rita"), Input: bindings.Input{Role: "space-writer", Space: "apps"}})))
		if !strings.Contains(got, "new path to Space admin in sandbox: rita, by E1 task:create acts through stack k, which holds it in sandbox") {
			t.Errorf("binding: %s", got)
		}
	})
}

// TestPreviewIsAsTheCaller: whoever could not make a change learns what he
// lacks, as if he had tried, and nothing of what it would do; who could is told
// of the spaces that he reads, and the others are counted.
func TestPreviewIsAsTheCaller(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		reader := bindings.Input{Role: "space-reader", Space: "prod"}
		for who, want := range map[string]string{
			"will":   "refused: space not found",
			"rita":   "refused: forbidden: api::<rita> lacks role-binding:manage in space prod",
			"nobody": "refused: space not found",
			"ann":    "<nobody> gains everything of reader in prod",
		} {
			p := b.preview(t, who, b.bind(bindings.Grant{Actor: b.Actor("nobody"), Input: reader}))
			got := strings.Replace(b.foretold(p), "nobody gains", "<nobody> gains", 1)
			if got != want {
				t.Errorf("%s: %s", who, got)
			}
		}
		b.AddKey(t, "dan")
		b.Role(t, "blind-admin", authz.ActionSpaceAdmin)
		b.Bind(t, "dan", "blind-admin", "apps") // acts there and sees nothing of it
		p := b.preview(t, "dan", b.reshape("dev", func(in *spaces.Input) { in.Parent = "prod" }))
		if got := b.foretold(p); got != "refused: space not found" {
			t.Errorf("dan: %s", got)
		}
	})
}

// TestPreviewInput: no changes, too many, and pages.
func TestPreviewInput(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		for _, n := range []int{0, insight.MaxChanges + 1} {
			_, err := b.Preview(admin, insight.PreviewInput{Changes: make([]insight.Change, n), First: 1})
			if domain.ErrorCode(err) != domain.CodeInvalid {
				t.Errorf("%d changes: %v", n, err)
			}
		}
		in := insight.PreviewInput{Changes: []insight.Change{b.reshape("dev", func(in *spaces.Input) { in.Parent = "platform" })}, First: 2}
		var all []string
		for {
			p, err := b.Preview(admin, in)
			if err != nil {
				t.Fatal(err)
			}
			if p.Gaining != 2 || p.Losing != 5 || p.Hidden != 0 || len(p.Paths.List) != 0 {
				t.Errorf("gaining %d, losing %d, hidden %d, paths %v", p.Gaining, p.Losing, p.Hidden, p.Paths)
			}
			for _, a := range p.Actors {
				all = append(all, a.Actor.Name)
				in.After = a.Actor.ActorRef
			}
			if !p.More {
				break
			}
		}
		if got := strings.Join(all, " "); got != "carol ann will ops DevOps" {
			t.Errorf("pages of %s", got)
		}
	})
}
