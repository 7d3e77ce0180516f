package stacks_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/stacks"
	"github.com/airlock-project/airlock/internal/store"
)

// version stores a state as a run writes it: resources a and b with ids, and an
// output that is secret.
func (b bench) version(t *testing.T, id domain.StackID, run domain.RunID, serial int64, resources ...string) {
	t.Helper()
	body := fmt.Sprintf(`{"version":4,"outputs":{"o":{"value":"canary","sensitive":true}},"resources":[%s]}`, strings.Join(resources, ","))
	b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		p = p.For(access.KindState)
		v := domain.StateVersion{ID: domain.StateVersionID(b.IDs.ULID()), StackID: id, RunID: run, Serial: serial, CreatedAt: tx.Now()}
		if err := tx.InsertState(ctx, p, v, []byte(body)); err != nil {
			return err
		}
		entities, err := domain.ReadEntities([]byte(body), false)
		if err != nil {
			return err
		}
		return tx.SetManagedEntities(ctx, p, id, run, entities)
	})
}

func resource(name, value string) string {
	return fmt.Sprintf(`{"mode":"managed","type":"t","name":%q,"provider":"provider[\"example.com/a/t\"]","instances":[{"attributes":{"id":%q,"key":"canary"},
		"sensitive_attributes":[[{"type":"get_attr","value":"key"}]]}]}`, name, value)
}

func TestEntities(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		get := func(who string) []stacks.EntityView {
			t.Helper()
			out, err := b.Entities(b.As(t, who), "k2")
			if err != nil {
				t.Fatalf("%s: %v", who, err)
			}
			return out
		}
		if got := get("ann"); len(got) != 0 {
			t.Errorf("without a state: %+v", got)
		}
		first := b.Run(t, "k2", domain.RunFinished)
		b.version(t, "k2", first.ID, 1, resource("a", "1"), resource("b", "1"), resource("c", "1"))
		b.Clock.Advance(time.Hour)
		second := b.Run(t, "k2", domain.RunFinished)
		b.version(t, "k2", second.ID, 2, resource("a", "1"), resource("b", "2"), resource("d", "1"))
		said := ""
		for _, e := range get("will") {
			said += fmt.Sprintf("%s %s %s|", e.Address, e.Creator.ID, e.Updater.ID)
			if strings.Contains(e.Values, "canary") || strings.Contains(e.Values, `"1"`) || e.Stack != "k2" {
				t.Errorf("%+v", e)
			}
		}
		want := fmt.Sprintf("output.o %[1]s %[1]s|t.a %[1]s %[1]s|t.b %[1]s %[2]s|t.d %[2]s %[2]s|", first.ID, second.ID)
		if said != want {
			t.Errorf("got  %s\nwant %s", said, want)
		}

		// The stack's toggle shows what is not marked as sensitive, at once.
		b.Allowed(t, b.update(t, "ann", "k2", func(s *domain.StackSettings) {
			s.Vendor = domain.Vendor{OpenTofu: &domain.TofuVendor{SmartSanitization: true}}
		}))
		if v := get("will")[1].Values; v != `{"id":"1","key":"(not shown)"}` {
			t.Errorf("values %s", v)
		}

		// By name: the stack, and not its runs.
		b.Role(t, "by-name", authz.ActionStackRead)
		b.AddKey(t, "by-name")
		b.Bind(t, "by-name", "by-name", "dev")
		if got := get("by-name"); len(got) != 4 || got[1].Creator != nil || got[1].Updater != nil {
			t.Errorf("by name: %+v", got)
		}
		_, err := b.Entities(b.As(t, "rita"), "k2")
		wantCode(t, err, domain.CodeNotFound)
	})
}
