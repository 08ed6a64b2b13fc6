"""`make bless`: write the results of all cases anew."""

from tests.conformance.suite import HERE, case_files, cases_of, outcome_of, results_text


def bless() -> None:
    """Write a file of results for every file of cases."""
    for file in case_files():
        shown = {case.name: outcome_of(case).shown for case in cases_of(file)}
        (HERE / "results" / file.name).write_text(results_text(shown), encoding="utf-8")


if __name__ == "__main__":
    bless()
