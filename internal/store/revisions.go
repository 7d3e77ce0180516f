package store

import (
	"sync"
	"sync/atomic"
)

// revisions knows the newest committed revision of the access world of a
// database that only this process changes. It never tells a revision that is
// older than what somebody may have seen: while a commit is under way, and
// after one whose outcome is not known, the database has to be asked.
type revisions struct {
	known atomic.Int64 // 0: ask the database

	mu      sync.Mutex
	latest  int64
	open    int  // commits under way
	doubt   bool // a commit failed, which may still have taken place
	commits int  // begun so far
}

// begin is called before the commit of a change of the access world.
func (r *revisions) begin() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open++
	r.commits++
	r.known.Store(0)
}

// end is called after the commit, before anybody is told of it.
func (r *revisions) end(revision int64, err error) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open--
	if err != nil {
		r.doubt = true
		r.commits++ // what was read before proves nothing
	} else {
		r.latest = max(r.latest, revision)
	}
	r.publish()
}

// asking is called before the database is asked, and says what to give to
// answered.
func (r *revisions) asking() int {
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.commits
}

// answered takes what the database said.
func (r *revisions) answered(asked int, revision int64) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.latest = max(r.latest, revision)
	if asked == r.commits {
		r.doubt = false
	}
	r.publish()
}

// publish tells everybody, if there is nothing to doubt. r.mu is held.
func (r *revisions) publish() {
	if r.open == 0 && !r.doubt {
		r.known.Store(r.latest)
	}
}

// current returns the newest revision; ok is false if only the database knows.
func (r *revisions) current() (revision int64, ok bool) {
	if r == nil {
		return 0, false
	}
	revision = r.known.Load()
	return revision, revision != 0
}
