package runs_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/store"
)

// packed begins like every gzip stream; nothing on this side unpacks it.
var packed = []byte{0x1f, 0x8b, 1, 2, 3}

// previewed is the fixture whose stacks k and k2 allow local previews.
func previewed(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	each(t, func(t *testing.T, b bench) {
		b.Fill(t, func(ctx ctx, tx *store.Tx, p access.Permit) error {
			for _, id := range []domain.StackID{"k", "k2"} {
				stack, err := tx.LockStack(ctx, id)
				if err != nil {
					return err
				}
				stack.LocalPreviewEnabled = true
				if err := tx.UpdateStack(ctx, p.For(access.KindStack), stack); err != nil {
					return err
				}
			}
			return nil
		})
		test(t, b)
	})
}

// asked returns the parts of an address that somebody was given.
func (b bench) asked(t *testing.T, who string, stack domain.StackID) (domain.LocalWorkspaceID, string) {
	t.Helper()
	u, err := b.AskUpload(b.As(t, who), stack)
	if err != nil {
		t.Fatal(err)
	}
	id, token, ok := strings.Cut(strings.TrimPrefix(u.URL, base+runs.UploadPath), "/")
	if !ok || id != string(u.Workspace) {
		t.Fatalf("address %q of workspace %s", u.URL, u.Workspace)
	}
	return u.Workspace, token
}

func (b bench) uploaded(t *testing.T, who string, stack domain.StackID) domain.LocalWorkspaceID {
	t.Helper()
	id, token := b.asked(t, who, stack)
	if err := b.PutUpload(t.Context(), id, token, packed); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestPreviewOfAnUpload(t *testing.T) {
	previewed(t, func(t *testing.T, b bench) {
		id := b.uploaded(t, "will", "k2")
		in := runs.ProposeInput{Stack: "k2", Workspace: id, Metadata: "mine", Settings: domain.RunSettings{Env: []domain.EnvOverride{{Name: "TF_VAR_x", Value: "y"}}}}
		run, err := b.ProposeLocal(b.As(t, "will"), in)
		if err != nil {
			t.Fatal(err)
		}
		if run.Type != domain.RunProposed || run.State != domain.RunReady || run.Title != "Local preview" || run.Metadata != "mine" {
			t.Errorf("run = %+v", run)
		}
		a := b.lease(t)
		if a.FailReason != "" || a.Run.Request.Workspace != id {
			t.Errorf("assignment: fails %q, request %+v", a.FailReason, a.Run.Request)
		}
		for _, want := range []runs.Variable{{Name: "TF_VAR_x", Value: "y"}, {Name: "SPACELIFT_LOCAL_PREVIEW", Value: "true"}} {
			if !slices.Contains(a.Env, want) {
				t.Errorf("the environment lacks %+v", want)
			}
		}
		got, err := b.Workspace(t.Context(), a.Lease)
		if err != nil || !slices.Equal(got, packed) {
			t.Errorf("the worker gets %v, error %v", got, err)
		}
		_, err = b.ProposeLocal(b.As(t, "will"), in)
		wantCode(t, err, domain.CodeConflict) // an upload is for one run
	})
}

// TestCase34LocalPreview is security case 34 for uploads and for overrides: on
// a stack with a role that he lacks, a writer may not choose what runs.
func TestCase34LocalPreview(t *testing.T) {
	previewed(t, func(t *testing.T, b bench) {
		id := b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k2"}, "space-admin", "platform")
		lent := domain.LentRole{Stack: "k2", Role: "space-admin", Space: "platform", Binding: id}
		b.ActAs(t, lent, func() error {
			_, err := b.ProposeWith(b.As(t, "will"), runs.ProposeInput{Stack: "k2", Settings: domain.RunSettings{Env: []domain.EnvOverride{{Name: "A", Value: "b"}}}})
			return err
		})
		var uploads []domain.LocalWorkspaceID
		for range 3 {
			uploads = append(uploads, b.uploaded(t, "will", "k2"))
		}
		b.ActAs(t, lent, func() error {
			next := uploads[0]
			uploads = uploads[1:]
			_, err := b.ProposeLocal(b.As(t, "will"), runs.ProposeInput{Stack: "k2", Workspace: next})
			return err
		})
		mine := b.uploaded(t, "root-admin", "k2")
		b.NoActAs(t, func() error {
			_, err := b.ProposeLocal(b.As(t, "root-admin"), runs.ProposeInput{Stack: "k2", Workspace: mine})
			return err
		})
	})
}

func TestPreviewRefusals(t *testing.T) {
	previewed(t, func(t *testing.T, b bench) {
		propose := func(who string, stack domain.StackID, id domain.LocalWorkspaceID) error {
			_, err := b.ProposeLocal(b.As(t, who), runs.ProposeInput{Stack: stack, Workspace: id})
			return err
		}
		_, err := b.AskUpload(b.As(t, "root-admin"), "r0")
		wantCode(t, err, domain.CodeConflict) // not enabled
		b.Denied(t, domain.CodeForbidden, func() error { _, err := b.AskUpload(b.As(t, "ops"), "k2"); return err })
		b.Denied(t, domain.CodeNotFound, func() error { _, err := b.AskUpload(b.As(t, "rita"), "k2"); return err })

		id := b.uploaded(t, "will", "k2")
		wantCode(t, propose("ann", "k2", id), domain.CodeNotFound)       // somebody else's
		wantCode(t, propose("root-admin", "k", id), domain.CodeNotFound) // of another stack
		wantCode(t, propose("will", "k2", "none"), domain.CodeNotFound)
		b.Denied(t, domain.CodeForbidden, func() error { return propose("ops", "k2", id) })

		waiting, token := b.asked(t, "will", "k2")
		wantCode(t, propose("will", "k2", waiting), domain.CodeConflict) // nothing was sent
		for _, wrong := range []string{"", "x", token + "x"} {
			wantCode(t, b.CheckUpload(t.Context(), waiting, wrong), domain.CodeNotFound)
			wantCode(t, b.PutUpload(t.Context(), waiting, wrong, packed), domain.CodeNotFound)
		}
		wantCode(t, b.PutUpload(t.Context(), id, token, packed), domain.CodeNotFound) // another one's token
		wantCode(t, b.PutUpload(t.Context(), waiting, token, []byte("PK")), domain.CodeInvalid)
		wantCode(t, b.PutUpload(t.Context(), waiting, token, make([]byte, domain.MaxLocalWorkspace+1)), domain.CodeInvalid)
		if err := b.PutUpload(t.Context(), waiting, token, packed); err != nil {
			t.Fatal(err)
		}
		wantCode(t, b.CheckUpload(t.Context(), waiting, token), domain.CodeConflict) // once
		wantCode(t, b.PutUpload(t.Context(), waiting, token, packed), domain.CodeConflict)
		for _, name := range []string{"", "A B", "LD_PRELOAD", "AIRLOCK_RUN_ID"} {
			_, err := b.ProposeWith(b.As(t, "will"), runs.ProposeInput{Stack: "k2", Settings: domain.RunSettings{Env: []domain.EnvOverride{{Name: name}}}})
			wantCode(t, err, domain.CodeInvalid)
		}
	})
}

func TestUploadsExpire(t *testing.T) {
	previewed(t, func(t *testing.T, b bench) {
		late, token := b.asked(t, "will", "k2")
		kept := b.uploaded(t, "will", "k2")
		used := b.uploaded(t, "will", "k2")
		run, err := b.ProposeLocal(b.As(t, "will"), runs.ProposeInput{Stack: "k2", Workspace: used})
		if err != nil {
			t.Fatal(err)
		}
		sweep := func(want int) {
			t.Helper()
			if n, err := b.SweepUploads(t.Context()); err != nil || n != want {
				t.Errorf("swept %d, error %v; want %d", n, err, want)
			}
		}
		sweep(0)
		b.Clock.Advance(domain.UploadTime)
		wantCode(t, b.CheckUpload(t.Context(), late, token), domain.CodeNotFound)
		wantCode(t, b.PutUpload(t.Context(), late, token, packed), domain.CodeNotFound)
		sweep(1)
		b.Clock.Advance(domain.LocalWorkspaceTime)
		_, err = b.ProposeLocal(b.As(t, "will"), runs.ProposeInput{Stack: "k2", Workspace: kept})
		wantCode(t, err, domain.CodeNotFound)
		sweep(1) // and not the one that a run waits with
		if _, err := b.Cancel(b.As(t, "will"), "k2", run.ID, ""); err != nil {
			t.Fatal(err)
		}
		sweep(1)
		_, err = b.Retry(b.As(t, "will"), "k2", run.ID)
		wantCode(t, err, domain.CodeConflict)
	})
}

func TestRetryOfAPreview(t *testing.T) {
	previewed(t, func(t *testing.T, b bench) {
		settings := domain.RunSettings{Env: []domain.EnvOverride{{Name: "A", Value: "b"}}}
		id := b.uploaded(t, "will", "k2")
		first, err := b.ProposeLocal(b.As(t, "will"), runs.ProposeInput{Stack: "k2", Workspace: id, Settings: settings})
		if err != nil {
			t.Fatal(err)
		}
		a := b.lease(t)
		b.advance(t, a.Lease, domain.RunFailed)
		again, err := b.Retry(b.As(t, "will"), "k2", first.ID)
		if err != nil {
			t.Fatal(err)
		}
		a = b.lease(t)
		got, err := b.Workspace(t.Context(), a.Lease)
		if a.Run.ID != again.ID || err != nil || !slices.Equal(got, packed) || !slices.Contains(a.Env, runs.Variable{Name: "A", Value: "b"}) {
			t.Errorf("leased %s, got %v, error %v, env %v", a.Run.ID, got, err, a.Env)
		}
	})
}

// TestOverridesAreSealed looks for a value in everything that the database
// keeps, and at which variables are masked.
func TestOverridesAreSealed(t *testing.T) {
	previewed(t, func(t *testing.T, b bench) {
		b.Fill(t, func(ctx ctx, tx *store.Tx, p access.Permit) error {
			for _, c := range []domain.Config{{ID: "OPEN", Value: "1"}, {ID: "SHUT", Value: "2", WriteOnly: true}} {
				c.Type = domain.ConfigEnvironmentVariable
				if err := tx.PutConfig(ctx, p.For(access.KindStack), access.KindStack, "k2", c); err != nil {
					return err
				}
			}
			return nil
		})
		_, err := b.ProposeWith(b.As(t, "will"), runs.ProposeInput{Stack: "k2", Commit: "0123456789", Settings: domain.RunSettings{Env: []domain.EnvOverride{
			{Name: "OPEN", Value: "canary-one"}, {Name: "SHUT", Value: "canary-two"}, {Name: "NEW", Value: "canary-three"},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		for table, content := range b.Digest(t) {
			if strings.Contains(content, "canary") {
				t.Errorf("table %s shows a value", table)
			}
		}
		a := b.lease(t)
		got := map[string]runs.Variable{}
		for _, v := range a.Env {
			if v.Name == "OPEN" || v.Name == "SHUT" || v.Name == "NEW" {
				got[v.Name] = v
			}
		}
		want := map[string]runs.Variable{
			"OPEN": {Name: "OPEN", Value: "canary-one"}, "SHUT": {Name: "SHUT", Value: "canary-two", Secret: true}, "NEW": {Name: "NEW", Value: "canary-three"},
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if a.Run.Commit.Hash != "0123456789" {
			t.Errorf("commit %q", a.Run.Commit.Hash)
		}
	})
}

// TestUploadsOfOneCallerAreBounded: each may be kept for a day, and be large.
func TestUploadsOfOneCallerAreBounded(t *testing.T) {
	previewed(t, func(t *testing.T, b bench) {
		used := b.uploaded(t, "root-admin", "k")
		if _, err := b.ProposeLocal(b.As(t, "root-admin"), runs.ProposeInput{Stack: "k", Workspace: used}); err != nil {
			t.Fatal(err)
		}
		for n := range domain.MaxUnusedWorkspaces {
			if n%2 == 0 {
				b.asked(t, "root-admin", "k")
			} else {
				b.uploaded(t, "root-admin", "k2")
			}
		}
		_, err := b.AskUpload(b.As(t, "root-admin"), "k")
		wantCode(t, err, domain.CodeConflict)
		b.asked(t, "ann", "k") // somebody else
		b.Clock.Advance(domain.UploadTime)
		b.asked(t, "root-admin", "k") // what never came counts no longer
	})
}
