"""What an injection and a request cost, beside a floor that does no work. `python -m tests.bench` writes the report."""
