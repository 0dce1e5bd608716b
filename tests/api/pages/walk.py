"""An address of each page of the registry of pages, for the tests that walk over all of them."""

from __future__ import annotations

from api.pages.site import PAGES

STEEL = "CN0000000012"
#: By the address of the page. Receipts and persons are made by the tests that need one.
SAMPLES: dict[str, tuple[str, ...]] = {
    "/": ("/",),
    "/search": ("/search?q=nothing+of+the+kind", "/search?q=corridor"),
    "/check": (
        "/check",
        f"/check?number={STEEL}&in=SG&day=2026-03-05&time=14:03",
        f"/check?number={STEEL}&in=SG&zone=home&hs=0808&role=EXPORTER&crossing=Heihe",
        "/check?number=CN9999999999&in=KR",
        "/check?number=no+such+number&in=KR",
        "/check?number=&in=ZZ&day=yesterday&time=25:00&hs=x&role=x",
    ),
    "/check/list": ("/check/list",),
    "/operators": ("/operators", "/operators?administration=DE&standing=VALID&due=soon"),
    "/operators/{tin}": (
        f"/operators/{STEEL}?at=2026-03-05",
        f"/operators/{STEEL}?tab=all&in=KR",
        f"/operators/{STEEL}?tab=history",
        "/operators/CN9999999999",
        "/operators/12",
    ),
    "/operators/{tin}/looks": (f"/operators/{STEEL}/looks",),
    "/operators/{tin}/beliefs": (
        f"/operators/{STEEL}/beliefs",
        f"/operators/{STEEL}/beliefs?at=2026-03-05&from=2026-03-06&to=2026-03-11",
        f"/operators/{STEEL}/beliefs?at=x&from=2026-03-06&to=2026-03-01",
        "/operators/CN9999999999/beliefs",
    ),
    "/operators/{tin}/persons": (f"/operators/{STEEL}/persons",),
    "/operators/{tin}/persons/{person}": (f"/operators/{STEEL}/persons/nobody",),
    "/operators/{tin}/certificate": (f"/operators/{STEEL}/certificate",),
    "/verify": ("/verify",),
    "/verify/{code}": ("/verify/00000000000000000000",),
    "/operators/{tin}/{command:operator_command}": (
        f"/operators/{STEEL}/suspend-authorisation",
        f"/operators/{STEEL}/amend-particulars",
    ),
    "/company": ("/company", f"/company?of={STEEL}", "/company?of=12"),
    "/work": ("/work",),
    "/work/{command:mass_command}": ("/work/suspend-authorisation",),
    "/countries/{code}/{command:administration_command}": (
        "/countries/CN/propose-agreement",
        "/countries/CN/require-second-person",
        "/countries/CN/add-client-key",
    ),
    "/programmes/{code}/{command:programme_command}": ("/programmes/CN-AEO/set-rule",),
    "/agreements/{id}/{command:agreement_command}": (
        "/agreements/CN-AU-AEO/suspend-agreement",
        "/agreements/CN-AU-AEO/set-scope",
    ),
    "/documents/{id}/{command:document_command}": ("/documents/ACTION-PLAN-2018-2020/set-target",),
    "/proposals": ("/proposals",),
    "/proposals/{code}/{proposal}/{command:proposal_command}": (
        "/proposals/CN/7b0e6f3e-6f0c-4f0a-9d5e-0f5f6f3e6f0c/confirm",
    ),
    "/tour": ("/tour",),
    "/tour/{number}": ("/tour/2", "/tour/4", "/tour/12", "/tour/16"),
    "/countries": ("/countries",),
    "/countries/{code}": ("/countries/CN", "/countries/CN?at=yesterday", "/countries/EU?tab=all"),
    "/programmes/{code}": ("/programmes/EU-AEO",),
    "/freshness": ("/freshness",),
    "/agreements": ("/agreements",),
    "/agreements/{id}": (
        "/agreements/CN-AU-AEO",
        "/agreements/CN-RU-CONTROL?tab=scope",
        "/agreements/CN-AU-AEO?tab=all",
        "/agreements/CN-AU-AEO?tab=compare&a=2018-01-01&b=2026-01-01",
    ),
    "/network": ("/network?of=CN&year=2018", "/network"),
    "/documents": ("/documents",),
    "/documents/{id}": ("/documents/ACTION-PLAN-2018-2020",),
    "/control-results": (
        "/control-results",
        "/control-results?from=RU&to=CN&crossing=Heihe-Blagoveshchensk&hs=1201&day=2015-01-01",
        "/control-results?from=CN&to=CN&crossing=&hs=x&day=yesterday",
    ),
    "/promises": (
        "/promises",
        "/promises?of=CN&at=2019-06-01&known-at=2026-11-29",
        "/promises?of=ZZ",
    ),
    "/audit": ("/audit", f"/audit?of={STEEL}&in=SG&at=2026-03-05", "/audit?of=NOBODY"),
    "/events": (
        "/events",
        f"/events?operator={STEEL}&kind=operator.suspended&from=2026-03-01&to=2026-03-31",
        "/events?kind=x&operator=12&from=yesterday&to-position=0&effective-from=2026-02-30",
    ),
    "/deadlines": (
        "/deadlines",
        "/deadlines?month=2021-03&administration=CN",
        "/deadlines?month=x&administration=xyz&kind=x&state=x&day=x&after=x",
    ),
    "/log": ("/log",),
    "/audit/numbers": ("/audit/numbers",),
    "/divergences": ("/divergences?in=SG&from=2026-03-01&to=2026-03-20",),
    "/check/list/{id}": ("/check/list/no-list",),
    "/receipts": ("/receipts",),
    "/receipts/{id}": ("/receipts/no-receipt",),
    "/developers": ("/developers",),
    "/webhooks": ("/webhooks",),
    "/docs": ("/docs",),
    "/docs/{name:path}": ("/docs/concepts", "/docs/architecture"),
    "/access": ("/access",),
    "/sitemap": ("/sitemap",),
    "/about": ("/about",),
    "/help": ("/help",),
    "/privacy": ("/privacy",),
    "/accessibility": ("/accessibility",),
    "/components": ("/components",),
    "/sign-in": (),  # is there where an issuer is configured: test_sign_in.py
    "/as": ("/as",),
}


def addresses(*, english: bool = True) -> list[str]:
    """Addresses of all pages, and of one that is none. Without `english`: of those that have
    languages."""
    pages = [page for page in PAGES if page.shown and (english or not page.english)]
    return [*(sample for page in pages for sample in SAMPLES[page.address]), "/nowhere"]
