-- +goose Up
alter table run_logs add column sealed bytea; -- null: the body is older and in the clear
