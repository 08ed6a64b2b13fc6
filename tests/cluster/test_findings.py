"""Findings as text: a line each, with the command to run next, in sections."""

from injector.cluster.findings import Finding, Section, Severity, ok, problems, sections_text, warning

SECTIONS = [
    Section("replicas", (ok("Pod a", "is ready"), Finding("Pod b", "is gone", command="kubectl get pods"))),
    Section("namespaces", (warning("Namespace c", "is odd"),)),
]


def test_each_finding_is_a_line_in_its_section() -> None:
    assert sections_text(SECTIONS).splitlines() == [
        "replicas",
        "√ Pod a: is ready",
        "\N{MULTIPLICATION SIGN} Pod b: is gone",
        "    try: kubectl get pods",
        "",
        "namespaces",
        "‼ Namespace c: is odd",
        "",
    ]


def test_what_is_fine_is_no_problem() -> None:
    found = [(section.title, each.severity) for section, each in problems(SECTIONS)]
    assert found == [("replicas", Severity.FAULT), ("namespaces", Severity.WARNING)]
