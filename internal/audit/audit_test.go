package audit_test

import (
	"fmt"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/audit"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// TestA74A266Entries: admins of root read the trail, page by page; nobody
// else, and no run's token (R25).
func TestA74A266Entries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		s := audit.New(store.Bind[audit.Tx](k.Store), k.Gate)
		k.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "r0"}, "space-admin", "root")
		admin := k.As(t, "root-admin")
		var seen []domain.AuditID
		before := int64(0)
		for {
			page, err := s.Entries(admin, before, 7)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page {
				if before != 0 && e.Sequence >= before {
					t.Fatalf("%d comes after %d", e.Sequence, before)
				}
				seen, before = append(seen, e.ID), e.Sequence
			}
			if len(page) < 7 {
				break
			}
		}
		all := k.Audit(t)
		if len(seen) != len(all) || seen[0] != all[len(all)-1].ID || seen[len(seen)-1] != all[0].ID {
			t.Errorf("read %d entries, want %d, newest first", len(seen), len(all))
		}
		for _, who := range []string{"ann", "will", "rita", "nobody"} {
			if list, err := s.Entries(k.As(t, who), 0, 1); domain.ErrorCode(err) != domain.CodeForbidden || list != nil {
				t.Errorf("%s reads %v, %v", who, list, err)
			}
		}
		run := k.AsStack(t, domain.Run{ID: "run", StackID: "r0", State: domain.RunApplying})
		if list, err := s.Entries(run, 0, 1); domain.ErrorCode(err) != domain.CodeForbidden || list != nil {
			t.Errorf("a run's token reads %v, %v", list, err)
		}
		if _, err := s.Entries(t.Context(), 0, 1); domain.ErrorCode(err) != domain.CodeUnauthenticated {
			t.Errorf("without credentials: %v", err)
		}
		for _, limit := range []int{-1, 0, 1 << 40} {
			if _, err := s.Entries(admin, 0, limit); domain.ErrorCode(err) != domain.CodeInvalid {
				t.Errorf("a page of %s: %v", fmt.Sprint(limit), err)
			}
		}
		if list, err := s.Entries(admin, -5, 3); err != nil || len(list) != 0 {
			t.Errorf("before -5: %v, %v", list, err)
		}
	})
}
