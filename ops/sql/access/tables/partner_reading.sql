-- How far each partner has read this register, by each way but webhooks and peers, which have tables of their own.
create table access.partner_reading (
    partner text not null,                   -- The token's subject, as partner:CN
    -- By which way
    way text not null check (way in ('GOLDEN_COPY', 'COPY_CHANGES', 'CHANGES', 'SUBSCRIPTION')),
    position bigint not null,                -- It was given everything up to it
    at timestamptz not null,                 -- When it was given that (UTC)
    primary key (partner, way)
) with (fillfactor = 50);

grant select, insert, update on access.partner_reading to aeo_reader;
grant select on access.partner_reading to aeo_auditor;
