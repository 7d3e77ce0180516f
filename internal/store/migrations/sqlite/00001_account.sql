-- +goose Up
create table account (
    id         integer primary key,
    created_at bigint not null,
    revision   bigint not null, -- grows with every change of spaces, roles, bindings and who is administrative
    constraint account_single check (id = 1)
);

create table spaces (
    id          text primary key,
    parent      text,
    name        text not null,
    name_key    text not null, -- NFKC and case folded
    description text not null,
    labels      text not null, -- JSON list
    inherit     boolean not null,
    created_at  bigint not null,
    constraint spaces_parent foreign key (parent) references spaces (id),
    constraint spaces_name unique (parent, name_key)
);

create table roles (
    id          text primary key,
    slug        text not null,
    name        text not null,
    description text not null,
    is_system   boolean not null,
    actions     text not null, -- JSON list of subject:verb
    created_at  bigint not null,
    constraint roles_slug unique (slug)
);

create table role_bindings (
    id         text primary key,
    actor_kind text not null,
    actor_id   text not null,
    role_id    text not null,
    space_id   text not null,
    not_after  bigint not null, -- 0: for good
    created_at bigint not null,
    created_by text not null,
    constraint role_bindings_role foreign key (role_id) references roles (id),
    constraint role_bindings_space foreign key (space_id) references spaces (id),
    constraint role_bindings_once unique (actor_kind, actor_id, role_id, space_id)
);
create index role_bindings_by_role on role_bindings (role_id);
create index role_bindings_by_space on role_bindings (space_id);

create table api_keys (
    id           text primary key,
    name         text not null,
    description  text not null,
    type         text not null,
    secret_hash  blob,
    teams        text not null, -- JSON list
    oidc         text not null, -- JSON object, empty for secret keys
    creator      text not null,
    created_at   bigint not null,
    expires_at   bigint not null, -- 0: never
    last_used_at bigint not null  -- 0: never
);

create table signing_keys (
    id         text primary key,
    sealed     blob not null,
    created_at bigint not null
);

create table worker_pools (
    id         text primary key,
    name       text not null,
    token_hash blob not null,
    created_at bigint not null
);

create table stacks (
    id             text primary key,
    ulid           text not null,
    space_id       text not null,
    name           text not null,
    branch         text not null,
    repository     text not null,
    project_root   text not null,
    worker_pool    text not null,
    labels         text not null, -- JSON list
    administrative boolean not null,
    settings       text not null, -- JSON object with everything else a caller sets
    manages_state  boolean not null,
    created_at     bigint not null,
    run_state      text not null, -- of the newest tracked run
    state_set_at   bigint not null,
    state_set_by   text not null,
    constraint stacks_ulid unique (ulid),
    constraint stacks_space foreign key (space_id) references spaces (id)
);
create index stacks_by_space on stacks (space_id, created_at);

create table contexts (
    id          text primary key,
    space_id    text not null,
    name        text not null,
    description text not null,
    labels      text not null,
    hooks       text not null, -- JSON object
    created_at  bigint not null,
    updated_at  bigint not null,
    constraint contexts_space foreign key (space_id) references spaces (id)
);
create index contexts_by_space on contexts (space_id, created_at);

create table context_attachments (
    id         text primary key,
    context_id text not null,
    stack_id   text not null,
    priority   integer not null,
    constraint context_attachments_context foreign key (context_id) references contexts (id) on delete cascade,
    constraint context_attachments_stack foreign key (stack_id) references stacks (id) on delete cascade,
    constraint context_attachments_once unique (context_id, stack_id)
);
create index context_attachments_by_stack on context_attachments (stack_id, priority);

-- Variables and mounted files of a stack or a context; values are sealed.
create table config (
    owner_kind  text not null, -- stack or context
    owner_id    text not null,
    id          text not null,
    type        text not null,
    sealed      blob not null,
    write_only  boolean not null,
    description text not null,
    file_mode   text not null,
    checksum    text not null,
    created_at  bigint not null,
    primary key (owner_kind, owner_id, id)
);

-- The edges of the run state machine. A transition that is not an edge breaks
-- a foreign key, whatever the code above believes.
create table run_edges (
    previous text not null,
    state    text not null,
    primary key (previous, state)
);

create table runs (
    id           text primary key,
    stack_id     text not null,
    type         text not null,
    state        text not null,
    serial       integer not null, -- transitions so far
    branch       text not null,
    commit_info  text not null, -- JSON object
    title        text not null,
    metadata     text not null,
    triggered_by text not null,
    created_at   bigint not null,
    updated_at   bigint not null,
    delta        text not null, -- JSON object, empty until planned
    changes      text not null, -- JSON list
    note         text not null,
    autodeploy   boolean not null,
    blocking     boolean not null,
    epoch        integer not null, -- leases given so far
    worker       text not null,    -- holder of the lease, empty for none
    lease_until  bigint not null,  -- 0: no lease
    log_bytes    bigint not null,  -- of all its log so far
    constraint runs_stack foreign key (stack_id) references stacks (id)
);
create index runs_by_stack on runs (stack_id, id);
create index runs_by_state on runs (state, id);
-- One state-changing run of a stack at a time.
create unique index runs_one_writer on runs (stack_id) where blocking and state in
    ('READY', 'PREPARING', 'INITIALIZING', 'PLANNING', 'UNCONFIRMED', 'CONFIRMED', 'PREPARING_APPLY', 'APPLYING');

create table run_transitions (
    run_id   text not null,
    serial   integer not null,
    previous text not null,
    state    text not null,
    at       bigint not null,
    username text not null,
    note     text not null,
    primary key (run_id, serial),
    constraint run_transitions_run foreign key (run_id) references runs (id) on delete cascade,
    constraint run_transitions_edge foreign key (previous, state) references run_edges (previous, state)
);

create table run_logs (
    run_id text not null,
    epoch  integer not null,
    seq    integer not null, -- of the lease, from 0
    serial integer not null, -- the run's state version the lines belong to
    state  text not null,
    body   text not null,
    at     bigint not null,
    primary key (run_id, epoch, seq),
    constraint run_logs_run foreign key (run_id) references runs (id) on delete cascade
);

create table run_workspaces (
    run_id     text primary key,
    sealed     blob not null,
    created_at bigint not null,
    constraint run_workspaces_run foreign key (run_id) references runs (id) on delete cascade
);

create table state_versions (
    id         text primary key,
    stack_id   text not null,
    run_id     text not null,
    serial     bigint not null,
    lineage    text not null,
    size       bigint not null,
    checksum   text not null,
    sealed     blob not null,
    created_at bigint not null,
    constraint state_versions_stack foreign key (stack_id) references stacks (id) on delete cascade,
    constraint state_versions_serial unique (stack_id, serial)
);

create table state_locks (
    stack_id text primary key,
    lock_id  text not null,
    info     text not null,
    run_id   text not null,
    at       bigint not null,
    constraint state_locks_stack foreign key (stack_id) references stacks (id) on delete cascade
);

create table stack_outputs (
    stack_id    text not null,
    name        text not null,
    value       text not null, -- JSON; empty for sensitive outputs
    sensitive   boolean not null,
    description text not null,
    primary key (stack_id, name),
    constraint stack_outputs_stack foreign key (stack_id) references stacks (id) on delete cascade
);

create table audit_log (
    position    integer primary key autoincrement,
    id          text not null,
    at          bigint not null,
    actor       text not null,
    actor_roles text not null, -- JSON list, empty if the actor holds no role
    event       text not null,
    mutation    text not null,
    action      text not null,
    object_kind text not null,
    object_id   text not null,
    spaces      text not null, -- JSON list
    args        text not null, -- JSON object, secrets removed
    outcome     text not null,
    reason      text not null,
    remote_ip   text not null,
    request_id  text not null,
    run_id      text not null,
    stack_id    text not null,
    revision    bigint not null,
    constraint audit_log_id unique (id)
);

-- What must leave the building, written with the change that causes it.
create table outbox (
    position   integer primary key autoincrement,
    id         text not null, -- stable, so that a receiver can drop repeats
    topic      text not null,
    payload    text not null,
    created_at bigint not null,
    constraint outbox_id unique (id)
);

insert into run_edges (previous, state) values
    ('NONE', 'QUEUED'),
    ('QUEUED', 'READY'),
    ('QUEUED', 'CANCELED'),
    ('QUEUED', 'DISCARDED'),
    ('QUEUED', 'FAILED'),
    ('READY', 'PREPARING'),
    ('READY', 'QUEUED'),
    ('READY', 'CANCELED'),
    ('READY', 'DISCARDED'),
    ('READY', 'FAILED'),
    ('PREPARING', 'INITIALIZING'),
    ('PREPARING', 'FAILED'),
    ('PREPARING', 'STOPPED'),
    ('INITIALIZING', 'PLANNING'),
    ('INITIALIZING', 'FAILED'),
    ('INITIALIZING', 'STOPPED'),
    ('PLANNING', 'UNCONFIRMED'),
    ('PLANNING', 'CONFIRMED'),
    ('PLANNING', 'FINISHED'),
    ('PLANNING', 'FAILED'),
    ('PLANNING', 'STOPPED'),
    ('UNCONFIRMED', 'CONFIRMED'),
    ('UNCONFIRMED', 'DISCARDED'),
    ('CONFIRMED', 'PREPARING_APPLY'),
    ('CONFIRMED', 'APPLYING'),
    ('CONFIRMED', 'FAILED'),
    ('PREPARING_APPLY', 'APPLYING'),
    ('PREPARING_APPLY', 'FAILED'),
    ('APPLYING', 'FINISHED'),
    ('APPLYING', 'FAILED');
