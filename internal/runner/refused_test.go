package runner

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/workerapi"
)

const day = 24 * time.Hour

// rescuedFiles lays files of an age into rescued/.
func rescuedFiles(t *testing.T, base string, ages map[string]time.Duration) {
	t.Helper()
	dir := filepath.Join(base, rescuedDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, age := range ages {
		path, at := filepath.Join(dir, name), time.Now().Add(-age)
		if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

func rescuedNames(t *testing.T, base string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(base, rescuedDir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// TestRefusedStatesAreForgotten: a refused state goes when it was kept long
// enough, when the worker starts or a day later; what was never handed over stays
// however old it is.
func TestRefusedStatesAreForgotten(t *testing.T) {
	unsent := []string{"01A-1-5.tfstate", "01A-1-5.tfstate.lease", "not-ours.txt"}
	for name, c := range map[string]struct {
		keep    time.Duration
		atStart []string
		later   []string
	}{
		"thirty days": {30 * day, []string{"01B-1-7.refused.tfstate"}, nil},
		"for ever":    {0, []string{"01B-1-6.refused.tfstate", "01B-1-6.tfstate.lease", "01B-1-7.refused.tfstate"}, []string{"01B-1-6.refused.tfstate", "01B-1-6.tfstate.lease", "01B-1-7.refused.tfstate"}},
	} {
		t.Run(name, func(t *testing.T) {
			base := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				dirs, err := openWorkDir(base, slog.New(slog.DiscardHandler))
				if err != nil {
					t.Fatal(err)
				}
				defer dirs.close()
				rescuedFiles(t, base, map[string]time.Duration{
					"01A-1-5.tfstate": 400 * day, "01A-1-5.tfstate.lease": 400 * day, "not-ours.txt": 400 * day,
					"01B-1-6.refused.tfstate": 30 * day, "01B-1-6.tfstate.lease": 30 * day, "01B-1-7.refused.tfstate": 29*day + time.Hour,
				})
				ctx, end := context.WithCancel(t.Context())
				go (&worker{api: away{}, cfg: Config{KeepRefused: c.keep, Logger: dirs.log}, dirs: dirs}).recovery(ctx)
				synctest.Wait()
				if diff := cmp.Diff(append(unsent[:2:2], append(c.atStart, unsent[2])...), rescuedNames(t, base)); diff != "" {
					t.Errorf("at the start (-want +got):\n%s", diff)
				}
				time.Sleep(day + time.Minute)
				synctest.Wait()
				if diff := cmp.Diff(append(unsent[:2:2], append(c.later, unsent[2])...), rescuedNames(t, base)); diff != "" {
					t.Errorf("a day later (-want +got):\n%s", diff)
				}
				end()
				synctest.Wait()
			})
		})
	}
}

// away is a control plane that nobody reaches.
type away struct{ workerapi.API }

func (away) RecoverState(context.Context, workerapi.LeaseRef, io.Reader) error {
	return domain.Unavailable("the control plane", context.DeadlineExceeded)
}

// TestRefusedStateCountsFromItsRefusal: a state that waited for long to be handed
// over, and is refused then, does not go at once.
func TestRefusedStateCountsFromItsRefusal(t *testing.T) {
	b := newBench(t)
	b.cfg.KeepRefused = 30 * day
	b.api.refuseState = domain.Conflict("stale_attempt: another run has written")
	rescuedFiles(t, b.cfg.WorkDir, map[string]time.Duration{"01RUN-3-5.tfstate": 400 * day, "01RUN-3-5.tfstate.lease": 400 * day})
	b.api.secret = "{}"
	dirs, recovered := b.recover()
	b.api.until("the state is refused", func() bool {
		return strings.Contains(strings.Join(rescuedNames(t, b.cfg.WorkDir), " "), refusedState)
	})
	recovered()
	dirs.forgetRefused(time.Now().Add(29*day), b.cfg.KeepRefused)
	if diff := cmp.Diff([]string{"01RUN-3-5.refused.tfstate"}, rescuedNames(t, b.cfg.WorkDir)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	dirs.forgetRefused(time.Now().Add(31*day), b.cfg.KeepRefused)
	if left := rescuedNames(t, b.cfg.WorkDir); left != nil {
		t.Errorf("left: %v", left)
	}
}
