package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/workerapi"
)

func itoa(n int) string { return strconv.Itoa(n) }

// zombie is a worker in the middle of an apply, which holds the state's lock
// and knows what to write.
type zombie struct{ *attempt }

// newZombie leases a run and brings it so far.
func newZombie(t *testing.T, s *server, run string) zombie {
	t.Helper()
	w := newStub(t, s, "zombie")
	job, err := w.api.Lease(t.Context(), workerapi.LeaseRequest{WorkerID: w.id, Wait: 10 * time.Second})
	if err != nil || job == nil || string(job.Ref.RunID) != run {
		t.Fatalf("leased %+v, %v", job, err)
	}
	z := zombie{&attempt{stub: w, job: job}}
	for _, to := range []domain.RunState{domain.RunInitializing, domain.RunPlanning, domain.RunConfirmed, domain.RunApplying} {
		if err := z.to(t.Context(), to); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.log(t.Context(), domain.RunApplying); err != nil {
		t.Fatal(err)
	}
	if _, err := z.state(t.Context(), "LOCK", "", `{"ID":"lock"}`); err != nil {
		t.Fatal(err)
	}
	return z
}

// write is any of the writes that a worker, or OpenTofu in its hands, makes.
func (z zombie) write(ctx context.Context) error {
	ref := z.job.Ref
	next := fmt.Sprintf(`{"version":4,"serial":%d,"lineage":"l"}`, 1+rand.IntN(9))
	var err error
	switch rand.IntN(8) {
	case 0:
		_, err = z.api.Heartbeat(ctx, workerapi.HeartbeatRequest{LeaseRef: ref})
	case 1:
		err = z.api.AppendLogs(ctx, workerapi.LogChunk{Ref: ref, Seq: z.seq + rand.IntN(2), State: domain.RunApplying, Text: "Apply complete!\n"})
	case 2:
		_, err = z.api.Advance(ctx, workerapi.Advance{Ref: ref, To: domain.RunFinished, Outputs: []domain.Output{{Name: "stale"}}})
	case 3:
		err = z.api.PutWorkspace(ctx, ref, strings.NewReader("stale"))
	case 4:
		err = z.api.RecoverState(ctx, ref, strings.NewReader(next))
	case 5:
		_, err = z.state(ctx, http.MethodPost, "?ID=lock", next)
	case 6:
		_, err = z.state(ctx, "LOCK", "", `{"ID":"stale"}`)
	case 7:
		_, err = z.state(ctx, "UNLOCK", "", `{"ID":"lock"}`)
	}
	return err
}

// seen is all that stale writes could have changed.
func (z zombie) seen(t *testing.T, database string) string {
	t.Helper()
	var b strings.Builder
	for _, query := range []string{
		`select id, state || serial || note || epoch || lease_until || log_bytes from runs`,
		`select id, checksum from state_versions`,
		`select run_id, epoch || '.' || seq || ' ' from run_logs order by run_id, epoch, seq`,
		`select stack_id, lock_id from state_locks`,
		`select stack_id, name from stack_outputs`,
		`select run_id, 'kept' from run_workspaces`,
	} {
		fmt.Fprintln(&b, pairs(t, database, query))
	}
	return b.String()
}
