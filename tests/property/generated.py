"""Strategies of events that collide: the same job in several runs, the same run id under several
jobs, ties of event time, symlinks that cross, facets that come and go.
"""

from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.contract.events import (
    NAMESPACE,
    column_lineage,
    dataset,
    dataset_event,
    documentation,
    encoded,
    entry,
    facet,
    job_event,
    job_type,
    lineage,
    parent,
    run_event,
    schema,
    symlinks,
)

JOBS = ("load", "send")
RUNS = tuple(f"01935b2a-0000-7000-8000-00000000000{digit}" for digit in "12")
DATASETS = ("a", "b", "c")
FIELDS = ("x", "y")
KINDS = ("START", "RUNNING", "COMPLETE", "FAIL", "ABORT", "OTHER", None)
FAR = 40_000_000
"""Minutes: decades ahead of the receipt, so not believed."""

Members = dict[str, Any]

bounded = settings(
    deadline=None,
    max_examples=100,
    phases=(Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

minutes = st.integers(0, 4) | st.sampled_from([90, 4_000, FAR])
jobs, runs, names, fields = map(st.sampled_from, (JOBS, RUNS, DATASETS, FIELDS))
none: st.SearchStrategy[Members] = st.just({})


def merged(*parts: st.SearchStrategy[Members]) -> st.SearchStrategy[Members]:
    """Any of the facets, or none of them."""
    either = [none | part | part for part in parts]
    return st.tuples(*either).map(lambda found: {k: v for each in found for k, v in each.items()})


def deleted(name: str) -> st.SearchStrategy[Members]:
    return st.just({name: facet(_deleted=True)})


sources = st.lists(st.tuples(names, fields), max_size=2)
columns = st.dictionaries(fields, sources, max_size=2).map(lambda found: column_lineage(**found))
shared = merged(
    st.sampled_from(["one", "two"]).map(documentation) | deleted("documentation"),
    st.sampled_from([("k", "1"), ("k", "2")]).map(
        lambda tag: {"tags": facet(tags=[{"key": tag[0], "value": tag[1]}])}
    ),
)
schemas = st.lists(fields, unique=True).map(lambda found: schema(*found)) | deleted("schema")
aliases = st.lists(names, unique=True, max_size=2).map(lambda found: symlinks(*found))
lifecycles = names.map(
    lambda old: {
        "lifecycleStateChange": facet(
            lifecycleStateChange="RENAME",
            previousIdentifier={"namespace": NAMESPACE, "name": old},
        )
    }
) | st.just({"lifecycleStateChange": facet(lifecycleStateChange="DROP")})
hidden = st.just({"headwater_hidden": facet()})
dataset_facets = merged(
    shared, schemas, aliases | deleted("symlinks"), lifecycles, columns | deleted("columnLineage")
)
used = st.builds(dataset, names, none | dataset_facets)
uses = st.lists(used, max_size=3).map(tuple)
entries = st.builds(
    entry,
    names,
    st.lists(names, max_size=2),
    st.none()
    | st.dictionaries(
        fields,
        sources.map(
            lambda found: {
                "inputs": [
                    {"type": "DATASET", "namespace": NAMESPACE, "name": name, "field": field}
                    for name, field in found
                ]
            }
        ),
        max_size=2,
    ),
)
explicit = st.lists(entries, max_size=2).map(lambda found: lineage(*found)) | deleted("lineage")
modes = st.builds(
    job_type,
    st.sampled_from(["BATCH", "STREAMING"]),
    st.sampled_from([None, "ACCUMULATIVE", "COMPLETE_SNAPSHOT"]),
    st.sampled_from(["FLINK", "SPARK"]),
)
job_facets = merged(shared, explicit, modes)
parents = st.builds(parent, jobs, runs, st.none() | st.tuples(jobs, runs))
windows = st.tuples(st.integers(0, 9), st.none() | st.integers(0, 9)).map(
    lambda hours: {
        "nominalTime": facet(
            nominalStartTime=f"2026-11-01T0{hours[0]}:00:00Z",
            nominalEndTime=None if hours[1] is None else f"2026-11-02T0{hours[1]}:00:00Z",
        )
    }
)
run_facets = merged(parents, windows)
run_events = st.builds(
    run_event,
    st.sampled_from(KINDS),
    minutes,
    job=jobs,
    run=runs,
    inputs=uses,
    outputs=uses,
    run_facets=run_facets,
    job_facets=job_facets,
)
job_events = st.builds(
    job_event, minutes, job=jobs, inputs=uses, outputs=uses, job_facets=job_facets | hidden
)
views = st.lists(names, max_size=2).map(
    lambda found: {
        "lineage": facet(
            inputs=[{"type": "DATASET", "namespace": NAMESPACE, "name": name} for name in found]
        )
    }
)
dataset_events = st.builds(dataset_event, minutes, names, merged(dataset_facets, views, hidden))
events = st.lists(
    run_events | run_events | job_events | dataset_events, min_size=4, max_size=10
).map(lambda found: [encoded(event) for event in found])
