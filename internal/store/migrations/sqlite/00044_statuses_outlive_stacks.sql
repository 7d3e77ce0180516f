-- +goose Up
-- What a stack has said of commits is told to its git host also after it was deleted.
create table commit_statuses_next (
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
    gone        text not null default '', -- what the stack was; empty while it is there
    constraint commit_statuses_pkey primary key (run_id, serial)
);
insert into commit_statuses_next (run_id, serial, lane, commit_hash, state, description, created_at, attempts, next_at, sent_at, error, credential)
    select run_id, serial, lane, commit_hash, state, description, created_at, attempts, next_at, sent_at, error, credential from commit_statuses;
drop table commit_statuses;
alter table commit_statuses_next rename to commit_statuses;
create index commit_statuses_due on commit_statuses (next_at) where next_at > 0;
create index commit_statuses_lane on commit_statuses (lane, created_at, run_id, serial) where next_at > 0;
create index commit_statuses_failed on commit_statuses (credential, created_at) where error <> '';
