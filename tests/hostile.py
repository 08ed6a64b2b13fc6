"""Text that has broken template engines and YAML writers."""

from hypothesis import strategies as st

# YAML's own characters, Jinja's, line breaks of every kind, the engine's marks.
BREAKING = (
    "a: b", "- a", "{", "}", "[x]", "'", '"', "\\", "#", " # c", "a\nb: c", "\n", "\r\n", "\t", "---", "...", "? k",
    "|", ">", "&a", "*a", "!!str", "%YAML", "null", "~", "true", "1", "1e3", "0x1f", "{{ values }}", "{% raw %}",
    "{# c #}", "\u2028", "\u0085", "\x00", "\ufeff", "'}\n- {x: '", '"\nspec:\n  hostNetwork: true\nx: "', "é",
    "\ue0000\ue001", "\ue001", "${X}", "$(X)", "<nil>", " ", "x" * 300,
)  # fmt: skip
TEXTS = st.one_of(st.sampled_from(BREAKING), st.text(min_size=1, max_size=20).filter(lambda text: text.strip("\ud800")))
