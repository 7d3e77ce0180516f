-- +goose Up
-- Which role bindings allowed a change, each with the action it was used for:
-- a JSON list, empty for denials and where no binding was needed.
alter table audit_log add column uses text not null default '';
create index audit_log_by_time on audit_log (at);
