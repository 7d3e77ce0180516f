package states_test

import (
	"context"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// ending returns a context in which a key calls that expires, and has every right
// to the states of dev.
func (b bench) ending(t *testing.T, id domain.APIKeyID, after time.Duration) context.Context {
	t.Helper()
	b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.InsertAPIKey(ctx, p.For(access.KindAPIKey), domain.APIKey{
			ID: id, Name: string(id), Type: domain.APIKeySecret, SecretHash: []byte(id), Creator: "test", CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(after),
		})
	})
	actor := authz.ActorRef{Kind: authz.ActorAPIKey, ID: string(id)}
	b.BindActor(t, actor, "space-admin", "dev")
	return access.WithCaller(t.Context(), access.Caller{Subject: authz.Subject{Actor: actor}, Name: id.AuditName()})
}

// TestCase66URLsOfKeysThatAreGone: the URL of a key that has expired or is deleted
// gives nothing and takes nothing, and the roles that the key had do not count.
func TestCase66URLsOfKeysThatAreGone(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.allowing(t, "net", "dev")
		secrets := func(ctx context.Context) (down, up string) {
			url, err := b.DownloadURL(ctx, "net")
			if err != nil {
				t.Fatal(err)
			}
			place, err := b.UploadURL(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return secretOf(t, url), secretOf(t, place.URL)
		}
		refused := func(down, up string) {
			t.Helper()
			for call, act := range map[string]func() error{
				"download":     func() error { _, err := b.Download(t.Context(), down); return err },
				"check upload": func() error { _, err := b.CheckUpload(t.Context(), up); return err },
				"upload":       func() error { return b.Upload(t.Context(), up, body(1, "l", "")) },
				"no state":     func() error { return b.Upload(t.Context(), up, []byte("{}")) },
			} {
				if row := b.Denied(t, domain.CodeUnauthenticated, act); row.Event != "state.transfer" || row.Actor == "" {
					t.Errorf("%s: recorded %+v", call, row)
				}
			}
		}
		expires := b.ending(t, "expires", domain.StateDownloadTime/2)
		down, up := secrets(expires)
		if _, err := b.Download(t.Context(), down); err != nil {
			t.Error("before the key has expired:", err)
		}
		if by, err := b.CheckUpload(t.Context(), up); err != nil || by != access.Name(expires) {
			t.Error("before the key has expired:", by, err)
		}
		down, up = secrets(expires)
		b.Clock.Advance(domain.StateDownloadTime / 2)
		refused(down, up)

		down, up = secrets(b.ending(t, "deleted", time.Hour))
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.DeleteAPIKey(ctx, p.For(access.KindAPIKey), "deleted")
		})
		refused(down, up)
	})
}
