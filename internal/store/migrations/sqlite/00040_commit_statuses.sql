-- +goose Up
-- What runs say of their commits, to be sent to the git hosts that have them.
create table commit_statuses (
    run_id      text not null,
    serial      bigint not null, -- of the transition
    lane        text not null, -- the stack's ULID: one after the other
    commit_hash text not null,
    state       text not null,
    description text not null,
    created_at  bigint not null,
    attempts    bigint not null,
    next_at     bigint not null, -- 0: sent, or given up
    sent_at     bigint not null, -- 0: not sent
    error       text not null,
    credential  text not null, -- of the last attempt
    constraint commit_statuses_pkey primary key (run_id, serial),
    constraint commit_statuses_run foreign key (run_id) references runs (id) on delete cascade
);
create index commit_statuses_due on commit_statuses (next_at) where next_at > 0;
create index commit_statuses_lane on commit_statuses (lane, created_at, run_id, serial) where next_at > 0;
create index commit_statuses_failed on commit_statuses (credential, created_at) where error <> '';
