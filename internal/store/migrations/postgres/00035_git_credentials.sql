-- +goose Up
-- How workers sign in to git repositories.
create table git_credentials (
    id          text primary key,
    space_id    text not null,
    name        text not null,
    prefix      text not null,
    kind        text not null,
    username    text not null,
    known_hosts text not null,
    sealed      bytea not null,
    created_at  bigint not null,
    updated_at  bigint not null,
    constraint git_credentials_space foreign key (space_id) references spaces (id)
);
create index git_credentials_by_space on git_credentials (space_id);
