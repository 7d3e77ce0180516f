package e2e

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// spoiler stands between worker and server, and damages the states that are
// uploaded as it is told.
type spoiler struct {
	address string
	how     atomic.Pointer[func([]byte) []byte]
}

func newSpoiler(t *testing.T, target string) *spoiler {
	t.Helper()
	at, err := url.Parse("http://" + target)
	if err != nil {
		t.Fatal(err)
	}
	p := &spoiler{address: freeAddress(t)}
	through := httputil.NewSingleHostReverseProxy(at)
	server := &http.Server{Addr: p.address, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if how := p.how.Load(); how != nil && r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/state/v1/") {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return // the client is gone
			}
			body = (*how)(body)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Length", itoa(len(body)))
		}
		through.ServeHTTP(w, r)
	})}
	go func() { _ = server.ListenAndServe() }() // until it is closed
	t.Cleanup(func() { _ = server.Close() })
	return p
}

type refusedState struct {
	ID, Reason, Run, SentBy, Checksum string
	Serial, Lineage, ImportedAs       *string
	Size, CreatedAt                   int
}

func (c *client) refusedStates(t *testing.T, stack string) []refusedState {
	t.Helper()
	var out struct {
		Stack struct{ RefusedStates []refusedState }
	}
	c.must(t, `query($stack:ID!){stack(id:$stack){refusedStates{id,reason,run,sentBy,checksum,serial,lineage,importedAs,size,createdAt}}}`, vars{"stack": stack}, &out)
	return out.Stack.RefusedStates
}

// downloaded is what a refused state holds.
func (c *client) downloaded(t *testing.T, stack, id string) []byte {
	t.Helper()
	var out struct{ DownloadRefusedState struct{ URL string } }
	c.must(t, `mutation($input:DownloadRefusedStateInput!){downloadRefusedState(input:$input){url}}`, vars{"input": vars{"stack": stack, "id": id}}, &out)
	res, err := http.Get(out.DownloadRefusedState.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s %v", res.Status, body, err)
	}
	return body
}

const countedCode = `
variable "n" {}
resource "terraform_data" "thing" { input = var.n }
`

// TestF13RefusedStates: an apply of a real OpenTofu whose state is damaged on
// its way, or does not follow the current one, fails and says where the state
// is; the current one stays; and nothing of what it has made is lost (security
// cases 161 and 164).
func TestF13RefusedStates(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		address := freeAddress(t)
		p := newSpoiler(t, address)
		s := &story{top: t, server: start(t, database, "--listen", address, "--base-url", "http://"+p.address, "--workers", "0"), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		s.startWorker(t, filepath.Join(s.dir, "work"))
		stack := s.deploying(t, "things", countedCode)
		s.applies(t, stack, 0, "FINISHED")
		n := 0
		for name, damage := range map[string]struct {
			how  func([]byte) []byte
			says string
		}{
			"cut": {func(b []byte) []byte { return b[:len(b)/2] }, "Content-MD5"},
			"another checksum": {func(b []byte) []byte {
				return bytes.Replace(b, []byte(`"terraform_data"`), []byte(`"terraform_dada"`), 1)
			}, "Content-MD5"},
		} {
			n++
			p.how.Store(&damage.how)
			r := s.applies(t, stack, n, "FAILED")
			p.how.Store(nil)
			list := s.admin.refusedStates(t, stack)
			if len(list) != n || list[0].Run != r.ID || !strings.Contains(list[0].Reason, damage.says) || list[0].SentBy != "stack::"+stack {
				t.Fatalf("%s: kept %+v", name, list)
			}
			if note := r.History[0].Note; !strings.Contains(note, "a state of it was refused (") || !strings.Contains(note, "kept as refused state "+list[0].ID) {
				t.Errorf("%s: the note is %s", name, note)
			}
			// What arrived was damaged; the worker has the state, and hands it over.
			await(t, "the worker to hand the state over", time.Minute, func() bool {
				return strings.Contains(s.current(t, database, stack), r.ID)
			})
			s.admin.must(t, stackUnlock, vars{"stack": stack}, nil)
		}
		s.regress(t, database, stack, n+1)
		s.stop(t)
		sound(t, s.server, s.databaseURL(database), nil)
	})
}

// applies runs a stack whose code gets another number, to its end.
func (s *story) applies(t *testing.T, stack string, n int, end string) run {
	t.Helper()
	s.admin.must(t, stackConfigAdd, vars{"stack": stack, "config": vars{"id": "TF_VAR_n", "type": "ENVIRONMENT_VARIABLE", "value": itoa(n), "writeOnly": false}}, nil)
	return s.admin.reaches(t, stack, s.admin.id(t, runTrigger, vars{"stack": stack}), end)
}

// current is the run, serial and checksum of a stack's current state.
func (s *story) current(t *testing.T, database, stack string) string {
	t.Helper()
	return pairs(t, s.databaseURL(database), fmt.Sprintf(`select stack_id, run_id || ' ' || serial || ' ' || checksum from state_versions
		where stack_id = '%s' order by serial desc limit 1`, stack))[stack]
}

// regress lets the current state have a greater serial than what an apply
// stores, as a backup that was played back would: what the apply has made is
// refused from OpenTofu and from the worker alike, and imported by its id.
func (s *story) regress(t *testing.T, database, stack string, n int) {
	t.Helper()
	s.exec(t, database, `update state_versions set serial = serial + 1000 where serial = (select max(serial) from state_versions)`)
	// The run reads the state that says serial 3, say; the row says 1003.
	before := s.current(t, database, stack)
	r := s.applies(t, stack, n, "FAILED")
	rescued := filepath.Join(s.dir, "work", "rescued", r.ID+"-*.refused.tfstate")
	await(t, "the worker to hand the state over in vain", time.Minute, func() bool { kept, _ := filepath.Glob(rescued); return len(kept) == 1 })
	// OpenTofu stores its state while it works, too: the newest is the last one.
	list := s.admin.refusedStates(t, stack)
	if len(list) < n || list[0].Run != r.ID || list[0].Serial == nil || !strings.Contains(list[0].Reason, "the current one has 100") {
		t.Fatalf("kept %+v", list)
	}
	if note := r.History[0].Note; !strings.Contains(note, "was refused (the state has serial") {
		t.Errorf("the note is %s", note)
	}
	if after := s.current(t, database, stack); after != before {
		t.Errorf("the current state was %s and is %s", before, after)
	}
	body := s.admin.downloaded(t, stack, list[0].ID)
	if !json.Valid(body) || !bytes.Contains(body, []byte(fmt.Sprintf(`"value": "%d"`, n))) {
		t.Errorf("the refused state is %s", body)
	}
	s.admin.must(t, stackUnlock, vars{"stack": stack}, nil)
	s.admin.must(t, `mutation($stack:ID!){stackLock(id:$stack){id}}`, vars{"stack": stack}, nil)
	s.admin.must(t, `mutation($stack:ID!$state:String!){stackManagedStateImport(stackId:$stack,state:$state,force:true)}`, vars{"stack": stack, "state": list[0].ID}, nil)
	s.admin.must(t, stackUnlock, vars{"stack": stack}, nil)
	if list := s.admin.refusedStates(t, stack); list[0].ImportedAs == nil {
		t.Errorf("nothing says that it was imported: %+v", list[0])
	}
	last := s.applies(t, stack, n, "FINISHED")
	if last.Delta == nil || last.Delta.AddCount+last.Delta.ChangeCount+last.Delta.DeleteCount != 0 {
		t.Errorf("what the refused state says is not known: %+v", last.Delta)
	}
}

// exec changes the database behind the server's back.
func (s *story) exec(t *testing.T, database, query string) {
	t.Helper()
	driver, dsn := "pgx", database
	if database == "sqlite" {
		driver, dsn = "sqlite", "file:"+filepath.Join(s.data, "airlock.db")+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}
