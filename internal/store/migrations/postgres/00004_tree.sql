-- +goose Up
alter table account add column delegate_space_management boolean not null default false;
alter table account add column stack_act_as text not null default 'WARN';
