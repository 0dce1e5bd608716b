"""When a browser first paints the page of an operator, in a register of many operators.

    python -m ops.bench.paint [--operators 2000] [--times 999] [--asked 60]

Records `--operators` synthetic operators, and puts those that Singapore sees into the read models
that many times under other TINs, because to record a million histories takes an hour. Then a
browser on the same machine opens the pages of operators that it has not opened before, as the
public, as an officer of China and as customs of Singapore. It prints the median, the ninth decile
and the worst of the first contentful paint in milliseconds, of the time until the first byte, and
the processor time of service and database for one page. The target: a first paint under 200 ms.

Needs Chromium and the test environment (Playwright).
"""

from __future__ import annotations

import argparse
import shutil
from contextlib import ExitStack
from statistics import median, quantiles
from typing import Any

import psycopg
from playwright.sync_api import Browser, sync_playwright

from api.access.tokens import issue
from api.pages.query import COOKIE
from ops.bench import common, servers
from ops.bench.copies import multiplied
from ops.bench.servers import World
from ops.pictures import BROWSERS

SUBJECTS = ("", "officer:CN", "partner:SG")
#: A window without a screen counts as one in the background, which a browser lets wait.
ARGUMENTS = ["--no-sandbox", "--disable-renderer-backgrounding"]
WARM = 10  # pages of each subject that are opened before the measured ones
#: Milliseconds from the navigation until the first byte, and until the first contentful paint.
PAINTED = """() => new Promise((found) => new PerformanceObserver((list) => {
  const paint = list.getEntriesByName("first-contentful-paint")[0];
  const page = performance.getEntriesByType("navigation")[0];
  if (paint) found([page.responseStart, paint.startTime]);
}).observe({ type: "paint", buffered: true }))"""


def painted(browser: Browser, world: World, address: str, subject: str) -> list[tuple[float, ...]]:
    """First byte and first paint of each page."""
    window = browser.new_context(viewport={"width": 1280, "height": 900})
    if subject:
        token = issue(subject, world.folder)
        window.add_cookies([{"name": COOKIE, "value": token, "url": address}])
    page = window.new_page()
    found = []
    for tin in world.tins:
        page.goto(f"{address}/operators/{tin}")
        found.append(tuple(page.evaluate(PAINTED)))
    window.close()
    return found[WARM:]


def measured(world: World, stack: ExitStack) -> None:
    """Prints a line for each subject."""
    server = servers.ours(world, stack)
    address = f"http://127.0.0.1:{server.port}"
    backends = _backends(world.url)
    path = next(found for name in BROWSERS if (found := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        for subject in SUBJECTS:
            before = common.processor_seconds([*server.pids, *backends])
            pairs = painted(browser, world, address, subject)
            used = common.processor_seconds([*server.pids, *_backends(world.url)]) - before
            _say(subject or "public", pairs, used / len(world.tins))
        browser.close()


def _say(who: str, pairs: list[Any], processor: float) -> None:
    first, paint = ([pair[n] for pair in pairs] for n in (0, 1))
    print(
        f"{who:12} first paint {median(paint):6.0f} ms, p90 {quantiles(paint, n=10)[-1]:6.0f},"
        f" worst {max(paint):6.0f}; first byte {median(first):6.0f} ms;"
        f" processor {1e3 * processor:6.1f} ms a page",
        flush=True,
    )


def _backends(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        return [pid for (pid,) in connection.execute("select pid from pg_stat_activity")]


def main() -> None:
    """Runs the bench."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--operators", type=int, default=2_000)
    parser.add_argument("--times", type=int, default=999)
    parser.add_argument("--asked", type=int, default=60)
    asked = parser.parse_args()
    with common.ending() as stack:
        folder = stack.enter_context(common.home())
        url = stack.enter_context(common.server(folder))
        common.register(url, asked.operators)
        if asked.times > 1:
            multiplied(url, asked.times)
        with psycopg.connect(url) as connection:
            [(rows,)] = connection.execute(
                "select count(distinct tin) from views.operator"
            ).fetchall()
            tins = connection.execute(
                "select tin from views.operator where tin like 'CN%%' group by tin"
                " order by md5(tin) limit %s",
                [asked.asked + WARM],
            ).fetchall()
        print(f"{rows:,} operators", flush=True)
        world = World(folder, url, "", [tin for (tin,) in tins], 0.0, 0.0, 1)
        measured(world, stack)


if __name__ == "__main__":
    main()
