package main

import (
	"time"

	"github.com/airlock-project/airlock/internal/upkeep"
)

// keepFlags say how long the past is kept.
type keepFlags struct {
	KeepLogs   int `help:"Days that logs of ended runs are kept; 0: for ever. Default: 365." default:"365" placeholder:"DAYS"`
	KeepPlans  int `help:"Days that planned changes of ended runs are kept; 0: for ever. Default: 365." default:"365" placeholder:"DAYS"`
	KeepStates int `help:"Days that state versions are kept which are not among the newest of their stack, and refused states; 0: for ever. Default: 0." default:"0" placeholder:"DAYS"`
	// KeepWorkspaces bounds how long a plan waits for its confirmation.
	KeepWorkspaces int `help:"Days that the workspace of a plan is kept which waits for its confirmation; then its run is discarded. 0: for ever. Default: 0." default:"0" placeholder:"DAYS"`
	NewestStates   int `help:"How many of the newest state versions of each stack are kept, however old. Default: 50." default:"50" placeholder:"N"`
}

// mostDays is more than anybody keeps anything, and less than a duration holds.
const mostDays = 36500

func (f *keepFlags) check(wrong func(flag, format string, args ...any)) {
	for flag, days := range map[string]int{"keep-logs": f.KeepLogs, "keep-plans": f.KeepPlans, "keep-states": f.KeepStates, "keep-workspaces": f.KeepWorkspaces} {
		if days < 0 || days > mostDays {
			wrong(flag, "must be between 0 and %d days, not %d", mostDays, days)
		}
	}
	if f.NewestStates < 1 {
		wrong("newest-states", "must be at least 1, not %d: the current version always stays", f.NewestStates)
	}
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

func (f *keepFlags) retention() upkeep.Retention {
	return upkeep.Retention{Logs: days(f.KeepLogs), Plans: days(f.KeepPlans), States: days(f.KeepStates), NewestStates: f.NewestStates}
}
