"""All rows, and how they are chosen."""

import captures
import consumers
import relays
import watchers


def all_rows(quick):
    return (relays.rows(quick) + captures.rows(quick) + consumers.rows(quick)
            + watchers.rows(quick))


def chosen(rows, words):
    """Those with one of the words; a row's key means that row alone."""
    keys = {row.key for row in rows}
    return [row for row in rows if not words or any(
        word == row.key if word in keys
        else word in row.key or word in row.title for word in words)]
