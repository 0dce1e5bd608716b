-- Which history of the ledger this is. After a restore, or a failover to a copy that was behind, positions are
-- given again, to other events: another history under another id. The epoch is read in the statement that answers,
-- so it is stored in the database and goes back with it; proof.begin_epoch is then called once. The times are UTC.
create table proof.epoch (
    number integer not null,                 -- The number
    id text not null,                        -- Its id
    after_position bigint not null,          -- Up to here the events are those of the epoch before
    begun_at timestamptz not null,           -- When it began
    why text not null,                       -- Why, in words
    constraint epoch_pkey primary key (number),
    constraint epoch_id_key unique (id),
    constraint epoch_id_is_12_hexadecimal_digits check (id ~ '^[0-9a-f]{12}$'),
    constraint epoch_begins_somewhere check (after_position >= 0)
);

create trigger epoch_is_append_only before update or delete or truncate on proof.epoch
    for each statement execute function proof.refuse_change();
alter table proof.epoch enable always trigger epoch_is_append_only;

insert into proof.epoch (number, id, after_position, begun_at, why)
values (
    1, substr(replace(gen_random_uuid()::text, '-', ''), 1, 12), 0, clock_timestamp(),
    'the first epoch of this register'
);

grant select on proof.epoch to aeo_auditor, aeo_projector, aeo_reader, aeo_signer, aeo_writer;
