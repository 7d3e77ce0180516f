package invariants

import "github.com/airlock-project/airlock/internal/domain"

// history is what is known of one run while its rows are read.
type history struct {
	id    string
	state domain.RunState // as the run's own row has it
	n     int             // likewise
	last  domain.RunState
	steps int
}

// histories is I4: a history is a path of the table of transitions, from NONE
// to the state that the run is in, and ends where a terminal state is reached.
func (c *check) histories() error {
	h := history{}
	err := c.each(`select r.id, r.state, r.serial, t.serial, t.previous, t.state from runs r left join run_transitions t on t.run_id = r.id
		order by r.id, t.serial`, func(scan func(...any) error) error {
		var id string
		var state domain.RunState
		var previous, entered *string // a run without a history has none
		var n int
		var serial *int
		if err := scan(&id, &state, &n, &serial, &previous, &entered); err != nil {
			return err
		}
		if id != h.id {
			c.endOf(h)
			h = history{id: id, state: state, n: n, last: domain.RunNone}
		}
		if serial != nil {
			c.step(&h, *serial, domain.RunState(*previous), domain.RunState(*entered))
		}
		return nil
	})
	c.endOf(h)
	return err
}

func (c *check) step(h *history, serial int, previous, entered domain.RunState) {
	h.steps++
	if serial != h.steps {
		c.violated("I4: step %d of run %s is number %d", h.steps, h.id, serial)
	}
	if previous != h.last || !h.last.CanBecome(entered) {
		c.violated("I4: run %s went from %s (recorded as %s) to %s", h.id, h.last, previous, entered)
	}
	h.last = entered
}

func (c *check) endOf(h history) {
	if h.id != "" && (h.last != h.state || h.steps != h.n) {
		c.violated("I4: run %s is %s after %d steps, its history ends in %s after %d", h.id, h.state, h.n, h.last, h.steps)
	}
}

// writers is the first half of I5: one run holds a stack, and only a run that
// a worker executes has a lease.
func (c *check) writers() error {
	holders := map[string]string{}
	return c.each(`select id, stack_id, state, blocking, epoch, worker, lease_until from runs order by id`, func(scan func(...any) error) error {
		var id, stack, worker string
		var state domain.RunState
		var blocking bool
		var epoch int
		var until int64
		if err := scan(&id, &stack, &state, &blocking, &epoch, &worker, &until); err != nil {
			return err
		}
		if blocking && state != domain.RunQueued && !state.Terminal() {
			if other := holders[stack]; other != "" {
				c.violated("I5: runs %s and %s both hold stack %s", other, id, stack)
			}
			holders[stack] = id
		}
		if leased := until != 0; leased != (worker != "") || leased && (epoch < 1 || state.Terminal() || state.Waits()) {
			c.violated("I5: run %s is %s with epoch %d, leased to %q until %d", id, state, epoch, worker, until)
		}
		if state.Active() && until == 0 {
			c.violated("I5: run %s is %s and nobody holds it", id, state)
		}
		return nil
	})
}

// logs is the second half of I5: each piece of a log was taken while its lease
// was the current one, and no piece is missing before another.
func (c *check) logs() error {
	leases, err := c.leases()
	if err != nil {
		return err
	}
	var run string
	var epoch, next int
	return c.each(`select run_id, epoch, seq, serial from run_logs order by run_id, epoch, seq`, func(scan func(...any) error) error {
		var r string
		var e, seq, serial int
		if err := scan(&r, &e, &seq, &serial); err != nil {
			return err
		}
		if r != run || e != epoch {
			run, epoch, next = r, e, 0
		}
		if seq != next {
			c.violated("I5: the log of run %s, lease %d, has piece %d after %d pieces", r, e, seq, next)
		}
		next = seq + 1
		if held := leases[r]; e < 1 || e > len(held) || serial < held[e-1][0] || serial > held[e-1][1] {
			c.violated("I5: piece %d of the log of run %s was taken at step %d under lease %d, leases are at %v", seq, r, serial, e, held)
		}
		return nil
	})
}

// leases returns for each run the first and last step of each of its leases.
func (c *check) leases() (map[string][][2]int, error) {
	out, open := map[string][][2]int{}, map[string]bool{}
	err := c.each(`select run_id, serial, state from run_transitions order by run_id, serial`, func(scan func(...any) error) error {
		var run string
		var serial int
		var state domain.RunState
		if err := scan(&run, &serial, &state); err != nil {
			return err
		}
		held := out[run]
		switch {
		case state.Terminal() || state.Waits():
			open[run] = false
		case state == domain.RunPreparing, state == domain.RunPreparingApply, state == domain.RunPreparingReplan:
			out[run], open[run] = append(held, [2]int{serial, serial}), true
		case open[run]:
			held[len(held)-1][1] = serial
		}
		return nil
	})
	return out, err
}
