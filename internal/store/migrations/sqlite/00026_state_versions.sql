-- +goose Up
alter table state_versions add column origin text not null default ''; -- IMPORT or ROLLBACK; empty: a run wrote it
alter table state_versions add column restores text not null default ''; -- the version that a rollback brought back
alter table state_versions add column created_by text not null default ''; -- who imported it or rolled back to it

-- URLs that give something once, without other credentials, and what was
-- uploaded through them.
create table transfers (
    id         text primary key,
    kind       text not null,
    hash       blob,         -- of the secret in its URL, null once that is spent
    stack_id   text not null,
    version_id text not null,
    requester  text not null, -- JSON object: who asked for it
    name       text not null, -- his name in the audit trail
    size       bigint not null,
    sealed     blob,         -- what was uploaded
    expires_at bigint not null,
    constraint transfers_hash unique (hash)
);
create index transfers_by_name on transfers (name, kind);
create index transfers_by_end on transfers (expires_at);
