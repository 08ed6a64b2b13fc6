"""Templates that would take forever, or all memory, are refused within a budget that is counted, not timed."""

import pytest

from injector.core.render import RenderingError
from tests.core.render.go.support import annotated, document
from tests.fuzz.effort import no_end_in_sight

USE = '{{ template "x" . }}'

HOSTILE = {
    "endless recursion": '{{ define "x" }}' + USE + "{{ end }}" + USE,
    "two that use each other": '{{ define "x" }}{{ block "y" . }}' + USE + "{{ end }}{{ end }}" + USE,
    "a recursion that branches": '{{ define "x" }}' + USE * 2 + "{{ end }}" + USE,
    "ranges over ranges": "{{ range until 9999 }}" * 3 + "x" + "{{ end }}" * 3,
    "ranges over ranges without a body": "{{ range until 9999 }}" * 3 + "{{ end }}" * 3,
    "a range without a body": "{{ range 999999999 }}{{ end }}",
    "a range over a large number": "{{ range 999999999 }}x{{ end }}",
    "repeat": '{{ repeat 999999999 "x" }}',
    "repeat of repeat": '{{ repeat 9999 (repeat 9999 "x") }}',
    "a wide number": '{{ printf "%999999999d" 1 }}',
    "a wide number by an argument": '{{ printf "%*d" 999999999 1 }}',
    "a precise number": '{{ printf "%.999999999f" 1.5 }}',
    "text that doubles": '{{ $x := "xxxx" }}{{ range until 999 }}{{ $x = print $x $x }}{{ end }}a: {{ $x }}',
    "a list that doubles": "{{ $x := list 1 }}{{ range until 999 }}{{ $x = concat $x $x }}{{ end }}a: {{ $x }}",
    "a list in lists": "{{ $x := list 1 }}{{ range until 999 }}{{ $x = list $x $x }}{{ end }}a: {{ toJson $x }}",
    "a map in maps": '{{ $x := dict }}{{ range until 999 }}{{ $x = dict "a" $x "b" $x }}{{ end }}{{ toYaml $x }}',
    "merged maps": '{{ $x := dict }}{{ range until 99 }}{{ $x = dict "a" $x "b" $x }}{{ end }}{{ merge $x $x }}',
    "splitting everything": '{{ regexSplit "" (repeat 99999 "x") -1 }}',
    "a map in itself": '{{ $x := dict }}{{ $_ := set $x "x" $x }}{{ toYaml $x }}',
    "until": "{{ until 999999999 }}",
    "untilStep": "{{ untilStep 0 999999999 1 }}",
    "seq": "{{ seq 0 1 999999999 }}",
    "replace": '{{ replace "x" (repeat 9999 "y") (repeat 9999 "x") }}',
    "join": '{{ join (repeat 9999 "y") (until 9999) }}',
    "indent": '{{ nindent 99999999 "x" }}',
    "wrap": '{{ wrapWith 1 (repeat 9999 "y") (repeat 9999 "x") }}',
    "replacing everything": '{{ regexReplaceAll "" (repeat 99999 "x") (repeat 999 "y") }}',
    "a long regular expression": '{{ regexMatch (repeat 99999 "(a|b)") "x" }}',
    "a large regular expression": '{{ regexMatch "((a{100}){100}){100}" "x" }}',
    "many texts over and over": "{{ range until 9999 }}{{ $_ := repeat 99999 (print .) }}{{ end }}",
    "many expressions": "{{ range until 30000 }}{{ . }}{{ end }}",
    "much text": "{{ range until 99999 }}" + "x" * 999 + "{{ end }}",
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_templates_are_refused_in_time(source: str) -> None:
    """What they may do is counted: rounds of loops, characters and items made, slots."""
    with no_end_in_sight(), pytest.raises(RenderingError):
        document(source, annotated())


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "(.*a){12}$", "^(([a-z])+.)+[A-Z]([a-z])+$"], ids=lambda pattern: pattern
)
def test_regular_expressions_run_in_linear_time(pattern: str) -> None:
    """Those that explode elsewhere: a hundred thousand characters are no more work than reading them."""
    data = annotated(pattern=pattern, text="a" * 100_000 + "!")
    source = "a: {{ regexMatch .ObjectMeta.Annotations.pattern .ObjectMeta.Annotations.text }}"
    with no_end_in_sight():
        assert document(source, data) == {"a": False}


@pytest.mark.parametrize("blocks", [50, 5_000])
def test_blocks_inside_one_another_are_bounded(blocks: int) -> None:
    """A fault, and no crash, at whatever depth."""
    source = "{{ if true }}" * blocks + "a: 1" + "{{ end }}" * blocks
    if blocks == 50:
        assert document(source) == {"a": 1}
    else:
        with pytest.raises(RenderingError, match="blocks inside one another"):
            document(source)


def test_templates_that_double_what_they_use_are_not_written_out() -> None:
    """Each of thirty uses the next one twice: a thousand million uses are refused, not compiled."""
    twice = [f'{{{{ template "t{number}" . }}}}' * 2 for number in range(1, 31)]
    defined = "".join(f'{{{{ define "t{number}" }}}}{uses}{{{{ end }}}}' for number, uses in enumerate(twice))
    with no_end_in_sight(), pytest.raises(RenderingError):
        document(f'{defined}{{{{ define "t30" }}}}x{{{{ end }}}}a: {{{{ template "t0" . }}}}')


def test_functions_that_know_the_world_are_not_there() -> None:
    """The clock, chance, the network and the environment of this process."""
    source = "{{ now }}{{ randAlpha 5 }}{{ getHostByName `x` }}{{ expandenv `$HOME` }}{{ genCA `a` 1 }}{{ uuidv4 }}"
    with pytest.raises(RenderingError) as found:
        document(source)
    for name in ("now", "randAlpha", "getHostByName", "expandenv", "genCA", "uuidv4"):
        assert f"'{name}'" in str(found.value)


def test_the_environment_of_this_process_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """`env` gives its default."""
    monkeypatch.setenv("SECRET", "s")
    assert document('a: {{ env "SECRET" "default" }}') == {"a": "default"}


def test_what_is_given_to_templates_cannot_be_changed() -> None:
    """A template changes only maps that it made."""
    for changed in (".Values", ".ObjectMeta.Annotations", ".ProxyConfig.ProxyMetadata"):
        with pytest.raises(RenderingError, match="only a map made by the template"):
            document(f'{{{{ $_ := set {changed} "a" "b" }}}}')
    assert document('{{ $v := deepCopy .Values }}{{ $_ := set $v "a" "b" }}a: {{ $v.a }}{{ .Values.a }}') == {
        "a": "b<no value>"
    }
