-- +goose Up
alter table stacks add column disabled boolean not null default false;
alter table stacks add column locked text not null default ''; -- JSON object: who has it for himself
alter table stacks add column destroyer text not null default ''; -- the run that destroys everything before the stack is deleted
alter table stacks add column tracked text not null default ''; -- JSON object: the commit that somebody chose
alter table stacks add column head text not null default ''; -- JSON object: the newest commit seen on the branch
create index stacks_being_deleted on stacks (destroyer) where destroyer <> '';
