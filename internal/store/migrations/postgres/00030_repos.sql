-- +goose Up
-- Repositories that Airlock keeps itself, and pushes whose runs are yet to be
-- started.
create table repos (
    id          text primary key,
    space_id    text not null,
    name        text not null,
    description text not null,
    labels      text not null, -- JSON list
    checks      text not null,
    is_default  boolean not null,
    revisions   integer not null default 0,
    created_at  bigint not null,
    updated_at  bigint not null,
    constraint repos_space foreign key (space_id) references spaces (id)
);
create index repos_by_space on repos (space_id);

create table repo_revisions (
    repo_id      text not null,
    number       integer not null,
    id           text not null,
    sha          text not null,
    author_name  text not null,
    author_email text not null,
    message      text not null,
    description  text not null,
    created_at   bigint not null,
    primary key (repo_id, number),
    constraint repo_revisions_repo foreign key (repo_id) references repos (id) on delete cascade
);
create index repo_revisions_by_sha on repo_revisions (repo_id, sha);

-- One row for each version of a file.
create table repo_files (
    repo_id   text not null,
    path      text not null,
    number    integer not null, -- of the revision that wrote it
    mode      integer not null,
    deleted   boolean not null,
    encrypted boolean not null,
    size      integer not null,
    sha256    text not null,
    blob_id   text not null,
    sealed    bytea,
    primary key (repo_id, path, number),
    constraint repo_files_repo foreign key (repo_id) references repos (id) on delete cascade
);

create table pushes (
    id         text primary key,
    body       text not null, -- JSON object
    created_at bigint not null
);
