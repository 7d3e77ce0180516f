-- +goose Up
-- A binding names a space or one entity.
alter table role_bindings
    add column entity_kind text not null default '', -- empty: bound to a space
    add column entity_id   text not null default '',
    alter column space_id drop not null, -- null: bound to an entity
    drop constraint role_bindings_once,
    add constraint role_bindings_target check (
        (space_id is not null and entity_kind = '' and entity_id = '') or (space_id is null and entity_kind <> '' and entity_id <> ''));
alter table role_bindings alter column entity_kind drop default, alter column entity_id drop default;
-- Two indexes, because a null is never equal to another one.
create unique index role_bindings_once on role_bindings (actor_kind, actor_id, role_id, space_id) where entity_kind = '';
create unique index role_bindings_once_on_entity on role_bindings (actor_kind, actor_id, role_id, entity_kind, entity_id) where entity_kind <> '';
create index role_bindings_by_actor on role_bindings (actor_kind, actor_id, created_at, id);
create index role_bindings_by_entity on role_bindings (entity_kind, entity_id);
create index role_bindings_by_age on role_bindings (created_at, id);
create index role_bindings_by_end on role_bindings (not_after);

-- Space and entity are what the asker wrote, and no keys: whether they exist
-- must not show before somebody who may know has decided.
create table access_requests (
    id          text primary key,
    actor_kind  text not null,
    actor_id    text not null,
    actor_name  text not null, -- as the audit trail names the asker
    role_id     text not null,
    space_id    text not null, -- empty: for an entity
    entity_kind text not null, -- empty: for a space
    entity_id   text not null,
    duration    bigint not null, -- microseconds
    reason      text not null,
    state       text not null,
    created_at  bigint not null,
    lapses_at   bigint not null, -- when it expires if nobody decides
    decided_at  bigint not null, -- 0: not yet
    decided_by  text not null,
    note        text not null,
    binding_id  text not null, -- what was granted, empty for nothing
    constraint access_requests_target check ((space_id <> '') <> (entity_kind <> '' and entity_id <> '')),
    constraint access_requests_state check (state in ('PENDING', 'GRANTED', 'REFUSED', 'CANCELED', 'EXPIRED'))
);
create index access_requests_by_actor on access_requests (actor_kind, actor_id, state);
create index access_requests_by_age on access_requests (created_at, id);
create index access_requests_by_state on access_requests (state, lapses_at);
