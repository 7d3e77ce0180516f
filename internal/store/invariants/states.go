package invariants

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/airlock-project/airlock/internal/domain"
)

// states is I3: in the order in which they were stored, the versions of a
// stack's state have growing serials and one lineage, which only a version
// that no run has written may change; their bodies are what was stored.
func (c *check) states() error {
	var versions []domain.StateVersion
	err := c.each(`select id, stack_id, run_id, serial, lineage, size, checksum from state_versions order by stack_id, serial`, func(scan func(...any) error) error {
		var v domain.StateVersion
		err := scan(&v.ID, &v.StackID, &v.RunID, &v.Serial, &v.Lineage, &v.Size, &v.Checksum)
		versions = append(versions, v)
		return err
	})
	if err != nil {
		return err
	}
	for i, v := range versions {
		if i > 0 && versions[i-1].StackID == v.StackID {
			c.successor(versions[i-1], v)
		}
		if c.o.StateBody == nil {
			continue
		}
		body, err := c.o.StateBody(c.ctx, v)
		sum := sha256.Sum256(body)
		if err != nil || hex.EncodeToString(sum[:]) != v.Checksum {
			c.violated("I3: the body of state %s of stack %s, serial %d, is not what was stored (%v)", v.ID, v.StackID, v.Serial, err)
		}
	}
	return c.none("I3", `select 'state ' || v.id || ' of stack ' || v.stack_id || ' was written by run ' || v.run_id || ', which never applied anything'
		from state_versions v where v.run_id <> '' and not exists (select 1 from run_transitions t join runs r on r.id = t.run_id
			where t.run_id = v.run_id and r.stack_id = v.stack_id and t.state in ('APPLYING', 'PERFORMING', 'DESTROYING'))`)
}

// successor compares two versions of a stack whose serials follow each other.
// Ids are ULIDs: their order is that of time, to the millisecond.
func (c *check) successor(before, v domain.StateVersion) {
	if v.Serial <= before.Serial {
		c.violated("I3: stack %s has two states with serial %d", v.StackID, v.Serial)
	}
	const stamp = 10 // characters of a ULID that are its time
	if len(v.ID) > stamp && len(before.ID) > stamp && v.ID[:stamp] < before.ID[:stamp] {
		c.violated("I3: state %s of stack %s has serial %d and came before serial %d", v.ID, v.StackID, v.Serial, before.Serial)
	}
	if v.Lineage != before.Lineage && v.RunID != "" {
		c.violated("I3: run %s changed the lineage of stack %s from %s to %s", v.RunID, v.StackID, before.Lineage, v.Lineage)
	}
}
