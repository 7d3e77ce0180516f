-- +goose Up
-- Settings for the runs of one schedule, sealed.
alter table schedules add column settings blob;
