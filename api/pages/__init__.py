"""The first pages: what the register says, for people. One function a page, one file a noun."""

from __future__ import annotations

from fastapi import APIRouter

from api.pages import (
    about,
    access,
    administration_proposals,
    agreements,
    audit,
    beliefs,
    bundles,
    certificates,
    check,
    check_lists,
    commands,
    company,
    countries,
    deadlines,
    developers,
    divergences,
    docs,
    documents,
    events,
    freshness,
    identity,
    looks,
    mass_decisions,
    network,
    operator_list,
    operators,
    persons,
    programmes,
    promises,
    proposals,
    receipts,
    search,
    shared_numbers,
    sign_in,
    sitemap,
    suggestions,
    tour,
    verify,
    webhooks,
    work,
)
from api.pages.errors import missing, still_loading, unavailable

__all__ = ["identities", "missing", "router", "still_loading", "unavailable"]

#: Served only where demo identities are offered.
identities = identity.router

router = APIRouter(include_in_schema=False)
for part in (
    search,
    check,
    check_lists,
    suggestions,
    tour,
    operators,
    operator_list,
    looks,
    beliefs,
    proposals,
    administration_proposals,
    persons,
    certificates,
    verify,
    commands,
    company,
    work,
    mass_decisions,
    agreements,
    countries,
    programmes,
    documents,
    promises,
    audit,
    shared_numbers,
    bundles,
    deadlines,
    events,
    freshness,
    divergences,
    receipts,
    webhooks,
    developers,
    access,
    docs,
    sitemap,
    about,
    network,
    sign_in,
):
    router.include_router(part.router)
