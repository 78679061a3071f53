"""Metrics: what the code counts is declared, and what is declared is counted."""

import ast
import re

from actors.metric_table import TABLE

# Declared, and not counted yet: nothing is shown of them. Entries only ever go.
NOT_COUNTED = {
    "trunkline_binds",
    "trunkline_canceled",
    "trunkline_duplicates_suspected",
    "trunkline_journal_batch_size",
    "trunkline_journal_call_duration_seconds",
    "trunkline_journal_durable",
    "trunkline_journal_errors",
    "trunkline_journal_memory_limit_bytes",
    "trunkline_journal_memory_used_bytes",
    "trunkline_receipts_deferred",
    "trunkline_replayed",
    "trunkline_requeued",
    "trunkline_smpp_malformed_pdus",
    "trunkline_smpp_unsolicited_answers",
    "trunkline_throttled",
}
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
    assert declared - used == NOT_COUNTED, "declared and never counted, or counted by now and still on the list"
