-- +goose Up
-- What searches need beside the settings. A new row has all three; what was
-- there before has nulls until the server fills them in at its next start.
alter table stacks add column name_key text; -- the beginning of the name, NFKC and case folded
alter table stacks add column words text; -- every text that describes the stack, in the same form
alter table stacks add column vendor text;
create index stacks_by_name on stacks (name_key, ulid, space_id);
create index stacks_by_space_and_name on stacks (space_id, name_key, ulid);
drop index stacks_by_space;
create index stacks_by_space on stacks (space_id, created_at, ulid);
create index stacks_by_age on stacks (created_at, ulid, space_id);
create index stacks_by_repository on stacks (repository);
