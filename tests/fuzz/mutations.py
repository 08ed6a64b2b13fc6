"""Text from the corpus, changed as carelessness and malice change text."""

from pathlib import Path

from hypothesis import strategies as st

CORPUS = Path(__file__).parent / "corpus"
# What tends to break readers of JSON and YAML.
_SPLINTERS = (
    b"{", b"}", b"[", b"]", b'"', b"'", b":", b",", b"\n", b"\t", b"- ", b"&a ", b"*a", b"!!python/object:x ", b"? ",
    b"|", b">", b"%", b"#", b"\\u0000", b"\\ud800", b"\xff", b"\x00", b"null", b"1e999", b"-0", b"{{ x }}", b"{% if %}",
    b"$patch", b"---\n", b"<<: ", b"\xee\x80\x800\xee\x80\x81", b"[" * 200,
)  # fmt: skip


def seeds(pattern: str) -> list[bytes]:
    """The texts of the corpus whose names match `pattern`."""
    return [file.read_bytes() for file in sorted(CORPUS.glob(pattern))]


@st.composite
def mutated(draw: st.DrawFn, pattern: str) -> bytes:
    """A text of the corpus with up to five places cut out, doubled, or stuck with a splinter."""
    text = draw(st.sampled_from(seeds(pattern)))
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 40)))
        splinter = draw(st.one_of(st.sampled_from(_SPLINTERS), st.binary(max_size=6), st.just(text[start:end] * 2)))
        text = text[:start] + splinter + text[end:]
    return text
