package pgtest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"sync"
)

// kept are the templates that this process has seen complete.
var kept sync.Map

// keep makes a template if the server does not have it. Packages are tested at
// the same time, so one of them makes it while the others wait; it gets its
// name only when it is complete.
func keep(ctx context.Context, server *url.URL, name string, prepare func(url string) error) (err error) {
	if _, seen := kept.Load(name); seen {
		return nil
	}
	admin, err := sql.Open("pgx", server.String())
	if err != nil {
		return err
	}
	defer func() { _ = admin.Close() }() // and with it the lock
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := admin.Conn(ctx)
	if err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(hashtext($1))`, name); err != nil {
		return err
	}
	var there bool
	if err := conn.QueryRowContext(ctx, `SELECT count(*) > 0 FROM pg_database WHERE datname = $1`, name).Scan(&there); err != nil {
		return err
	}
	if !there {
		if err := fill(ctx, conn, server, name, prepare); err != nil {
			return err
		}
	}
	kept.Store(name, true)
	return conn.Close()
}

func fill(ctx context.Context, conn *sql.Conn, server *url.URL, name string, prepare func(url string) error) error {
	unfinished := name + "_unfinished"
	for _, statement := range []string{
		`DROP DATABASE IF EXISTS ` + unfinished + ` WITH (FORCE)`,
		`CREATE DATABASE ` + unfinished + ` TEMPLATE template0`,
	} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if err := prepare(on(server, unfinished)); err != nil {
		return fmt.Errorf("fill it: %w", err)
	}
	_, err := conn.ExecContext(ctx, `ALTER DATABASE `+unfinished+` RENAME TO `+name)
	return err
}
