"""Prints the table of ratios after the tests."""

from typing import Any

from benchmarks import table


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if table.rows:
        terminalreporter.section("time of sanderling over time of its peers")
        for line in table.render():
            terminalreporter.write_line(line)
