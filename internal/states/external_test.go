package states_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// allowing makes a stack with a state that may be read from outside.
func (b bench) allowing(t *testing.T, id domain.StackID, space domain.SpaceID) domain.StateVersion {
	t.Helper()
	b.Stack(t, id, space, func(st *domain.Stack) { st.Vendor.Tofu().ExternalStateAccess = true })
	return b.keep(t, id, body(1, "l-"+string(id), `,"outputs":{"a":{"value":1,"type":"number"}}`))
}

func (b bench) keep(t *testing.T, id domain.StackID, content []byte) (v domain.StateVersion) {
	t.Helper()
	f, err := domain.ReadState(content)
	if err != nil {
		t.Fatal(err)
	}
	b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		v = domain.NewStateVersion(domain.StateVersionID(b.IDs.ULID()), id, f, tx.Now())
		return tx.InsertState(ctx, p.For(access.KindState), v, content)
	})
	return v
}

// set changes the toggle of a stack.
func (b bench) set(t *testing.T, id domain.StackID, change func(*domain.Stack)) {
	t.Helper()
	b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		st, err := tx.LockStack(ctx, id)
		if err != nil {
			return err
		}
		change(&st)
		return tx.UpdateStack(ctx, p.For(access.KindStack), st)
	})
}

// reads are all ways to read a state from outside.
func (b bench) reads(ctx context.Context, v domain.StateVersion) map[string]error {
	_, reach := b.Reachable(ctx, v.StackID)
	_, current := b.Current(ctx, v.StackID)
	_, pull := b.Pull(ctx, v.StackID)
	_, version := b.Version(ctx, v.ID)
	_, pulled := b.PullVersion(ctx, v.ID)
	_, url := b.DownloadURL(ctx, v.StackID)
	return map[string]error{"reachable": reach, "current": current, "pull": pull, "version": version, "pull version": pulled, "download URL": url}
}

func stack(id string) authz.ActorRef { return authz.ActorRef{Kind: authz.ActorStack, ID: id} }

func wantAll(t *testing.T, who string, want domain.Code, got map[string]error) {
	t.Helper()
	for what, err := range got {
		if domain.ErrorCode(err) != want || want == "" && err != nil {
			t.Errorf("%s, %s: %v, want %q", who, what, err, want)
		}
	}
}

// TestA127A129ActionsOfStateAccess: both actions in the stack's space, and the
// system roles as A129 says; without any role there the stack does not exist.
func TestA127A129ActionsOfStateAccess(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		v := b.allowing(t, "net", "dev")
		for name, actions := range map[string][]authz.Action{
			"reads":     {authz.ActionSpaceRead, authz.ActionStackStateRead},
			"downloads": {authz.ActionSpaceRead, authz.ActionStackStateDownload},
			"both":      {authz.ActionSpaceRead, authz.ActionStackStateRead, authz.ActionStackStateDownload},
		} {
			b.Role(t, "role-"+name, actions...)
			b.AddKey(t, name)
			b.Bind(t, name, "role-"+name, "dev")
		}
		for who, want := range map[string]domain.Code{
			"root-admin": "", "ann": "", "will": "", "both": "",
			"reads": domain.CodeForbidden, "downloads": domain.CodeForbidden, "ops": domain.CodeForbidden, "rita": domain.CodeNotFound,
		} {
			wantAll(t, who, want, b.reads(b.As(t, who), v))
		}
		wantAll(t, "nobody", domain.CodeUnauthenticated, b.reads(b.As(t, ""), v))
		row := b.Denied(t, domain.CodeForbidden, func() error { _, err := b.Pull(b.As(t, "reads"), "net"); return err })
		if row.Action != "stack:state-download" || row.ObjectID != "net" {
			t.Errorf("recorded %+v", row)
		}
	})
}

// TestA128ToggleAndActions: neither is enough by itself, also for the admin of
// root (A126).
func TestA128ToggleAndActions(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		v := b.allowing(t, "net", "dev")
		b.set(t, "net", func(st *domain.Stack) { st.Vendor.Tofu().ExternalStateAccess = false })
		for _, who := range []string{"root-admin", "will"} {
			wantAll(t, who, domain.CodeForbidden, b.reads(b.As(t, who), v))
		}
		_, err := b.Pull(b.As(t, "root-admin"), "net")
		if err == nil || !strings.Contains(err.Error(), "externalStateAccessEnabled") {
			t.Errorf("the reason is %v", err)
		}
		b.set(t, "net", func(st *domain.Stack) { st.Vendor = domain.Vendor{Ansible: &domain.AnsibleVendor{}} })
		wantAll(t, "another vendor", domain.CodeForbidden, b.reads(b.As(t, "root-admin"), v))
	})
}

// TestA130StacksReadState: a stack reads another one's state by a binding at
// that one's space, also while it plans (security case 169).
func TestA130StacksReadState(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		v := b.allowing(t, "net", "apps")
		ctx := b.AsStack(t, b.Run(t, "k2", domain.RunPlanning))
		wantAll(t, "without a binding", domain.CodeNotFound, b.reads(ctx, v))
		writer := b.BindActor(t, stack("k2"), "space-writer", "apps")
		p, err := b.Pull(ctx, "net")
		if err != nil || !bytes.Contains(p.Body, []byte(`"l-net"`)) {
			t.Errorf("%s, %v", p.Body, err)
		}
		b.Unbind(t, writer)
		b.BindActor(t, stack("k2"), "space-reader", "apps")
		wantAll(t, "a reader", domain.CodeForbidden, b.reads(ctx, v))
	})
}

// TestCase169EachAccessIsRecorded: who read what, and through what.
func TestCase169EachAccessIsRecorded(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		v := b.allowing(t, "net", "dev")
		ctx := b.As(t, "will")
		wantAll(t, "will", "", b.reads(ctx, v))
		var got []string
		for _, e := range b.Audit(t) {
			if e.ObjectID == "net" && strings.HasPrefix(e.Event, "state.") {
				got = append(got, e.Event+" "+e.Reason)
			}
		}
		with := " version " + string(v.ID)
		want := map[string]int{"state.read" + with: 2, "state.download" + with: 2, "state.download_url" + with: 1}
		count := map[string]int{}
		for _, g := range got {
			count[g]++
		}
		if diff := cmp.Diff(want, count); diff != "" {
			t.Errorf("recorded (-want +got):\n%s", diff)
		}
	})
}

// TestA131ReadOnlyFromOutside: a write is refused to everybody, and recorded.
func TestA131ReadOnlyFromOutside(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.allowing(t, "net", "dev")
		no := &domain.Error{Code: domain.CodeForbidden, Message: "forbidden: only read"}
		row := b.Denied(t, domain.CodeForbidden, func() error { return b.RefuseWrite(b.As(t, "root-admin"), "net", no) })
		if row.Event != "state.write" || row.ObjectID != "net" {
			t.Errorf("recorded %+v", row)
		}
		wantCode(t, b.RefuseWrite(b.As(t, "rita"), "net", no), domain.CodeNotFound)
	})
}

func secretOf(t *testing.T, url string) string {
	t.Helper()
	secret, ok := strings.CutPrefix(url, "https://airlock.example.com/transfers/")
	if !ok || len(secret) < 32 {
		t.Fatalf("the URL is %s", url)
	}
	return secret
}

// TestCase66DownloadURLs: a URL works once, for a minute, and only while its
// maker may still have what it gives.
func TestCase66DownloadURLs(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		v := b.allowing(t, "net", "dev")
		b.AddKey(t, "temp")
		bound := b.Bind(t, "temp", "space-writer", "dev")
		make := func() string {
			url, err := b.DownloadURL(b.As(t, "temp"), "net")
			if err != nil {
				t.Fatal(err)
			}
			return secretOf(t, url)
		}
		anybody := t.Context()
		first := make()
		b.keep(t, "net", body(2, "l-net", "")) // the URL is for what was current
		p, err := b.Download(anybody, first)
		if err != nil || p.ID != v.ID || !strings.Contains(string(p.Body), "outputs") {
			t.Errorf("%+v, %v", p, err)
		}
		_, err = b.Download(anybody, first)
		wantCode(t, err, domain.CodeUnauthenticated)
		late := make()
		b.Clock.Advance(domain.StateDownloadTime + time.Second)
		_, err = b.Download(anybody, late)
		wantCode(t, err, domain.CodeUnauthenticated)
		closed, revoked := make(), make()
		b.set(t, "net", func(st *domain.Stack) { st.Vendor.Tofu().ExternalStateAccess = false })
		_, err = b.Download(anybody, closed)
		wantCode(t, err, domain.CodeForbidden)
		b.set(t, "net", func(st *domain.Stack) { st.Vendor.Tofu().ExternalStateAccess = true })
		b.Unbind(t, bound)
		_, err = b.Download(anybody, revoked)
		wantCode(t, err, domain.CodeNotFound)
		if _, err := b.Sweep(anybody); err != nil {
			t.Fatal(err)
		}
		b.Clock.Advance(time.Hour)
		if n, err := b.Sweep(anybody); err != nil || n == 0 {
			t.Errorf("swept %d, %v", n, err)
		}
		if left := b.Digest(t)["transfers"]; left != "" {
			t.Errorf("left: %s", left)
		}
	})
}

// TestCase47DownloadURLOfARun: what a run asked for is good only while the run
// is active.
func TestCase47DownloadURLOfARun(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.allowing(t, "net", "apps")
		b.BindActor(t, stack("k2"), "space-writer", "apps")
		run := b.Run(t, "k2", domain.RunPlanning)
		url, err := b.DownloadURL(b.AsStack(t, run), "net")
		if err != nil {
			t.Fatal(err)
		}
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			from := run.State
			if err := run.Advance(domain.RunFailed, tx.Now(), ""); err != nil {
				return err
			}
			return tx.AdvanceRun(ctx, p.For(access.KindRun), run, from, "test")
		})
		_, err = b.Download(t.Context(), secretOf(t, url))
		wantCode(t, err, domain.CodeUnauthenticated)
	})
}

// TestUploads: an upload takes a state, once; it waits for its uploader.
func TestUploads(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		will, anybody := b.As(t, "will"), t.Context()
		up, err := b.UploadURL(will)
		if err != nil {
			t.Fatal(err)
		}
		secret := secretOf(t, up.URL)
		wantCode(t, b.Upload(anybody, secret, []byte(`{"version":3}`)), domain.CodeInvalid)
		wantCode(t, b.Upload(anybody, "unknown", []byte(`{"version":3}`)), domain.CodeUnauthenticated)
		wantCode(t, b.Upload(anybody, "unknown", body(1, "l", "")), domain.CodeUnauthenticated)
		if err := b.Upload(anybody, secret, body(1, "l", "")); err != nil {
			t.Fatal(err)
		}
		wantCode(t, b.Upload(anybody, secret, body(2, "l", "")), domain.CodeUnauthenticated)
		b.Fill(t, func(ctx context.Context, tx *store.Tx, _ access.Permit) error {
			got, content, err := tx.Uploaded(ctx, up.ID)
			if string(content) != string(body(1, "l", "")) || got.By.Name != access.Name(will) {
				t.Errorf("%+v %s", got, content)
			}
			return err
		})
		if strings.Contains(b.Digest(t)["transfers"], "lineage") {
			t.Error("an upload is kept in the clear")
		}
		for range domain.MaxStateUploads - 1 {
			if _, err := b.UploadURL(will); err != nil {
				t.Error(err)
			}
		}
		_, err = b.UploadURL(will)
		wantCode(t, err, domain.CodeConflict)
		if _, err := b.UploadURL(b.As(t, "ann")); err != nil {
			t.Errorf("another caller: %v", err)
		}
		b.Clock.Advance(domain.StateUploadKept)
		if _, err := b.UploadURL(will); err != nil {
			t.Errorf("later: %v", err)
		}
		_, err = b.UploadURL(b.As(t, ""))
		wantCode(t, err, domain.CodeUnauthenticated)
		_, err = b.UploadURL(b.AsStack(t, b.Run(t, "k", domain.RunPlanning)))
		wantCode(t, err, domain.CodeForbidden)
	})
}

// TestHistory is for whoever sees the stack, and tells nothing of the content.
func TestHistory(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		var want []domain.StateVersion
		for serial := range 60 {
			want = append([]domain.StateVersion{b.keep(t, "k", body(serial, "l", ""))}, want...)
		}
		ctx := b.As(t, "ann")
		first, err := b.History(ctx, "k", "")
		if diff := cmp.Diff(want[:50], first); diff != "" || err != nil {
			t.Fatalf("%v %s", err, diff)
		}
		second, err := b.History(ctx, "k", first[49].ID)
		if diff := cmp.Diff(want[50:], second); diff != "" || err != nil {
			t.Fatalf("%v %s", err, diff)
		}
		for name, before := range map[string]domain.StateVersionID{"unknown": "unknown", "another stack's": b.keep(t, "k2", body(1, "l", "")).ID} {
			_, err := b.History(ctx, "k", before)
			if domain.ErrorCode(err) != domain.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err = b.History(b.As(t, "rita"), "k", "")
		wantCode(t, err, domain.CodeNotFound)
		_, err = b.History(ctx, "missing", "")
		wantCode(t, err, domain.CodeNotFound)
	})
}
