-- +goose Up
alter table runs add column lease_hash text not null default ''; -- of the secret of the last lease, empty for one without
