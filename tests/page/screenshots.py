"""Writes pictures of the page's views into a folder: ``python tests/page/screenshots.py FOLDER``.

Run by hand, to be looked at: light and dark, 360 and 1,440 wide.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "cli")]

from page_kit import chromium, opened, seed, service  # noqa: E402 - found by the path above
from test_accessibility import USAGE, VIEWS, shown  # noqa: E402 - likewise

WIDTHS = {360: 740, 1440: 900}


def main(folder: Path) -> None:
    """Writes one picture for each view, width and colour scheme."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, service(Path(data)) as running:
        running.ids |= running.call(seed)
        with chromium() as browser:
            for scheme in ("light", "dark"):
                for width, height in WIDTHS.items():
                    options = {"viewport": {"width": width, "height": height}}
                    with opened(browser, running, color_scheme=scheme, **options) as page:
                        page.route("**/v1/usage?*", lambda route: route.fulfill(json=USAGE))
                        page.reload()
                        for view in VIEWS:
                            shown(page, view.format(**running.ids))
                            page.wait_for_timeout(300)
                            name = view.replace("/", "-").replace("{", "").replace("}", "")
                            page.screenshot(path=folder / f"{name}-{width}-{scheme}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
