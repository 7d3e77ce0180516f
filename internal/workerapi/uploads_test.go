package workerapi_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store/storetest"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// watched is the body of an upload; it tells of the first look at it.
type watched struct {
	io.Reader
	first func()
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	if w.first != nil {
		w.first()
		w.first = nil
	}
	return w.Reader.Read(p)
}

// uploads is what a worker sends of which the body may be large.
var uploads = map[string]string{"workspace": "application/gzip", "state": "application/json"}

// upload sends one without a connection, so that it is known what is read of it.
func (p plane) upload(t *testing.T, kind string, ref workerapi.LeaseRef, first func()) int {
	t.Helper()
	return p.uploadOf(t, kind, ref, &watched{strings.NewReader(`{"version":4,"serial":9,"lineage":"l"}`), first}).Code
}

func (p plane) uploadOf(t *testing.T, kind string, ref workerapi.LeaseRef, body io.Reader) *httptest.ResponseRecorder {
	t.Helper()
	path := fmt.Sprintf("/worker/v1/runs/%s/leases/%d/%s", ref.RunID, ref.Epoch, kind)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, path, body)
	r.Header.Set("Authorization", "Bearer pool-token")
	r.Header.Set("Content-Type", uploads[kind])
	r.Header.Set("Airlock-Lease-Secret", ref.Secret)
	w := httptest.NewRecorder()
	p.workers.ServeHTTP(w, r)
	return w
}

// writing is a lease that may change the state of its stack.
func writing(t *testing.T, p plane) workerapi.LeaseRef {
	t.Helper()
	p.Stack(t, "app", "dev", func(s *domain.Stack) {
		s.Autodeploy, s.ManagesState, s.RepositoryURL = true, true, "https://e.com/a.git"
	})
	w := p.worker(t)
	job := p.lease(t, w, "app")
	p.to(t, w, job, domain.RunConfirmed, domain.RunApplying)
	return job.Ref
}

// TestCase87NothingIsReadOfStrangers: an upload, of which much is held in memory,
// is not looked at before its lease was found to be held.
func TestCase87NothingIsReadOfStrangers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		p := newPlane(t, k)
		ref := writing(t, p)
		for kind := range uploads {
			stale, guessed, elsewhere := ref, ref, ref
			stale.Epoch++
			guessed.Secret = "guessed"
			elsewhere.RunID = "none"
			for status, wrong := range map[int]workerapi.LeaseRef{http.StatusConflict: stale, http.StatusForbidden: guessed, http.StatusNotFound: elsewhere} {
				if got := p.upload(t, kind, wrong, func() { t.Errorf("the %s of %+v is read", kind, wrong) }); got != status {
					t.Errorf("%s of %+v: %d, want %d", kind, wrong, got, status)
				}
			}
			read := false
			if got := p.upload(t, kind, ref, func() { read = true }); got != http.StatusNoContent || !read {
				t.Errorf("%s of the holder: %d, read %v", kind, got, read)
			}
		}
		denied := 0
		for _, e := range p.Audit(t) {
			if e.Event == "run.lease" && e.Outcome == domain.AuditDenied {
				denied++
			}
		}
		if denied != len(uploads) {
			t.Errorf("%d guesses are in the audit trail", denied)
		}
	})
}

// TestCase87LeaseThatEndsDuringAnUpload: that the lease was held when an upload
// began is not enough.
func TestCase87LeaseThatEndsDuringAnUpload(t *testing.T) {
	for kind := range uploads {
		t.Run(kind, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
				p := newPlane(t, k)
				ref := writing(t, p)
				var before map[string]string
				status := p.upload(t, kind, ref, func() {
					if err := p.Exec(t, `update runs set epoch = epoch + 1`); err != nil {
						t.Error(err)
					}
					before = p.kept(t)
				})
				if status != http.StatusConflict {
					t.Errorf("%d, want a conflict", status)
				}
				if diff := cmp.Diff(before, p.kept(t)); diff != "" {
					t.Errorf("something changed:\n%s", diff)
				}
			})
		})
	}
}

// broken is a body that does not arrive, for a reason.
type broken struct{ reason error }

func (b broken) Read([]byte) (int, error) { return 0, b.reason }

// TestUploadThatDoesNotArrive: the worker learns why, and that it may send it
// again: a state that is refused for good would be lost.
func TestUploadThatDoesNotArrive(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		p := newPlane(t, k)
		ref := writing(t, p)
		for kind := range uploads {
			for reason, want := range map[error]string{
				&domain.Error{Code: domain.CodeUnavailable, Message: "it was too slow"}: "it was too slow",
				io.ErrUnexpectedEOF: "is unavailable",
			} {
				if w := p.uploadOf(t, kind, ref, broken{reason}); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), want) {
					t.Errorf("%s: %d %s", kind, w.Code, w.Body)
				}
			}
		}
	})
}
