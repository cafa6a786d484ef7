"""Judging evaluation rows that are more than memory takes: what can be added up is, the rest is asked of some rows."""
