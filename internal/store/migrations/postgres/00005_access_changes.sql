-- +goose Up
-- Which rows of the access world each revision changed. A server that has an
-- older revision compiled reads these rows instead of the whole world.
create table access_changes (
    position bigint generated always as identity primary key,
    revision bigint not null,
    part     text not null, -- space, role, binding, ...
    part_id  text not null,
    kind     text not null, -- of the actor of a binding, empty else
    owner    text not null  -- the actor of a binding, empty else
);
create index access_changes_by_revision on access_changes (revision);
