-- +goose Up
-- Contexts that attached themselves to a stack by a label.
alter table context_attachments add column auto boolean not null default false;
