-- +goose Up
create table users (
    id            text primary key,
    username      text not null,
    name          text not null,
    slack_id      text not null,
    state         text not null,
    email         text not null, -- of the invitation, empty for none
    email_key     text not null, -- NFKC and case folded
    token_hash    blob,
    issued_at     bigint not null, -- of the invitation
    expires_at    bigint not null, -- of the invitation
    teams         text not null,   -- JSON list, as reported at the last login
    login_method  text not null,
    last_login_at bigint not null, -- 0: never
    created_at    bigint not null,
    created_by    text not null,
    constraint users_username unique (username),
    constraint users_state check (state in ('QUEUED', 'PENDING', 'ACTIVE', 'INACTIVE'))
);
-- One open invitation for an address.
create unique index users_invited_once on users (email_key) where state in ('QUEUED', 'PENDING');
create unique index users_by_token on users (token_hash);

create table user_groups (
    id          text primary key,
    name        text not null, -- exact
    description text not null,
    created_at  bigint not null,
    created_by  text not null,
    constraint user_groups_name unique (name)
);

-- Bindings that were made through the older list of access rules.
alter table role_bindings add column access_rule boolean not null default false;
