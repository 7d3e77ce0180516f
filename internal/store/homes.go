package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// homePart says where the objects of one kind are found, and the columns of
// their ids, their spaces and of what decisions about them are about.
type homePart struct {
	kind             access.Kind
	entity           authz.EntityKind
	table            string
	id, space, about string
}

// homeParts are the kinds of objects that live in a space: the entities, built-in
// repositories, and what belongs to a stack, which is decided on as that stack.
var homeParts = func() (parts []homePart) {
	for _, e := range namedTables {
		parts = append(parts, homePart{access.Kind(e.kind.String()), e.kind, e.table, "id", "space_id", "id"})
	}
	return append(parts, homePart{access.KindRun, authz.EntityStack, "runs r join stacks s on s.id = r.stack_id", "r.id", "s.space_id", "s.id"})
}()

// text selects the number of the part, id, space and entity of the objects
// that meet a condition to follow.
func (p homePart) text(number int) string {
	return fmt.Sprintf(`select %d, %s, %s, %s from %s where `, number, p.id, p.space, p.about, p.table)
}

func (p homePart) target(space, about string) authz.Target {
	return authz.Target{Space: space, Entity: authz.EntityRef{Kind: p.entity, ID: about}}
}

// sought are ids to look for, by the index of their part.
type sought [][]string

// seek sorts refs by part. Kinds without a home and ids that no database can
// hold are left out: there are no such objects.
func seek(refs []access.Ref) sought {
	var s sought
	for _, r := range refs {
		for i, p := range homeParts {
			if p.kind == r.Kind && storable([]any{r.ID}) {
				if s == nil {
					s = make(sought, len(homeParts))
				}
				s[i] = append(s[i], r.ID)
			}
		}
	}
	return s
}

// parts returns a bit for each part that is sought.
func (s sought) parts() (bits int) {
	for i, ids := range s {
		if len(ids) > 0 {
			bits |= 1 << i
		}
	}
	return bits
}

// args returns the arguments of the statement for the parts of s.
func (s sought) args() (args []any) {
	for _, ids := range s {
		if len(ids) > 0 {
			args = append(args, toJSON(ids))
		}
	}
	return args
}

// homesQuery is one statement for all that is sought, the access revision and
// the time: what one statement says is true of one moment.
func (d dialect) homesQuery(parts int) string {
	var b strings.Builder
	clock := "0"
	if d.postgres() {
		clock = "(extract(epoch from clock_timestamp()) * 1000000)::bigint"
	}
	fmt.Fprintf(&b, "select -1, cast(revision as text), cast(%s as text), '' from account where id = 1", clock)
	n := 0
	for i, p := range homeParts {
		if parts&(1<<i) != 0 {
			n++
			b.WriteString(" union all " + p.text(i) + d.in(p.id, n))
		}
	}
	return d.rewrite(b.String())
}

// found is the answer to such a statement. Homes of what does not exist are
// missing.
type found struct {
	access.Pulse
	homes map[access.Ref]authz.Target
}

func scanFound(rows *sql.Rows) (f found, err error) {
	f.homes = map[access.Ref]authz.Target{}
	for rows.Next() {
		var part int
		var id, space, entity string
		if err := rows.Scan(&part, &id, &space, &entity); err != nil {
			return f, err
		}
		if part >= 0 {
			p := homeParts[part]
			f.homes[access.Ref{Kind: p.kind, ID: id}] = p.target(space, entity)
			continue
		}
		if f.Revision, err = strconv.ParseInt(id, 10, 64); err != nil {
			return f, err
		}
		us, err := strconv.ParseInt(space, 10, 64)
		if err != nil {
			return f, err
		}
		f.Time = fromMicros(us)
	}
	if err := rows.Err(); err != nil {
		return f, err
	}
	if f.Revision == 0 {
		return f, domain.NotFound("account")
	}
	return f, nil
}

// Homes returns the space and the entity of each object that exists, in one
// statement.
func (tx *Tx) Homes(ctx context.Context, refs []access.Ref) (map[access.Ref]authz.Target, error) {
	s := seek(refs)
	if s.parts() == 0 {
		return nil, nil
	}
	rows, err := tx.raw.QueryContext(ctx, tx.store.dialect.homesQuery(s.parts()), s.args()...)
	if err != nil {
		return nil, tx.store.dialect.translate(err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	f, err := scanFound(rows)
	return f.homes, tx.store.dialect.translate(err)
}

// HomesIn returns up to limit objects of a kind that are in a scope, by their
// ids, after one of them.
func (tx *Tx) HomesIn(ctx context.Context, kind access.Kind, scope access.Scope, after string, limit int) ([]access.Home, error) {
	for i, p := range homeParts {
		if p.kind != kind {
			continue
		}
		d := tx.store.dialect
		where, args := p.id+` > $1`, []any{after}
		if !scope.All() {
			where += ` and (` + d.in(p.space, 2) + ` or ` + d.in(p.about, 3) + `)`
			args = append(args, toJSON(list(scope.Spaces())), toJSON(list(scope.Entities(p.entity))))
		}
		q := fmt.Sprintf(`%s%s order by %s limit %d`, p.text(i), where, p.id, limit)
		return many(ctx, tx, func(s scanner) (h access.Home, err error) {
			var part int
			var space, about string
			err = s.Scan(&part, &h.ID, &space, &about)
			h.Target = p.target(space, about)
			return h, err
		}, q, args...)
	}
	return nil, nil
}

// Find returns the homes of objects together with the pulse of the moment that
// they are true of, without a transaction. As long as the revision stays, no
// object that was found moves or goes away; others may be created.
func (s *Store) Find(ctx context.Context, refs []access.Ref) (map[access.Ref]authz.Target, access.Pulse, error) {
	f, err := s.looks.share(ctx, seek(refs), s.look)
	return f.homes, f.Pulse, err
}

// Pulse implements access.Present.
func (s *Store) Pulse(ctx context.Context) (access.Pulse, error) {
	if revision, ok := s.revisions.current(); ok && !s.closed.Load() {
		return access.Pulse{Revision: revision, Time: s.Clock()}, nil
	}
	f, err := s.looks.share(ctx, nil, s.look)
	return f.Pulse, err
}

// look reads the database once.
func (s *Store) look(ctx context.Context, what sought) (f found, err error) {
	mark := s.revisions.asking()
	stmt, err := s.homesStatement(ctx, what.parts()) //nolint:sqlclosecheck // it is kept
	if err != nil {
		return f, domain.Unavailable("the database", err)
	}
	asked := time.Now()
	rows, err := stmt.QueryContext(ctx, what.args()...)
	if err != nil {
		return f, domain.Unavailable("the database", s.dialect.translate(err))
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	if f, err = scanFound(rows); err != nil {
		return f, s.dialect.translate(err)
	}
	if s.Now != nil || !s.dialect.postgres() {
		f.Time = s.Clock()
	} else {
		s.theirs.hear(asked, f.Time)
	}
	s.revisions.answered(mark, f.Revision)
	return f, nil
}

// homesStatement returns the prepared statement for some parts.
func (s *Store) homesStatement(ctx context.Context, parts int) (*sql.Stmt, error) {
	s.statements.Lock()
	defer s.statements.Unlock()
	if stmt := s.statements.homes[parts]; stmt != nil {
		return stmt, nil
	}
	stmt, err := s.read.PrepareContext(ctx, s.dialect.homesQuery(parts)) //nolint:sqlclosecheck // it is kept until the store closes
	if err != nil {
		return nil, err
	}
	s.statements.homes[parts] = stmt
	return stmt, nil
}
