-- Two beliefs about an operator are shown with the receipts about it that were given between.
set local role aeo_owner;

create index receipt_tin on access.receipt (tin, at);

reset role;
