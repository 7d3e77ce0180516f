package storetest

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// Load writes a world and stacks into a database that has an account and that
// no store has open, in many rows a statement: the store's own way would take
// an hour for a large one. Roles of the world with the slug of one that is
// there already are that one.
func Load(tb testing.TB, url string, w authz.World, stacks iter.Seq[domain.Stack]) {
	tb.Helper()
	driver, dsn := "pgx", url
	if file, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, dsn = "sqlite", "file:"+file+"?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=cache_size(-400000)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	tx, err := db.BeginTx(tb.Context(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	b := bulk{ctx: tb.Context(), tx: tx, postgres: driver == "pgx"}
	b.world(w)
	b.stacks(stacks)
	if b.err == nil {
		b.err = tx.Commit()
	}
	if b.err != nil {
		tb.Fatal(b.err)
	}
	if _, err := db.ExecContext(tb.Context(), "analyze"); err != nil && b.postgres {
		tb.Fatal(err)
	}
}

// bulk writes rows until the first error.
type bulk struct {
	ctx      context.Context //nolint:containedctx // it lives as long as Load
	tx       *sql.Tx
	postgres bool
	err      error
}

// bulkRows is how many rows one statement inserts.
const bulkRows = 200

// insert writes rows into the columns that into names.
func (b *bulk) insert(into string, columns int, rows iter.Seq[[]any]) {
	var args []any
	var stmt *sql.Stmt
	flush := func() {
		n := len(args) / columns
		if b.err != nil || n == 0 {
			return
		}
		if n < bulkRows || stmt == nil {
			stmt, b.err = b.tx.PrepareContext(b.ctx, b.text(into, columns, n)) //nolint:sqlclosecheck // the transaction closes it
		}
		if b.err == nil {
			_, b.err = stmt.ExecContext(b.ctx, args...)
		}
		args = args[:0]
	}
	for row := range rows {
		if args = append(args, row...); len(args) == bulkRows*columns {
			flush()
		}
	}
	flush()
}

func (b *bulk) text(into string, columns, rows int) string {
	sign := "?"
	if b.postgres {
		sign = "$"
	}
	text := "insert into " + into + " values "
	for i := range rows * columns {
		switch {
		case i == 0:
			text += "("
		case i%columns == 0:
			text += "), ("
		default:
			text += ", "
		}
		text += fmt.Sprint(sign, i+1)
	}
	return text + ")"
}

// each turns a list into rows.
func each[T any](list []T, row func(T) []any) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for _, v := range list {
			if r := row(v); r != nil && !yield(r) {
				return
			}
		}
	}
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func (b *bulk) world(w authz.World) {
	const at = 1_770_000_000_000_000
	b.insert("spaces (id, parent, name, name_key, description, labels, inherit, created_at)", 8, each(w.Spaces, func(s authz.Space) []any {
		if s.ID == authz.RootSpace {
			return nil
		}
		return []any{s.ID, s.Parent, s.ID, domain.NameKey(s.ID), "", "[]", s.Inherit, at}
	}))
	roles := b.roles()
	b.insert("roles (id, slug, name, description, is_system, actions, created_at)", 7, each(w.Roles, func(r authz.Role) []any {
		if roles[r.Slug] != "" {
			roles[r.ID] = roles[r.Slug]
			return nil
		}
		roles[r.ID] = r.ID
		var actions []string
		for _, a := range r.Actions.List() {
			actions = append(actions, a.String())
		}
		return []any{r.ID, r.Slug, r.Slug, "", false, text(actions), at}
	}))
	b.insert("user_groups (id, name, description, created_at, created_by)", 5, each(w.Groups, func(g authz.Group) []any {
		return []any{g.ID, g.Name, "", at, ""}
	}))
	b.insert(`users (id, username, name, slack_id, state, email, email_key, issued_at, expires_at, teams, login_method, last_login_at, created_at, created_by)`, 14,
		each(w.Actors, func(a authz.Actor) []any {
			if a.Ref.Kind != authz.ActorUser {
				return nil
			}
			return []any{a.Ref.ID, a.Ref.ID, "", "", "ACTIVE", "", "", 0, 0, text(append([]string{}, a.Groups...)), "", 0, at, ""}
		}))
	b.insert("api_keys (id, name, description, type, teams, oidc, creator, created_at, expires_at, last_used_at)", 10,
		each(w.Actors, func(a authz.Actor) []any {
			if a.Ref.Kind != authz.ActorAPIKey {
				return nil
			}
			return []any{a.Ref.ID, a.Ref.ID, "", "SECRET", text(append([]string{}, a.Groups...)), "", "", at, 0, 0}
		}))
	once := map[[3]string]bool{}
	b.insert("role_bindings (id, actor_kind, actor_id, role_id, space_id, entity_kind, entity_id, not_after, created_at, created_by, access_rule)", 11,
		each(w.Bindings, func(x authz.Binding) []any {
			key := [3]string{x.Actor.Kind.String() + x.Actor.ID, roles[x.Role], x.Space}
			if once[key] {
				return nil
			}
			once[key] = true
			return []any{x.ID, x.Actor.Kind.String(), x.Actor.ID, roles[x.Role], x.Space, "", "", 0, at, "", false}
		}))
}

// roles are the ids of the roles that are there, by their slugs.
func (b *bulk) roles() map[string]string {
	ids := map[string]string{}
	if b.err != nil {
		return ids
	}
	rows, err := b.tx.QueryContext(b.ctx, "select slug, id from roles")
	if err != nil {
		b.err = err
		return ids
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	for rows.Next() {
		var slug, id string
		if b.err = rows.Scan(&slug, &id); b.err != nil {
			return ids
		}
		ids[slug] = id
	}
	b.err = rows.Err()
	return ids
}

func (b *bulk) stacks(stacks iter.Seq[domain.Stack]) {
	b.insert(`stacks (id, ulid, space_id, name, branch, repository, project_root, worker_pool, labels, administrative, settings,
		manages_state, created_at, run_state, state_set_at, state_set_by, name_key, words, vendor)`, 19, func(yield func([]any) bool) {
		for st := range stacks {
			other := st.StackSettings
			other.Space, other.Name, other.Branch, other.Repository, other.ProjectRoot, other.Labels = "", "", "", "", "", nil
			if !yield([]any{
				st.ID, st.ULID, st.Space, st.Name, st.Branch, st.Repository, st.ProjectRoot, st.WorkerPool, text(append([]string{}, st.Labels...)),
				st.Administrative, text(other), st.ManagesState, st.CreatedAt.UnixMicro(), st.RunState, st.StateSetAt.UnixMicro(), "",
				st.SortKey(), st.SearchText(), st.Vendor.Name(),
			}) {
				return
			}
		}
	})
}
