-- +goose Up
-- Proposed runs, tasks and destroying runs; what a person may do to a run
-- besides confirming and discarding it.
insert into run_edges (previous, state) values
    ('QUEUED', 'SKIPPED'),
    ('INITIALIZING', 'PERFORMING'),
    ('INITIALIZING', 'DESTROYING'),
    ('PLANNING', 'PENDING_REVIEW'),
    ('PENDING_REVIEW', 'UNCONFIRMED'),
    ('PENDING_REVIEW', 'CONFIRMED'),
    ('PENDING_REVIEW', 'FINISHED'),
    ('PENDING_REVIEW', 'DISCARDED'),
    ('PENDING_REVIEW', 'FAILED'),
    ('UNCONFIRMED', 'REPLAN_REQUESTED'),
    ('REPLAN_REQUESTED', 'PREPARING_REPLAN'),
    ('REPLAN_REQUESTED', 'DISCARDED'),
    ('REPLAN_REQUESTED', 'FAILED'),
    ('PREPARING_REPLAN', 'PLANNING'),
    ('PREPARING_REPLAN', 'FAILED'),
    ('PREPARING_REPLAN', 'STOPPED'),
    ('PERFORMING', 'FINISHED'),
    ('PERFORMING', 'FAILED'),
    ('DESTROYING', 'FINISHED'),
    ('DESTROYING', 'FAILED');

alter table runs add column request text not null default '{}'; -- JSON object: what was asked of it
alter table runs add column priority integer not null default 20; -- the highest goes first
alter table runs add column drift boolean not null default false;
alter table runs add column targets text not null default '[]'; -- JSON list: addresses the plan is limited to
alter table runs add column stop text not null default ''; -- JSON object: who asked the worker to stop

drop index runs_one_writer;
create unique index runs_one_writer on runs (stack_id) where blocking and state in
    ('READY', 'PREPARING', 'INITIALIZING', 'PLANNING', 'PENDING_REVIEW', 'UNCONFIRMED', 'REPLAN_REQUESTED', 'PREPARING_REPLAN',
    'CONFIRMED', 'PREPARING_APPLY', 'APPLYING', 'PERFORMING', 'DESTROYING');
-- What waits for a worker, in the order in which it is given out.
create index runs_waiting on runs (priority desc, updated_at, id) where lease_until = 0 and state in ('READY', 'CONFIRMED', 'REPLAN_REQUESTED');

create table run_comments (
    id       text primary key,
    run_id   text not null,
    username text not null,
    body     text not null,
    at       bigint not null,
    constraint run_comments_run foreign key (run_id) references runs (id) on delete cascade
);
create index run_comments_by_run on run_comments (run_id, id);

create table run_reviews (
    id       text primary key,
    run_id   text not null,
    state    text not null, -- of the run, when it was reviewed
    author   text not null,
    decision text not null, -- APPROVE or REJECT
    note     text not null,
    at       bigint not null,
    constraint run_reviews_run foreign key (run_id) references runs (id) on delete cascade
);
create index run_reviews_by_run on run_reviews (run_id, id);
