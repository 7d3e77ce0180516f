package authzen

import (
	"sync"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
)

// mostHomes is how many objects are remembered at least; twice as many at most.
const mostHomes = 65_536

// homes remembers where objects live, at one revision of the access world: as
// long as that stays, nothing that was found moves or goes away. That there is
// no such object is never remembered, for it may be created any time.
type homes struct {
	mu       sync.RWMutex
	revision int64
	// What was found lately is in young; when that is full it becomes old, and
	// what was old is forgotten.
	young, old map[access.Ref]authz.Target
}

// find returns the homes of objects if all are remembered at a revision.
func (h *homes) find(revision int64, refs []access.Ref) (map[access.Ref]authz.Target, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.revision != revision {
		return nil, false
	}
	out := make(map[access.Ref]authz.Target, len(refs))
	for _, r := range refs {
		t, ok := h.young[r]
		if !ok {
			t, ok = h.old[r]
		}
		if !ok {
			return nil, false
		}
		out[r] = t
	}
	return out, true
}

// keep remembers what was found at a revision.
func (h *homes) keep(revision int64, found map[access.Ref]authz.Target) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if revision < h.revision {
		return
	}
	if revision > h.revision || h.young == nil {
		h.revision, h.young, h.old = revision, map[access.Ref]authz.Target{}, nil
	}
	for r, t := range found {
		if len(h.young) >= mostHomes {
			h.old, h.young = h.young, map[access.Ref]authz.Target{}
		}
		h.young[r] = t
	}
}
