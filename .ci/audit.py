"""Look up the pinned packages in the database of known vulnerabilities (https://pypi.org, through pip-audit).

Ends with 1 where a package has one. Where the database cannot be reached it says so and ends with 0: nothing was checked.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

LOCKS = ("requirements/dev.txt", "requirements/image.txt")


def main() -> int:
    return max(_tell(lock, *judge(asked(lock))) for lock in LOCKS)


def asked(lock: str) -> dict[str, Any] | None:
    """pip-audit's report on the hashed requirements in *lock*; None where it could not ask."""
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--requirement", lock]
    ran = subprocess.run(
        [*command, "--format", "json", "--progress-spinner", "off", "--timeout", "30"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[1],
    )
    try:
        report: dict[str, Any] = json.loads(ran.stdout)
    except ValueError:
        print(ran.stderr.strip().rpartition("\n")[2][:300], file=sys.stderr)
        return None
    return report


def judge(report: dict[str, Any] | None) -> tuple[list[str], int, int]:
    """The vulnerabilities in *report*, how many packages were looked up, and how many the database does not know."""
    packages = report["dependencies"] if report else []
    known = [package for package in packages if "vulns" in package]
    found = [
        f"{package['name']} {package['version']}: {vuln['id']}, fixed in {', '.join(vuln['fix_versions']) or 'no release'}"
        for package in known
        for vuln in package["vulns"]
    ]
    return found, len(known), len(packages) - len(known)


def _tell(lock: str, found: list[str], known: int, unknown: int) -> int:
    for line in found:
        print(f"{lock}: {line}")
    if not known:
        print(
            f"{lock}: NOT CHECKED for vulnerabilities: the database cannot be reached, or knows none of its packages."
        )
    else:
        print(f"{lock}: {known} packages looked up, {len(found)} vulnerabilities; {unknown} packages unknown.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
