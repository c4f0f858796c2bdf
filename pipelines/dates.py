"""Dates as the sources write them."""

from __future__ import annotations

import datetime


def seconds_of(timestamp: str) -> int:
    """Seconds since 1970; 0, which is older than all that is read, for what is earlier or no date.

    >>> seconds_of("2019-04-18T12:34:56Z"), seconds_of(""), seconds_of("April"), seconds_of("1833-01-01")
    (1555590896, 0, 0, 0)
    """
    try:
        moment = datetime.datetime.fromisoformat(timestamp)
    except ValueError:
        return 0
    return max(0, int((moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()))
