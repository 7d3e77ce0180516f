-- +goose Up
-- Where the people are told of what endangers the account; empty for nobody.
alter table account add column security_email text not null default '';
