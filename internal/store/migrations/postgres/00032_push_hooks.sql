-- +goose Up
-- Addresses that git hosts tell of pushes, and what came to them.
create table push_hooks (
    id             text primary key,
    space_id       text not null,
    name           text not null,
    kind           text not null,
    repositories   text not null, -- JSON list of URLs
    secrets        bytea not null, -- sealed
    previous_until bigint not null,
    created_at     bigint not null,
    updated_at     bigint not null,
    constraint push_hooks_space foreign key (space_id) references spaces (id)
);
create index push_hooks_by_space on push_hooks (space_id);

create table push_deliveries (
    hook_id text not null,
    key     text not null, -- the same for every copy of a message
    at      bigint not null,
    body    text not null, -- JSON object
    primary key (hook_id, key),
    constraint push_deliveries_hook foreign key (hook_id) references push_hooks (id) on delete cascade
);
create index push_deliveries_by_time on push_deliveries (hook_id, at);
