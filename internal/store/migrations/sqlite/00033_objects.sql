-- +goose Up
-- Bodies that are in object storage: the row keeps what opens them.
alter table state_versions add column object text not null default '';
alter table run_workspaces add column object text not null default '';
alter table local_workspaces add column object text not null default '';
create index state_versions_by_object on state_versions (object) where object <> '';
create index run_workspaces_by_object on run_workspaces (object) where object <> '';
create index local_workspaces_by_object on local_workspaces (object) where object <> '';
alter table account add column storage text not null default ''; -- by which object storage knows the account

-- The logs of runs that have ended.
create table run_log_parts (
    run_id text not null,
    epoch  integer not null,
    first  integer not null, -- piece
    last   integer not null,
    serial integer not null, -- of all its pieces
    state  text not null,
    sealed blob not null, -- compressed
    object text not null,
    at     bigint not null,
    primary key (run_id, epoch, first),
    constraint run_log_parts_run foreign key (run_id) references runs (id) on delete cascade
);
create index run_log_parts_by_object on run_log_parts (object) where object <> '';

-- Which server does what only one does.
create table turns (
    job    text primary key,
    holder text not null,
    until  bigint not null
);
