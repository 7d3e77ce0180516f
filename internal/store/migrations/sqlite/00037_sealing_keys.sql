-- +goose Up
-- Key-encryption keys that records of this database may need.
create table sealing_keys (
    id         text primary key,
    since      bigint not null,
    used_at    bigint not null, -- when a server last had it as its current one
    retired_at bigint not null  -- 0: records may need it
);
