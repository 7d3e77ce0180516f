-- +goose Up
create table stack_stars (
    stack_id   text not null,
    actor_kind text not null,
    actor_id   text not null,
    primary key (actor_kind, actor_id, stack_id),
    constraint stack_stars_stack foreign key (stack_id) references stacks (id) on delete cascade
);
create index stack_stars_by_stack on stack_stars (stack_id);
