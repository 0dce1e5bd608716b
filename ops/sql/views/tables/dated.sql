-- The dated statements about an agreement (signed, in force, suspended, ended), each as the interval of civil days
-- in which its day lies, bitemporal. `term` numbers the implementations of one side from 1.
create table views.dated (
    agreement text not null,                 -- The agreement
    what text not null,                      -- Which date or deadline it is
    side text,                               -- The side of the agreement that it is about
    earliest date not null,                  -- The earliest day on which it can be
    latest date not null,                    -- The latest day on which it can be
    source text,                             -- Where it is known from
    assumed boolean not null,                -- Whether the day is assumed and not stated by a source
    note text,                               -- A remark of whoever recorded it
    from_at timestamptz not null,            -- The earliest instant, in the side's time zone
    by_at timestamptz not null,              -- The latest instant, in the side's time zone
    recorded_from timestamptz not null,      -- Transaction time: the instant from which the register knew this
    recorded_to timestamptz,                 -- Transaction time: the instant from which it no longer held; null: it holds
    position bigint not null,                -- The position of the event that made the row
    position_to bigint,                      -- The position of the event that ended it; null: none did
    term int,                                -- Which term of the side it belongs to
    over_at timestamptz                      -- The instant at which the day is over
);

create index dated_agreement on views.dated (agreement);

grant select on views.dated to aeo_auditor, aeo_reader;
grant select, insert, update, delete, truncate on views.dated to aeo_projector;
