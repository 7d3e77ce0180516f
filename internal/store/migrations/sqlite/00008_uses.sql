-- +goose Up
-- What role bindings were used for, by day, as the rows of the audit trail say:
-- done, and held by their holder for something else. It goes with the binding.
create table binding_uses (
    binding_id text    not null,
    day        integer not null, -- since 1970, in UTC
    action     text    not null,
    shard      integer not null, -- so that servers do not wait for one another
    done       bigint  not null,
    held       bigint  not null,
    last_at    bigint  not null,
    constraint binding_uses_key primary key (binding_id, day, action, shard)
) without rowid;
create index binding_uses_by_day on binding_uses (day);
insert into binding_uses (binding_id, day, action, shard, done, held, last_at)
    select json_extract(u.value, '$.binding'), a.at / 86400000000, json_extract(u.value, '$.action'), 0, count(*), 0, max(a.at)
    from audit_log a, json_each(a.uses) u where a.uses <> '' and exists (
        select 1 from role_bindings b where b.id = json_extract(u.value, '$.binding') and b.created_at < a.at)
    group by 1, 2, 3;

-- From when on the trail tells uses; 0: from its beginning.
alter table account add column uses_since bigint not null default 0;
update account set uses_since = cast((julianday('now') - 2440587.5) * 86400000000 as integer);
