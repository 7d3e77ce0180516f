package upkeep_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/secrets"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

const secret = "a-secret-that-is-kept"

// fill puts a record into every column that has sealed ones.
func fill(t *testing.T, k *storetest.Kit) (domain.Run, domain.StateVersion) {
	t.Helper()
	k.Stack(t, "s", "root", func(st *domain.Stack) { st.UploadSensitiveOutputs = true })
	k.Stack(t, "up", "root", nil)
	k.Pool(t, "pool", "root")
	ended, run := k.Run(t, "s", domain.RunFinished), k.Run(t, "s", domain.RunPlanning)
	say(t, k, domain.LogChunk{RunID: ended.ID, Epoch: 1, StateSerial: 1, State: domain.RunPlanning, Body: secret})
	k.Clock.Advance(2 * time.Minute)
	if n, err := service(k, "me").Pack(t.Context()); err != nil || n != 1 {
		t.Fatalf("packed %d: %v", n, err)
	}
	say(t, k, domain.LogChunk{RunID: run.ID, Epoch: 1, Seq: 0, StateSerial: 1, State: domain.RunPlanning, Body: secret},
		domain.LogChunk{RunID: run.ID, Epoch: 1, Seq: 1, StateSerial: 1, State: domain.RunPlanning, Body: secret})
	v := domain.StateVersion{ID: "v1", StackID: "s", Serial: 1}
	staged, err := k.Store.StageState(t.Context(), "s", "v2", []byte(secret))
	workspace, err2 := k.Store.StageWorkspace(t.Context(), run.ID, []byte(secret))
	no, err4 := k.Store.StageRefusedState(t.Context(), "no", []byte(secret))
	upload, err3 := k.Store.StageLocalWorkspace(t.Context(), "w", []byte(secret))
	if err := errors.Join(err, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	later := k.Clock.Now().Add(time.Hour)
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		steps := []error{
			tx.InsertSigningKey(ctx, p.For(access.KindAPIKey), domain.SigningKey{ID: "s", Private: []byte(secret)}),
			tx.InsertFederationKey(ctx, p.For(access.KindAccount), domain.FederationKey{ID: "f", Private: []byte(secret)}),
			tx.InsertWorkerAuthority(ctx, p.For(access.KindWorkerPool), "certificate", []byte(secret)),
			tx.PutConfig(ctx, p.For(access.KindStack), access.KindStack, "s", domain.Config{ID: "A", Type: domain.ConfigEnvironmentVariable, Value: secret}),
			tx.InsertPushHook(ctx, p.For(access.KindPushHook), domain.PushHook{ID: "h", Space: "root"}, domain.PushHookSecrets{Current: secret}),
			tx.InsertGitCredential(ctx, p.For(access.KindGitCredential), domain.GitCredential{ID: "g", Space: "root"}, secret),
			tx.InsertSchedule(ctx, p.For(access.KindSchedule), domain.Schedule{ID: "sch", Stack: "s", Kind: domain.ScheduleRun, Author: k.Actor("root-admin")}),
			tx.SetScheduleConfig(ctx, p.For(access.KindSchedule), "sch", &domain.RuntimeConfig{Env: []domain.EnvOverride{{Name: "A", Value: secret}}}),
			tx.SetRunSettings(ctx, p.For(access.KindRun), run.ID, domain.RunSettings{Env: []domain.EnvOverride{{Name: "A", Value: secret}}}),
			tx.InsertDependency(ctx, p.For(access.KindStack), domain.StackDependency{ID: "d", Stack: "s", DependsOn: "up"}),
			tx.InsertReference(ctx, p.For(access.KindStack), domain.OutputReference{ID: "r", Dependency: "d", Output: "o", Input: "I"}),
			tx.SetTaken(ctx, p.For(access.KindRun), "r", secret),
			tx.SetOutputs(ctx, p.For(access.KindState), "s", []domain.Output{{Name: "o", Sensitive: true, Value: secret}}),
			tx.SetManagedEntities(ctx, p.For(access.KindState), "s", run.ID, []domain.ManagedEntity{{Stack: "s", Address: "a.b", Print: secret}}),
			tx.InsertState(ctx, p.For(access.KindState), v, []byte(secret)),
			tx.InsertRefusedState(ctx, p.For(access.KindState), domain.RefusedState{ID: "no", StackID: "s"}, no),
			tx.InsertTransfer(ctx, p.For(access.KindState), domain.Transfer{ID: "t", Kind: domain.StateUpload, Hash: []byte("h"), ExpiresAt: later}),
			tx.FillTransfer(ctx, p.For(access.KindState), domain.Transfer{ID: "t", ExpiresAt: later}, []byte(secret)),
			tx.PutWorkspace(ctx, p.For(access.KindRun), run.ID, workspace),
			tx.InsertLocalWorkspace(ctx, p.For(access.KindStack), domain.LocalWorkspace{ID: "w", Stack: "s", TokenHash: []byte("h"), ExpiresAt: later}),
			tx.PutLocalWorkspace(ctx, p.For(access.KindRun), domain.LocalWorkspace{ID: "w", Size: 1, ExpiresAt: later}, upload),
			tx.InsertRepo(ctx, p.For(access.KindRepo), domain.Repo{ID: "repo", Space: "root", Name: "repo"}),
			tx.InsertRevision(ctx, p.For(access.KindRepo), domain.Revision{Repo: "repo", Number: 1, ID: "revision"}),
			tx.InsertRepoFile(ctx, p.For(access.KindRepo), domain.RepoFile{Repo: "repo", Number: 1, Path: "a"}, []byte(secret)),
		}
		if staged.Object != "" {
			steps = append(steps, tx.InsertStagedState(ctx, p.For(access.KindState), domain.StateVersion{ID: "v2", StackID: "s", Serial: 2}, staged))
		}
		return errors.Join(steps...)
	})
	return run, v
}

// otherwise counts the records of each column under other keys than the current.
func otherwise(t *testing.T, k *storetest.Kit) (out []int) {
	t.Helper()
	k.View(t, func(tx *store.Tx) error {
		for column := range tx.SealedColumns() {
			rows, err := tx.OtherwiseSealed(t.Context(), column, nil, 1000)
			if err != nil {
				return err
			}
			out = append(out, len(rows))
		}
		return nil
	})
	return out
}

// readAll reads something of each kind.
func readAll(ctx context.Context, s *store.Store, run domain.Run, v domain.StateVersion) error {
	return s.View(ctx, func(tx *store.Tx) error {
		body, err := tx.StateBody(ctx, v)
		config, err2 := tx.Config(ctx, access.KindStack, "s")
		found, err3 := tx.RunLog(ctx, run.ID, "", -1, domain.LogPosition{Seq: -1}, 9)
		log, err6 := s.OpenLog(ctx, found)
		taken, _, err4 := tx.Taken(ctx, "r")
		settings, err5 := tx.RunSettings(ctx, run.ID)
		if err := errors.Join(err, err2, err3, err4, err5, err6); err != nil {
			return err
		}
		if string(body) != secret || len(config) != 1 || config[0].Value != secret || len(log) != 2 || log[1].Body != secret || taken != secret || settings.Env[0].Value != secret {
			return fmt.Errorf("read %q, %v, %v, %q, %v", body, config, log, taken, settings)
		}
		return nil
	})
}

// breaking is a sealer that breaks off after some records.
type breaking struct {
	*secrets.Box
	mu   sync.Mutex
	left int
}

func (b *breaking) Rewrap(aad string, head []byte) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left--; b.left < 0 {
		return nil, errors.New("killed")
	}
	return b.Box.Rewrap(aad, head)
}

// TestCase131 rotates the key while records are read, breaks off in the middle,
// goes on, and takes the old key away: everything is still read, whatever the
// columns, and beginning and end are in the audit trail.
func TestCase131(t *testing.T) {
	storetest.EachPlace(t, func(t *testing.T, k *storetest.Kit) {
		one, two := secrets.NewKey(), secrets.NewKey()
		box, was := k.Box()
		first := box.CurrentKey().String() // what the account was made with
		run, v := fill(t, k)
		s := service(k, "me")
		note := func(id string) {
			t.Helper()
			if err := s.Note(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		note(first)
		if n, retired, err := s.Rotate(t.Context(), first); n != 0 || retired != nil || err != nil {
			t.Errorf("nothing to do: %d, %v, %v", n, retired, err)
		}
		note(two.ID().String())
		box.Use(two, was, one)
		before := otherwise(t, k)
		if i := slices.Index(before, 0); i >= 0 {
			t.Errorf("column %d of sealedColumns has no record: fill one", i)
		}
		reading, stop := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			for reading.Err() == nil {
				if err := readAll(t.Context(), k.Store, run, v); err != nil {
					t.Errorf("while keys are rotated: %v", err)
					return
				}
			}
		})
		k.Store.Sealer = &breaking{Box: box, left: 7}
		if _, _, err := s.Rotate(t.Context(), two.ID().String()); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("err = %v", err)
		}
		if between := otherwise(t, k); cmp.Equal(between, before) || slices.Max(between) == 0 {
			t.Errorf("before %v, in the middle %v", before, between)
		}
		k.Store.Sealer = box
		n, retired, err := s.Rotate(t.Context(), two.ID().String())
		if err != nil || n == 0 || retired != nil {
			t.Errorf("went on with %d, retired %v: %v", n, retired, err)
		}
		stop()
		all.Wait()
		if after := otherwise(t, k); slices.Max(after) != 0 {
			t.Errorf("under the old key are still %v", after)
		}
		if n, retired, err = s.Rotate(t.Context(), two.ID().String()); n != 0 || retired != nil || err != nil {
			t.Errorf("another server may still use the old key: %d, %v, %v", n, retired, err)
		}
		k.Clock.Advance(6 * time.Minute)
		note(two.ID().String())
		if _, retired, err = s.Rotate(t.Context(), two.ID().String()); err != nil || !slices.Equal(retired, []string{first}) {
			t.Errorf("retired %v: %v", retired, err)
		}
		box.Use(two)
		if err := readAll(t.Context(), k.Store, run, v); err != nil {
			t.Errorf("with the new key alone: %v", err)
		}
		if missing, err := s.Missing(t.Context(), func(id string) bool { return id == two.ID().String() }); err != nil || missing != nil {
			t.Errorf("missing %v: %v", missing, err)
		}
		if missing, err := s.Missing(t.Context(), func(id string) bool { return id == first }); err != nil || len(missing) != 1 {
			t.Errorf("the new key is missing, and that is %v: %v", missing, err)
		}
		recorded(t, k)
	})
}

// recorded checks what a rotation leaves in the audit trail and the tables.
func recorded(t *testing.T, k *storetest.Kit) {
	t.Helper()
	var events []string
	for _, e := range k.Audit(t) {
		if strings.HasPrefix(e.Event, "keys.") {
			events = append(events, e.Event)
		}
	}
	if !slices.Equal(events, []string{"keys.rotate", "keys.retire"}) {
		t.Errorf("the audit trail has %v", events)
	}
	for table, content := range k.Digest(t) {
		if bytes.Contains([]byte(content), []byte(secret)) {
			t.Errorf("table %s has a secret in the clear", table)
		}
	}
}

// TestRotateIsInSteps goes through more records than one step has.
func TestRotateIsInSteps(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		k.Stack(t, "s", "root", nil)
		run := k.Run(t, "s", domain.RunPlanning)
		var chunks []domain.LogChunk
		for seq := range 350 {
			chunks = append(chunks, domain.LogChunk{RunID: run.ID, Epoch: 1 + seq/300, Seq: seq % 300, StateSerial: 1, State: domain.RunPlanning, Body: "x"})
		}
		say(t, k, chunks...)
		box, was := k.Box()
		next, s := secrets.NewKey(), service(k, "me")
		if err := s.Note(t.Context(), box.CurrentKey().String()); err != nil {
			t.Fatal(err)
		}
		if err := s.Note(t.Context(), next.ID().String()); err != nil {
			t.Fatal(err)
		}
		box.Use(next, was)
		if n, _, err := s.Rotate(t.Context(), next.ID().String()); err != nil || n < 350 {
			t.Errorf("changed %d records: %v", n, err)
		}
		if after := otherwise(t, k); slices.Max(after) != 0 {
			t.Errorf("left are %v", after)
		}
	})
}
