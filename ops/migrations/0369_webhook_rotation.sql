-- The secret of a webhook can be replaced; for a time messages are signed with the one before, too.
set local role aeo_owner;

alter table access.webhook
    -- How often its secret was replaced: the secret is derived from it
    add column generation integer not null default 0,
    -- Until when messages are signed with the secret before, too (UTC); null: it was never replaced
    add column former_until timestamptz;

alter table access.webhook_command drop constraint webhook_command_kind_check;
alter table access.webhook_command add constraint webhook_command_kind_check
    check (kind in ('register', 'remove', 'replay', 'rotate'));

reset role;
