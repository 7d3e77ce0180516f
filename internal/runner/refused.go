package runner

import (
	"os"
	"strings"
	"time"
)

// refusedSweep is how often a worker looks for refused states that are too old.
const refusedSweep = 24 * time.Hour

// setRefused puts a state away that the control plane will never take. It stays
// for whoever wants to import it; how long counts from now.
func (d *workDir) setRefused(path string, now time.Time) {
	_ = os.Chtimes(path, time.Time{}, now)                                 // else it counts from when it was found
	_ = os.Rename(path, strings.TrimSuffix(path, ".tfstate")+refusedState) // else it is offered once more
	_ = os.Remove(path + proofSuffix)                                      // nobody asks for it any more
}

// forgetRefused removes what was refused longer ago than it is kept; 0: for
// ever. What was not refused stays: it is still to be handed over.
func (d *workDir) forgetRefused(now time.Time, keep time.Duration) {
	if keep <= 0 {
		return
	}
	for _, path := range d.list(rescuedDir, "*"+refusedState) {
		info, err := os.Lstat(path)
		if err != nil || now.Sub(info.ModTime()) < keep {
			continue
		}
		if err := os.Remove(path); err != nil {
			d.log.Error("a refused state that is too old could not be removed", "kept", path, "error", err)
			continue
		}
		_ = os.Remove(strings.TrimSuffix(path, refusedState) + ".tfstate" + proofSuffix) // older workers left it
		d.log.Info("removed a refused state that was kept long enough", "state", path, "refused", info.ModTime())
	}
}
