-- +goose Up
-- Images of containers for stacks that name none; empty: as the worker says.
alter table account add column private_runner_image text not null default '';
alter table account add column public_runner_image text not null default '';
