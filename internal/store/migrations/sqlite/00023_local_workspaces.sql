-- +goose Up
-- Directories that people upload to preview them, and what a caller sets for
-- one run only.
create table local_workspaces (
    id         text primary key,
    stack_id   text not null,
    owner      text not null,
    token_hash blob not null,
    created_at bigint not null,
    expires_at bigint not null,
    size       bigint not null default 0, -- 0: not uploaded yet
    sealed     blob,
    run_id     text not null default '', -- the newest run of it
    constraint local_workspaces_stack foreign key (stack_id) references stacks (id) on delete cascade on update cascade
);
create index local_workspaces_by_stack on local_workspaces (stack_id);
create index local_workspaces_by_expiry on local_workspaces (expires_at);

create table run_settings (
    run_id text primary key,
    sealed blob not null,
    constraint run_settings_run foreign key (run_id) references runs (id) on delete cascade
);
