-- +goose Up
-- What a stack has said of commits is told to its git host also after it was deleted.
alter table commit_statuses drop constraint commit_statuses_run;
alter table commit_statuses add column gone text not null default ''; -- what the stack was; empty while it is there
