-- +goose Up
-- Keys of the tokens with which runs sign in elsewhere.
create table federation_keys (
    id         text primary key,
    sealed     bytea not null,
    created_at bigint not null,
    signs_from bigint not null
);
