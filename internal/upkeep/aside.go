package upkeep

import (
	"sync"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
)

// Pauses after which a log is looked at again that could not be packed: each is
// twice the one before. A server that starts anew begins with the first.
const (
	firstPause = time.Minute
	mostPause  = 6 * time.Hour
)

// aside are the runs whose logs could not be packed.
type aside struct {
	mu   sync.Mutex
	runs map[domain.RunID]paused
}

type paused struct {
	pause time.Duration
	until time.Time
}

// put keeps a log aside and returns for how long.
func (a *aside) put(id domain.RunID, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.runs == nil {
		a.runs = map[domain.RunID]paused{}
	}
	pause := max(min(2*a.runs[id].pause, mostPause), firstPause)
	a.runs[id] = paused{pause, now.Add(pause)}
	return pause
}

// at returns the runs that are aside at a time. It forgets those that nobody has
// put aside again since: they are gone.
func (a *aside) at(now time.Time) (out []domain.RunID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, p := range a.runs {
		switch {
		case now.Before(p.until):
			out = append(out, id)
		case now.Sub(p.until) > mostPause:
			delete(a.runs, id)
		}
	}
	return out
}

func (a *aside) forget(id domain.RunID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.runs, id)
}
