"""Alternating measurements of Neurenix and its peers; see docs/performance.md."""
