-- The law of a followed register has levels: 1 is programmes and agreements, 2 is also administrations and blocs
-- (decision 0336). A register that follows an earlier release goes on with level 1, and takes the rest once it is sent.
set local role aeo_owner;

-- Of which level the law is that it sends; 0: it has not sent it.
alter table peers.peer add column law_level integer not null default 0 check (law_level >= 0);
update peers.peer set law_level = 1 where law_position is not null;

-- The particulars and members of administrations are few events in streams that also have every list that was received.
create index event_administration on ledger.event (originator_id, originator_version)
    where topic in ('administration.registered', 'administration.member_joined', 'administration.member_left');

reset role;
