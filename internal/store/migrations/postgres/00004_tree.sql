-- +goose Up
alter table account add column delegate_space_management boolean not null default false;
alter table account add column stack_act_as text not null default 'WARN';

-- The built-in pool lives in no space: every stack may use it. Its token was
-- handed over once; those of the others can be read again by who may reset them.
alter table worker_pools add column space_id text constraint worker_pools_space references spaces (id);
alter table worker_pools add column description text not null default '';
alter table worker_pools add column labels text not null default '[]';
alter table worker_pools add column drift_run_limit integer;
alter table worker_pools add column generation integer not null default 0;
alter table worker_pools add column sealed_token bytea;
alter table worker_pools add column updated_at bigint not null default 0;
create unique index worker_pools_token on worker_pools (token_hash);
create index worker_pools_by_space on worker_pools (space_id, created_at);
create index stacks_by_worker_pool on stacks (worker_pool) where worker_pool <> '';
