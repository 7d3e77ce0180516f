package invariants

// audit is I2, as far as the trail can show it by itself. PostgreSQL gives
// numbers before a transaction commits, so that one that is rolled back leaves
// a gap there; whether a row is missing shows in a ledger.
func (c *check) audit() error {
	err := c.none("I9", `select 'outbox row ' || id || ' announces an audit row that is not there' from outbox o
		where topic = 'audit' and not exists (select 1 from audit_log a where a.id = o.id)`)
	if err != nil || !c.embedded {
		return err
	}
	return c.each(`select count(*), coalesce(min(position), 1), coalesce(max(position), 0) from audit_log`, func(scan func(...any) error) error {
		var n, first, last int64
		err := scan(&n, &first, &last)
		if err == nil && n != last-first+1 {
			c.violated("I2: the audit trail has %d rows from %d to %d", n, first, last)
		}
		return err
	})
}

// ledger is I1: what was acknowledged has exactly one row in the audit trail,
// and the client's other rows are at most what he is in doubt about.
func (c *check) ledger() error {
	l := c.o.Ledger
	if l == nil {
		return nil
	}
	rows, extra := map[string]int{}, map[string]int{}
	err := c.each(`select actor, mutation, request_id, event from audit_log where outcome = 'allowed' and mutation <> '' order by position`, func(scan func(...any) error) error {
		var actor, mutation, request, event string
		if err := scan(&actor, &mutation, &request, &event); err != nil || actor != l.Actor {
			return err
		}
		want, acknowledged := l.Acknowledged[request]
		switch {
		case acknowledged && mutation != want:
			c.violated("I1: request %s was a %s, its audit row says %s", request, want, mutation)
		case acknowledged:
			rows[request]++
		default:
			extra[mutation]++
		}
		return nil
	})
	if err != nil {
		return err
	}
	for request, mutation := range l.Acknowledged {
		if n := rows[request]; n != 1 {
			c.violated("I1: %s of request %s was acknowledged and has %d audit rows", mutation, request, n)
		}
	}
	for mutation, n := range extra {
		if n > l.InDoubt[mutation] {
			c.violated("I1: %d audit rows of %s by %s, whom no answer reached %d times", n, mutation, l.Actor, l.InDoubt[mutation])
		}
	}
	return nil
}
