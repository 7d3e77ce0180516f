-- +goose Up
create table schedules (
    id          text not null,
    stack_id    text not null,
    kind        text not null,
    cron        text not null, -- JSON
    timezone    text not null,
    at          bigint not null,
    aim         text not null, -- JSON
    author_kind text not null,
    author_id   text not null,
    author_name text not null,
    created_at  bigint not null,
    next_at     bigint not null, -- 0: never
    last        text not null, -- JSON
    constraint schedules_pkey primary key (id),
    constraint schedules_stack foreign key (stack_id) references stacks (id) on delete cascade
);
create index schedules_of_stack on schedules (stack_id, id);
create index schedules_due on schedules (next_at, id) where next_at > 0;
