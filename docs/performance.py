"""Writes the table of performance.md and draws performance.svg from result files of the comparison.

performance.py FILE...
"""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections import defaultdict
from html import escape
from pathlib import Path

HERE = Path(__file__).parent
DRIVERS = {
    "ours": ("this driver", "#c0392b"),
    "ck": ("connector, use_kernel", "#2c6fbb"),
    "cs": ("connector, use_sea", "#7fb3e6"),
    "kernel": ("kernel Session", "#3a9d5d"),
    "ab": ("arrowbricks, LZ4", "#b8860b"),
    "ab_raw": ("arrowbricks, plain", "#e0c060"),
}
CASES = {
    "arrow_all/narrow_5m/https": "Arrow, 5,000,000 rows of 4 columns",
    "arrow_all/wide_200k/https": "Arrow, 200,000 rows of 60 columns",
    "arrow_all/strings_1m/https": "Arrow, 1,000,000 rows of strings",
    "arrow_all/tsdec_1m/https": "Arrow, 1,000,000 rows of times and decimals",
    "arrow_all/chunks_2000/https": "Arrow, 2,000 chunks",
    "rows_all/narrow_1m/https": "fetchall, 1,000,000 rows of 4 columns",
    "rows_all/wide_16k/https": "fetchall, 16,384 rows of 60 columns",
    "rows_all/tsdec_100k/https": "fetchall, 100,000 rows of times and decimals",
    "rows_all/strings_200k/https": "fetchall, 200,000 rows of strings",
    "rows_many/narrow_1m/https": "fetchmany, 1,000,000 rows",
    "rows_one/narrow_20k/https": "fetchone, 20,000 rows",
    "ttfr/narrow_5m/https": "the first of 5,000,000 rows",
    "latency/tiny_1/https": "20 times connect, query, close",
    "seq200/tiny_1/https": "200 small queries in turn",
    "thr16_one/tiny_1/https": "400 small queries of 16 threads",
    "cold/tiny_1/https": "a new process with one query",
    "arrow_all/narrow_5m/wan": "Arrow, 5,000,000 rows, far away",
    "arrow_all/chunks_2000/wan": "Arrow, 2,000 chunks, far away",
}
BEGIN, END = "<!-- table -->", "<!-- end of table -->"

Figures = dict[str, dict[str, float]]


def measure(case: str) -> str:
    """Far away it is the way that counts, elsewhere the work."""
    return "wall" if case.endswith("/wan") else "cpu"


def read(files: list[str]) -> Figures:
    """Seconds by case and driver: the medians of the runs that went well."""
    runs: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for name in files:
        for line in Path(name).read_text().splitlines():
            record = json.loads(line)
            case = f"{record['op']}/{record['ds']}/{record['store']}"
            if case in CASES and record["adapter"] in DRIVERS and "error" not in record:
                runs[case][record["adapter"]].append(record[measure(case)])
    return {
        case: {driver: statistics.median(times) for driver, times in runs[case].items()}
        for case in CASES
        if "ours" in runs[case]
    }


def table(figures: Figures) -> str:
    headers = ["work", *(name for name, _ in DRIVERS.values())]
    lines = [f"| {' | '.join(headers)} |", "|---" * len(headers) + "|"]
    for case, times in figures.items():
        cells = [f"{times[driver]:.3f}" if driver in times else "" for driver in DRIVERS]
        unit = " (wall)" if measure(case) == "wall" else ""
        lines.append(f"| {' | '.join([CASES[case] + unit, *cells])} |")
    return "\n".join(lines)


def picture(figures: Figures) -> str:
    """One line a case; dots at how many times this driver's seconds each driver needs."""
    left, right, top, step = 330, 860, 70, 24
    ratios = {
        case: {driver: time / times["ours"] for driver, time in times.items()}
        for case, times in figures.items()
    }
    all_ratios = [ratio for drivers in ratios.values() for ratio in drivers.values()]
    low = math.floor(math.log2(min(all_ratios)))
    high = math.ceil(math.log2(max(all_ratios)))

    def x(ratio: float) -> float:
        return left + (right - left) * (math.log2(ratio) - low) / max(high - low, 1)

    bottom = top + step * len(ratios)
    size = f"0 0 {right + 40} {bottom + 50}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}">',
        '<g font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for place, (name, colour) in enumerate(DRIVERS.values()):
        across = 20 + place * 150
        parts.append(f'<circle cx="{across}" cy="24" r="5" fill="{colour}"/>')
        parts.append(f'<text x="{across + 10}" y="28">{escape(name)}</text>')
    for power in range(low, high + 1):
        at = x(2.0**power)
        grey = "#888" if power == 0 else "#ddd"
        parts.append(f'<path d="M{at:.1f} {top - 12}V{bottom}" stroke="{grey}"/>')
        if (high - low) <= 6 or power % 2 == 0:
            label = f"{2.0**power:g} x"
            parts.append(
                f'<text x="{at:.1f}" y="{bottom + 18}" text-anchor="middle">{label}</text>'
            )
    for row, (case, drivers) in enumerate(ratios.items()):
        y = top + row * step
        parts.append(f'<text x="{left - 14}" y="{y + 4}" text-anchor="end">{CASES[case]}</text>')
        parts.append(f'<path d="M{left} {y}H{right}" stroke="#eee"/>')
        for driver, ratio in reversed(drivers.items()):
            name, colour = DRIVERS[driver]
            parts.append(
                f'<circle cx="{x(ratio):.1f}" cy="{y}" r="5" fill="{colour}">'
                f"<title>{escape(name)}: {ratio:.2g} x</title></circle>"
            )
    parts.append(
        f'<text x="{(left + right) // 2}" y="{bottom + 40}" text-anchor="middle">'
        "seconds, as multiples of this driver's</text></g></svg>\n"
    )
    return "\n".join(parts)


def main() -> None:
    if len(sys.argv) == 1:
        sys.exit(__doc__)
    figures = read(sys.argv[1:])
    if not figures:
        sys.exit(f"no run of this driver went well in {', '.join(sys.argv[1:])}")
    page = HERE / "performance.md"
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{table(figures)}\n{END}{after}")
    (HERE / "performance.svg").write_text(picture(figures))


if __name__ == "__main__":
    main()
