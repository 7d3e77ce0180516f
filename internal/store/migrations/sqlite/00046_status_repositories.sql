-- +goose Up
-- The repository that a run speaks to, where its stack has another one since then.
alter table commit_statuses add column repository text not null default '';
