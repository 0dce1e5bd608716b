-- Webhooks: addresses of partners that are told when there are changes to read. They are no law and no event: who
-- registered, removed or replayed one is kept in access.webhook_command, of which nothing is changed or deleted.
set local role aeo_owner;

-- The commands about webhooks, in their order.
create table access.webhook_command (
    -- The order in which they were given
    number bigint generated always as identity primary key,
    command_id uuid not null unique,         -- The idempotency key of the client
    at timestamptz not null default clock_timestamp(),  -- When it was recorded (UTC)
    subject text not null,                   -- The subject that gave it
    kind text not null check (kind in ('register', 'remove', 'replay')),  -- What it asks for
    webhook uuid not null,                   -- The webhook that it is about
    input jsonb not null                     -- Its other fields, as they were given
);

-- The webhooks, as the commands left them.
create table access.webhook (
    id uuid primary key,                     -- The command id with which it was registered
    owner text not null,                     -- The administration, or the subject of an auditor
    subject text not null,                   -- The subject that registered it
    role text not null,                      -- The role as which it is told of changes
    administration text,                     -- The administration as which it is told of changes; null: an auditor
    territory text not null,                 -- The territory of whose answers it is told
    url text not null,                       -- Where messages are posted
    signature text not null check (signature in ('ED25519', 'HMAC')),  -- How messages are signed
    registered_at timestamptz not null,      -- When it was registered (UTC)
    removed_at timestamptz,                  -- When it was removed (UTC); null: it is not
    replay_epoch text,                       -- From where to send again: the epoch; null: never asked for
    replay_after bigint,                     -- the position after which
    replay_number bigint                     -- and the number of the command
);
create index webhook_owner on access.webhook (owner) where removed_at is null;

-- How far each webhook is. Written by the sender alone.
create table access.webhook_state (
    webhook uuid primary key references access.webhook (id),  -- The webhook
    epoch text not null,                     -- The epoch of the ledger to which the positions belong
    position bigint not null,                -- Everything up to it was delivered, or is a dead letter
    replayed bigint not null,                -- The last command to replay that was carried out; 0: none
    delivered_at timestamptz,                -- When a message was accepted last (UTC)
    attempts bigint not null,                -- Messages sent, each attempt counted
    delivered bigint not null,               -- Messages accepted
    failures integer not null,               -- Attempts of the present message that failed
    failing_since timestamptz,               -- When its first attempt failed (UTC)
    failure text,                            -- Why the last attempt failed, as a sentence
    next_attempt_at timestamptz,             -- When it is sent again (UTC)
    after_position bigint,                   -- The message under way: the changes after this position
    until_position bigint,                   -- and up to this one; null: no message is under way
    message_at timestamptz,                  -- When that message was made (UTC)
    corrected boolean,                       -- Whether it says that answers were corrected
    stopped text                             -- Why nothing more is sent, as a sentence; null: it is
);

-- Messages that were given up. What they pointed to stays in the feed.
create table access.webhook_dead_letter (
    -- The order in which they were given up
    number bigint generated always as identity primary key,
    webhook uuid not null references access.webhook (id),  -- The webhook
    message text not null,                   -- The id of the message
    epoch text not null,                     -- The epoch of the ledger to which the positions belong
    after_position bigint not null,          -- The changes after this position
    until_position bigint not null,          -- and up to this one
    failing_since timestamptz not null,      -- When its first attempt failed (UTC)
    given_up_at timestamptz not null,        -- When it was given up (UTC)
    attempts integer not null,               -- How often it was sent
    failure text not null                    -- Why the last attempt failed, as a sentence
);
create index webhook_dead_letter_webhook on access.webhook_dead_letter (webhook, number);

grant select, insert on access.webhook_command to aeo_writer;
grant select, insert, update on access.webhook, access.webhook_state to aeo_writer;
grant select, insert on access.webhook_dead_letter to aeo_writer;
grant select on access.webhook, access.webhook_state, access.webhook_dead_letter to aeo_reader, aeo_auditor;
grant select on access.webhook_command to aeo_auditor;

reset role;
