-- +goose Up
-- A look for drift is skipped if something else was applied before its turn came.
insert into run_edges (previous, state) values ('READY', 'SKIPPED');
