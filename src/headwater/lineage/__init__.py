"""Every graph question: what a thing is made of, what it reaches, how, and what changed."""

from headwater.lineage.columns import column_lineage
from headwater.lineage.difference import difference, run_difference, version_difference
from headwater.lineage.impact import impact
from headwater.lineage.paths import paths
from headwater.lineage.rollup import job_parents, rollup
from headwater.lineage.runs import run_lineage
from headwater.lineage.tables import DEFAULT_DEPTH, DEFAULT_LIMIT, lineage, resolve

__all__ = [
    "DEFAULT_DEPTH",
    "DEFAULT_LIMIT",
    "column_lineage",
    "difference",
    "impact",
    "job_parents",
    "lineage",
    "paths",
    "resolve",
    "rollup",
    "run_difference",
    "run_lineage",
    "version_difference",
]
