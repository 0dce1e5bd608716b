-- The read log records who acted for the subject: the client or the person, as the token has it.
set local role aeo_owner;

alter table access.read_log
    -- Who acted for the subject: a client, or the pseudonym of a person; null: a demo identity, or before it was kept
    add column agent text;

reset role;
