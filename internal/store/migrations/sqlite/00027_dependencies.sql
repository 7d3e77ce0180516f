-- +goose Up
-- What runs after what, and which outputs are handed on.
create table stack_dependencies (
    id             text primary key,
    stack_id       text not null, -- waits
    depends_on     text not null, -- is waited for, and cannot be deleted meanwhile
    trigger_always boolean not null,
    created_at     bigint not null,
    constraint stack_dependencies_stack foreign key (stack_id) references stacks (id) on delete cascade,
    constraint stack_dependencies_upstream foreign key (depends_on) references stacks (id),
    constraint stack_dependencies_once unique (stack_id, depends_on)
);
create index stack_dependencies_by_upstream on stack_dependencies (depends_on);

create table stack_references (
    id             text primary key,
    dependency_id  text not null,
    output         text not null,
    input          text not null,
    trigger_always boolean not null,
    taken          blob, -- sealed: the value that the newest tracked run has got
    constraint stack_references_dependency foreign key (dependency_id) references stack_dependencies (id) on delete cascade,
    constraint stack_references_once unique (dependency_id, input)
);

alter table stack_outputs add column sealed blob; -- of sensitive outputs, where the stack hands them on

-- The run that is waited for may be deleted with its stack: no foreign key.
create table run_dependencies (
    run_id      text not null,
    upstream_id text not null,
    outcome     text not null, -- empty while that run has not ended
    primary key (run_id, upstream_id),
    constraint run_dependencies_run foreign key (run_id) references runs (id) on delete cascade
);
create index run_dependencies_open on run_dependencies (upstream_id) where outcome = '';
