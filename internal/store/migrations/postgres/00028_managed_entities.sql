-- +goose Up
create table managed_entities (
    stack_id   text not null,
    address    text not null,
    module     text not null,
    type       text not null,
    name       text not null,
    provider   text not null,
    output     boolean not null,
    data       boolean not null,
    tainted    boolean not null,
    print      bytea not null, -- sealed: whether it changed
    created_by text not null, -- runs
    updated_by text not null,
    updated_at bigint not null,
    primary key (stack_id, address),
    constraint managed_entities_stack foreign key (stack_id) references stacks (id) on delete cascade
);
