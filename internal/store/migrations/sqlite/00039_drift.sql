-- +goose Up
alter table stacks add column drift text not null default ''; -- JSON: what drift detection has found last
alter table managed_entities add column drifted_at bigint not null default 0; -- 0: as it should be, as far as is known
create unique index schedules_one_drift on schedules (stack_id) where kind = 'DRIFT_DETECTION';
