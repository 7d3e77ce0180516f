package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// Run puts a run of a stack into the database in any state, without a history.
func (k *Kit) Run(t *testing.T, stack domain.StackID, state domain.RunState) domain.Run {
	t.Helper()
	r := domain.Run{
		ID: domain.RunID(k.IDs.ULID()), StackID: stack, Type: domain.RunTracked, State: domain.RunQueued, StateSerial: 1,
		Branch: "main", Title: "test", TriggeredBy: "test", CreatedAt: k.Clock.Now(), UpdatedAt: k.Clock.Now(),
	}
	k.must(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		if err := tx.InsertRun(ctx, p, r); err != nil || state == domain.RunQueued {
			return err
		}
		r.State = state
		return tx.SaveRun(ctx, p, r)
	})
	return r
}

func (k *Kit) run(t *testing.T, id domain.RunID) domain.Run {
	t.Helper()
	return read(t, k, func(ctx context.Context, tx *store.Tx) (domain.Run, error) { return tx.Run(ctx, id) })
}

func testRuns(t *testing.T, k *Kit) {
	k.Stack(t, "s", "legacy", nil)
	r := filled[domain.Run](k)
	r.ID, r.StackID, r.Type, r.State, r.StateSerial = "01", "s", domain.RunTracked, domain.RunQueued, 1
	r.LogsGone = false // only DropLogs says so
	fresh := r
	fresh.Delta, fresh.Note, fresh.Stop, fresh.Epoch, fresh.Worker, fresh.LeaseHash, fresh.LeaseUntil = nil, "", nil, 0, "", "", time.Time{}
	k.must(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.InsertRun(ctx, p, r) })
	same(t, fresh, k.run(t, "01"))
	if err := k.try(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.InsertRun(ctx, p, r) }); err == nil {
		t.Error("an id was used twice")
	}

	ready := r
	ready.State, ready.StateSerial, ready.UpdatedAt = domain.RunReady, 2, r.UpdatedAt.Add(time.Second)
	k.must(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		if err := tx.SetRunChanges(ctx, p, "01", []domain.ResourceChange{{Address: "a.Ω", Action: "create"}}); err != nil {
			return err
		}
		return tx.AdvanceRun(ctx, p, ready, domain.RunQueued, "by")
	})
	same(t, ready, k.run(t, "01"))
	same(t, []domain.ResourceChange{{Address: "a.Ω", Action: "create"}}, read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.ResourceChange, error) {
		return tx.RunChanges(ctx, "01")
	}))
	same(t, []domain.RunTransition{
		{RunID: "01", Serial: 2, State: domain.RunReady, At: ready.UpdatedAt, Username: "by", Note: ready.Note},
		{RunID: "01", Serial: 1, State: domain.RunQueued, At: r.UpdatedAt, Username: r.TriggeredBy},
	}, read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.RunTransition, error) {
		return tx.RunHistory(ctx, "01")
	}))
	st, _ := k.stack(t, "s")
	if st.RunState != domain.RunReady || st.StateSetBy != "by" || !st.StateSetAt.Equal(ready.UpdatedAt) {
		t.Errorf("the stack mirrors %s at %s by %s", st.RunState, st.StateSetAt, st.StateSetBy)
	}

	for i := 2; i <= 5; i++ {
		next := domain.Run{ID: domain.RunID(fmt.Sprintf("%02d", i)), StackID: "s", Type: domain.RunTracked, State: domain.RunQueued, StateSerial: 1}
		k.must(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.InsertRun(ctx, p, next) })
	}
	of := func(before domain.RunID, limit int) string {
		runs := read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Run, error) {
			return tx.RunsOf(ctx, "s", []domain.RunType{domain.RunTracked}, before, limit)
		})
		var ids []string
		for _, r := range runs {
			ids = append(ids, string(r.ID))
		}
		return strings.Join(ids, " ")
	}
	same(t, "05 04 03", of("", 3))
	same(t, "02 01", of("03", 3))
	same(t, "02", string(read(t, k, func(ctx context.Context, tx *store.Tx) (domain.Run, error) { return tx.Run(ctx, "02") }).ID))
	open := read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Run, error) { return tx.OpenRuns(ctx, "s") })
	if len(open) != 5 || open[0].ID != "05" || open[4].ID != "01" {
		t.Errorf("open runs %+v", open)
	}
	k.must(t, access.KindRun, func(ctx context.Context, tx *store.Tx, _ access.Permit) error {
		next, err := tx.NextQueued(ctx, "s", "")
		same(t, domain.RunID("02"), next.ID)
		held, err2 := tx.Blocker(ctx, "s")
		same(t, domain.RunID("01"), held.ID)
		if err == nil {
			err = err2
		}
		return err
	})
	k.leases(t, ready)
	k.notes(t, "01")
	k.together(t)
}

// together lists runs of several types in one order, page by page.
func (k *Kit) together(t *testing.T) {
	t.Helper()
	for id, typ := range map[domain.RunID]domain.RunType{"71": domain.RunTracked, "72": domain.RunDestroy, "73": domain.RunProposed, "74": domain.RunTask, "75": domain.RunTracked} {
		next := domain.Run{ID: id, StackID: "s", Type: typ, State: domain.RunQueued, StateSerial: 1}
		k.must(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.InsertRun(ctx, p, next) })
	}
	for want, page := range map[string]struct {
		of     domain.RunType
		before domain.RunID
	}{
		"75 72 71": {domain.RunTracked, ""}, "72 71 05": {domain.RunDestroy, "75"}, "71 05 04": {domain.RunTracked, "72"},
		"73": {domain.RunProposed, ""}, "74": {domain.RunTask, ""},
	} {
		var ids []string
		for _, r := range read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Run, error) {
			return tx.RunsOf(ctx, "s", page.of.Together(), page.before, 3)
		}) {
			ids = append(ids, string(r.ID))
		}
		same(t, want, strings.Join(ids, " "))
	}
}

// notes writes comments on a run and reviews of it.
func (k *Kit) notes(t *testing.T, id domain.RunID) {
	t.Helper()
	comment, review := filled[domain.RunComment](k), filled[domain.RunReview](k)
	comment.Run, review.Run, comment.ID, review.ID = id, id, "2", "2"
	first, before := comment, review
	first.ID, before.ID = "1", "1"
	k.must(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return errors.Join(tx.InsertRunComment(ctx, p, comment), tx.InsertRunComment(ctx, p, first),
			tx.InsertRunReview(ctx, p, review), tx.InsertRunReview(ctx, p, before))
	})
	same(t, []domain.RunComment{first, comment}, read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.RunComment, error) {
		return tx.RunComments(ctx, id)
	}))
	same(t, []domain.RunReview{before, review}, read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.RunReview, error) {
		return tx.RunReviews(ctx, id)
	}))
}

// leases looks for runs that wait for a worker, or whose worker is gone.
func (k *Kit) leases(t *testing.T, ready domain.Run) {
	t.Helper()
	leasable := func(want bool, pool domain.WorkerPoolID, but ...domain.RunID) {
		t.Helper()
		ids := read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.RunID, error) {
			return tx.Leasable(ctx, pool, but, 10)
		})
		same(t, want, len(ids) == 1 && ids[0] == ready.ID)
		k.must(t, access.KindRun, func(ctx context.Context, tx *store.Tx, _ access.Permit) error {
			list, err := tx.LockLeasable(ctx, pool, []domain.RunID{"nobody", ready.ID}, 10)
			same(t, want || but != nil, len(list) == 1 && list[0].ID == ready.ID)
			return err
		})
	}
	expired := func() int {
		return len(read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Run, error) { return tx.ExpiredLeases(ctx) }))
	}
	leasable(false, domain.DefaultWorkerPool) // it carries a lease
	ready.LeaseUntil = time.Time{}
	save := func() {
		k.must(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.SaveRun(ctx, p, ready) })
	}
	save()
	leasable(true, domain.DefaultWorkerPool)
	leasable(false, domain.DefaultWorkerPool, ready.ID)
	leasable(false, "other")
	same(t, 0, expired())
	ready.LeaseUntil = k.Clock.Now().Add(time.Second)
	save()
	same(t, 0, expired())
	k.Clock.Advance(time.Second + time.Microsecond)
	same(t, 1, expired())
}

func testLogs(t *testing.T, k *Kit) {
	k.Stack(t, "s", "legacy", nil)
	run := k.Run(t, "s", domain.RunPlanning)
	add := func(epoch, seq, serial int, state domain.RunState, body string) {
		k.must(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.AppendLog(ctx, p, []domain.LogChunk{{RunID: run.ID, Epoch: epoch, Seq: seq, StateSerial: serial, State: state, Body: body}})
		})
	}
	add(1, 0, 1, domain.RunPlanning, "Ω one\n")
	add(1, 0, 1, domain.RunPlanning, "repeated, so ignored")
	add(1, 1, 1, domain.RunPlanning, "two\n")
	add(1, 2, 2, domain.RunApplying, "three\n")
	add(2, 0, 3, domain.RunPlanning, "four\n")
	log := func(serial int, after domain.LogPosition, limit int) string {
		found := read(t, k, func(ctx context.Context, tx *store.Tx) (domain.FoundLog, error) {
			return tx.RunLog(ctx, run.ID, domain.RunPlanning, serial, after, limit)
		})
		chunks, err := k.Store.OpenLog(t.Context(), found)
		if err != nil {
			t.Error(err)
		}
		var b strings.Builder
		for _, c := range chunks {
			b.WriteString(c.Body)
		}
		return b.String()
	}
	start := domain.LogPosition{Seq: -1}
	same(t, "Ω one\ntwo\nfour\n", log(-1, start, 10))
	same(t, "Ω one\ntwo\n", log(1, start, 10))
	same(t, "two\n", log(-1, domain.LogPosition{Epoch: 1, Seq: 0}, 1))
	same(t, "four\n", log(-1, domain.LogPosition{Epoch: 1, Seq: 1}, 10))
	k.logEnds(t, run, int64(len("Ω one\ntwo\nthree\nfour\n")), map[int]int{1: 3, 2: 1, 3: 0})
	if kept := k.Digest(t)["run_logs"]; strings.Contains(kept, "one") || strings.Contains(kept, "four") || kept == "" {
		t.Errorf("logs are kept in the clear: %s", kept)
	}
	if err := k.Exec(t, `update run_logs set seq = 7 where epoch = 2`); err != nil {
		t.Fatal(err)
	}
	if _, err := tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.FoundLog, error) {
		return tx.RunLog(ctx, run.ID, domain.RunPlanning, -1, start, 10)
	}); err == nil {
		t.Error("a piece of log was read in another's place")
	}
	if err := k.Exec(t, `update run_logs set sealed = null, body = 'as before' where epoch = 2`); err != nil {
		t.Fatal(err)
	}
	same(t, "Ω one\ntwo\nas before", log(-1, start, 10))
	history := read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.RunTransition, error) {
		return tx.RunHistory(ctx, run.ID)
	})
	if len(history) != 1 || !history[0].HasLogs {
		t.Errorf("the history is %+v, want one state with logs", history)
	}
}

func testWorkspaces(t *testing.T, k *Kit) {
	k.Stack(t, "s", "legacy", nil)
	run := k.Run(t, "s", domain.RunPlanning)
	get := func(ctx context.Context, tx *store.Tx) ([]byte, error) {
		kept, err := tx.Workspace(ctx, run.ID)
		if err != nil {
			return nil, err
		}
		return k.Store.Fetch(ctx, kept)
	}
	_, err := tryRead(t, k, get)
	gone(t, err)
	for _, body := range []string{"first workspace", "second workspace\x00\xff"} {
		k.must(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			kept, err := k.Store.StageWorkspace(ctx, run.ID, []byte(body))
			if err != nil {
				return err
			}
			return tx.PutWorkspace(ctx, p, run.ID, kept)
		})
		same(t, body, string(read(t, k, get)))
	}
	if strings.Contains(k.Digest(t)["run_workspaces"], "second workspace") {
		t.Error("a workspace is kept in the clear")
	}
	k.must(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.DropWorkspace(ctx, p, run.ID)
	})
	_, err = tryRead(t, k, get)
	gone(t, err)
}

// logEnds asks where the log of a run ends, after each of some epochs.
func (k *Kit) logEnds(t *testing.T, run domain.Run, bytes int64, next map[int]int) {
	t.Helper()
	for epoch, n := range next {
		run.Epoch, run.LeaseUntil = epoch, k.Clock.Now()
		want := map[domain.RunID]domain.LogEnd{run.ID: {
			Epoch: epoch, Leased: true, Pool: domain.DefaultWorkerPool, StateSerial: run.StateSerial, Next: n, Bytes: bytes,
		}}
		k.must(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			if err := tx.SaveRun(ctx, p, run); err != nil {
				return err
			}
			got, err := tx.LogEnds(ctx, []domain.RunID{run.ID, run.ID, "no run"})
			same(t, want, got)
			return err
		})
	}
}
