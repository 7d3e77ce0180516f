-- +goose Up
-- States that runs wanted to store and that could not become the current one.
create table refused_states (
    id          text primary key,
    stack_id    text not null,
    run_id      text not null,
    sent_by     text not null,
    reason      text not null,
    serial      bigint not null, -- -1: it cannot be read as a state
    lineage     text not null,
    size        bigint not null,
    checksum    text not null,
    imported_as text not null default '', -- version
    sealed      bytea not null,
    object      text not null,
    created_at  bigint not null,
    constraint refused_states_stack foreign key (stack_id) references stacks (id) on delete cascade
);
create index refused_states_by_stack on refused_states (stack_id, id);
create index refused_states_by_run on refused_states (run_id);
create index refused_states_by_object on refused_states (object) where object <> '';
