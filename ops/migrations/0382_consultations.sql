-- Consultations that wait for a reply are found without reading every event.
set local role aeo_owner;

create index event_consultation on ledger.event (position)
    where topic in ('operator.consultation_requested', 'operator.consultation_replied');

reset role;
