-- +goose Up
-- Which roles of stacks the actor of a change used without holding them, and
-- the same for whoever let a run go on: a JSON object, empty for none.
alter table audit_log add column acted_as text not null default '';
alter table runs add column acted_as text not null default '';
