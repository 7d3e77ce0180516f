package storetest

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/invariants"
)

// Tables lists every table of the schema but goose's own.
func (k *Kit) Tables(t *testing.T) []string {
	t.Helper()
	query := `select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name <> 'goose_db_version' order by 1`
	if k.Postgres() {
		query = `select table_name from information_schema.tables where table_schema = 'public' and table_name <> 'goose_db_version' order by 1`
	}
	if k.tables == nil {
		for _, row := range k.Rows(t, query) {
			k.tables = append(k.tables, fmt.Sprint(row[0]))
		}
	}
	return k.tables
}

// Rows returns the rows of a query behind the store's back.
func (k *Kit) Rows(t *testing.T, query string) [][]any {
	t.Helper()
	rows, err := k.raw.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]any
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		out = append(out, values)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// Digest is the content of every table but the audit trail, what is counted of
// it, and the outbox.
func (k *Kit) Digest(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, table := range k.Tables(t) {
		if table == "audit_log" || table == "binding_uses" || table == "outbox" {
			continue
		}
		var lines []string
		for _, row := range k.Rows(t, "select * from "+table) {
			lines = append(lines, line(row))
		}
		sort.Strings(lines)
		out[table] = strings.Join(lines, "\n")
	}
	return out
}

// line writes texts quoted and numbers as they are.
func line(row []any) string {
	var b strings.Builder
	for _, v := range row {
		switch v := v.(type) {
		case string, []byte:
			fmt.Fprintf(&b, "%q ", v)
		default:
			fmt.Fprintf(&b, "%v ", v)
		}
	}
	return b.String()
}

// Audit returns the audit trail, oldest first.
func (k *Kit) Audit(t *testing.T) []domain.AuditEntry {
	t.Helper()
	var out []domain.AuditEntry
	k.View(t, func(tx *store.Tx) (err error) {
		newest, err := tx.AuditEntries(t.Context(), 0, 100000)
		for i := len(newest) - 1; i >= 0; i-- {
			out = append(out, newest[i])
		}
		return err
	})
	return out
}

// Denied checks that act is refused with code, changes nothing, and leaves
// exactly one row in the audit trail, which it returns.
func (k *Kit) Denied(t *testing.T, code domain.Code, act func() error) domain.AuditEntry {
	t.Helper()
	before, trail := k.Digest(t), k.Audit(t)
	wantCode(t, act(), code)
	if diff := cmp.Diff(before, k.Digest(t)); diff != "" {
		t.Errorf("a refusal changed the database (-before +after):\n%s", diff)
	}
	added := k.Audit(t)[len(trail):]
	if len(added) != 1 {
		t.Fatalf("a refusal left %d rows in the audit trail, want 1: %+v", len(added), added)
	}
	if added[0].Outcome != domain.AuditDenied {
		t.Errorf("outcome %s, want denied", added[0].Outcome)
	}
	return added[0]
}

// Allowed checks that act succeeds and leaves exactly one row in the audit
// trail, which it returns.
func (k *Kit) Allowed(t *testing.T, act func() error) domain.AuditEntry {
	t.Helper()
	trail := k.Audit(t)
	if err := act(); err != nil {
		t.Fatalf("refused: %v", err)
	}
	added := k.Audit(t)[len(trail):]
	if len(added) != 1 || added[0].Outcome != domain.AuditAllowed {
		t.Fatalf("the audit trail grew by %+v, want one allowed row", added)
	}
	return added[0]
}

// Invalid checks that act is refused for one input field and changes nothing,
// the audit trail included.
func (k *Kit) Invalid(t *testing.T, field string, act func() error) {
	t.Helper()
	before, trail := k.Digest(t), k.trail(t)
	err := act()
	wantCode(t, err, domain.CodeInvalid)
	var e *domain.Error
	if errors.As(err, &e) && e.Field != field {
		t.Errorf("the error names field %q, want %q: %v", e.Field, field, err)
	}
	if err != nil && len(err.Error()) > 4000 { // the list of all actions has some 2,800
		t.Errorf("the error repeats the input: %d bytes", len(err.Error()))
	}
	if diff := cmp.Diff(before, k.Digest(t)); diff != "" {
		t.Errorf("bad input changed the database (-before +after):\n%s", diff)
	}
	if now := k.trail(t); now != trail {
		t.Errorf("bad input left rows in the audit trail: %s before, %s after", trail, now)
	}
}

// trail returns how long the audit trail is.
func (k *Kit) trail(t *testing.T) string {
	t.Helper()
	return fmt.Sprint(k.Rows(t, "select count(*) from audit_log")[0][0])
}

func wantCode(t *testing.T, err error, code domain.Code) {
	t.Helper()
	if err == nil {
		t.Fatalf("allowed, want %s", code)
	}
	if got := domain.ErrorCode(err); got != code {
		t.Fatalf("got %q (%v), want %s", got, err, code)
	}
}

// Hostile lists names that no field for a name accepts.
func Hostile() map[string]string {
	return map[string]string{
		"empty": "", "blank": " \t ", "256 characters": strings.Repeat("ä", 256), "10 MB": strings.Repeat("x", 10<<20),
		"newline": "a\nb", "NUL": "a\x00b", "escape": "a\x1b[31m", "bidi override": "a\u202eb", "bidi isolate": "a\u2066b",
		"invalid UTF-8": "a\xff\xfe", "C1 control": "a\u0085b",
	}
}

// Invariants checks I1 to I5 of the security specification over all that is in
// the database. ledger is what a client was told, nil for none.
func (k *Kit) Invariants(t *testing.T, ledger *invariants.Ledger) {
	t.Helper()
	found, err := invariants.Check(t.Context(), k.URL, invariants.Options{Ledger: ledger, StateBody: BodyOf(k.Store)})
	if err != nil {
		t.Fatalf("check the invariants: %v", err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

// BodyOf reads bodies of states through a store, which has the key.
func BodyOf(s *store.Store) func(context.Context, domain.StateVersion) ([]byte, error) {
	return func(ctx context.Context, v domain.StateVersion) (body []byte, err error) {
		err = s.View(ctx, func(tx *store.Tx) error {
			body, err = tx.StateBody(ctx, v)
			return err
		})
		return body, err
	}
}
