-- +goose Up
-- A push that cannot be followed is tried again, later each time, and then given up.
alter table pushes add column tries bigint not null default 0;
alter table pushes add column next_at bigint not null default 0;
