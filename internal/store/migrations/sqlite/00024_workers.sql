-- +goose Up
-- What is known of each worker. One that has not been heard of for a while and
-- executes nothing is gone, and its row with it.
create table workers (
    pool_id      text not null,
    id           text not null,
    metadata     text not null, -- JSON object of texts
    slots        integer not null,
    drained      boolean not null, -- somebody asked that it take no runs
    leaving      boolean not null, -- it is shutting down
    created_at   bigint not null,
    available_at bigint not null, -- since when it waits for a run; 0: it does not
    seen_at      bigint not null,
    primary key (pool_id, id),
    constraint workers_pool foreign key (pool_id) references worker_pools (id) on delete cascade
);

alter table worker_pools add column certificate text not null default ''; -- PEM
alter table worker_pools add column cycled_at bigint not null default 0; -- workers that are older shall restart

-- The authority that signs the certificates of pools; one row.
create table worker_authority (
    id          integer primary key,
    certificate text not null, -- PEM
    sealed_key  blob not null
);
