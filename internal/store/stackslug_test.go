package store

import (
	"path/filepath"
	"testing"
)

// apart are columns that refer to a stack and are not in stackReferences:
// resealForStack moves the first one, the audit trail keeps what it said.
var apart = map[string]bool{"state_versions.stack_id": true, "audit_log.stack_id": true}

// TestStackReferencesAreComplete looks for columns of the schema that refer to
// stacks and that RenameStack does not know.
func TestStackReferencesAreComplete(t *testing.T) {
	s, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "t.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	known := map[string]bool{}
	for _, r := range stackReferences {
		known[r.table+"."+r.column] = true
	}
	found := 0
	err = s.View(t.Context(), func(tx *Tx) error {
		columns, err := many(t.Context(), tx, scanString, `select m.name || '.' || f."from" from sqlite_master m, pragma_foreign_key_list(m.name) f
			where m.type = 'table' and f."table" = 'stacks'
			union select m.name || '.' || c.name from sqlite_master m, pragma_table_info(m.name) c
			where m.type = 'table' and c.name like '%stack%id'`)
		for _, c := range columns {
			found++
			if !known[c] && !apart[c] {
				t.Errorf("%s refers to stacks: add it to stackReferences, or see to it in resealForStack and say so in this test", c)
			}
		}
		return err
	})
	if err != nil || found < 6 {
		t.Errorf("found %d columns, %v", found, err)
	}
}
