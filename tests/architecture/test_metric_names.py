"""Metrics: what the code counts is declared, and what is declared is counted."""

import ast
import re

from actors.metric_table import TABLE

NAME = re.compile(r"trunkline_[a-z_]+")


def test_the_table_and_the_code_name_the_same_metrics(sources):
    used = {
        node.value
        for source in sources
        if source.name != "actors.metric_table"
        for node in source.nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value)
    }
    declared = {metric.name for metric in TABLE}
    assert used - declared == set(), "counted and not declared"
    assert declared - used == set(), "declared and never counted"
