"""Which modules an adapter takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qcompile.diagnostics import Collector, Diagnostic, Source, Span
from qcompile.ir.compilation import LoweredSet, ModelInfo
from qcompile.ir.spec import Attachment, Spec
from qcompile.passes.lowering import lower
from qcompile.testing.known_specs import lora_spec, transformer

TINY = transformer(8, 4, 16, 3, architecture="tiny")


def run(spec: Spec, model: ModelInfo | None = TINY) -> tuple[LoweredSet | None, list[Diagnostic]]:
    collector = Collector()
    lowered = lower(spec, model=model, devices={}, collector=collector)
    return lowered, list(collector.diagnostics)


def attached(*attachments: Attachment, bodies: int = 1) -> Spec:
    spec = lora_spec(2)
    adapter = spec.adapters[0]
    return replace(
        spec,
        adapters=(replace(adapter, attachments=attachments, bodies=adapter.bodies * bodies),),
    )


def at(pattern: str, layers: tuple[int, int] | None = None, body: int = 0) -> Attachment:
    source = Source("a.qa", f'attach "{pattern}"')
    span = Span(source, 0, len(source.text))
    return Attachment(pattern=pattern, layers=layers, body=body, span=span)


def names(lowered: LoweredSet | None) -> list[str]:
    assert lowered is not None
    return [site.module for site in lowered.sites]


def test_layer_ranges_are_half_open() -> None:
    for start, stop in ((1, 2), (0, 2), (1, 3), (2, 3), (0, 9)):
        lowered, found = run(attached(at("*.q_proj", (start, stop))))
        assert found == []
        inside = [k for k in range(3) if start <= k < stop]
        assert names(lowered) == [f"model.layers.{k}.self_attn.q_proj" for k in inside]


def test_the_first_matching_attachment_wins() -> None:
    lowered, found = run(attached(at("*.1.*.q_proj", body=1), at("*.q_proj"), bodies=2))
    assert found == []
    assert lowered is not None
    units = {site.module: site.unit for site in lowered.sites}
    assert len(lowered.programs) == 2
    assert units["model.layers.0.self_attn.q_proj"] == units["model.layers.2.self_attn.q_proj"]
    assert units["model.layers.1.self_attn.q_proj"] != units["model.layers.0.self_attn.q_proj"]


def test_containers_and_norms_are_passed_over() -> None:
    lowered, found = run(attached(at("*")))
    assert found == []
    assert len(names(lowered)) == 3 * 7


@pytest.mark.parametrize(
    ("attachments", "code", "text"),
    [
        ((at("*.q_prj"),), "QA3003", "q_prj"),
        ((at("q_proj"),), "QA3003", "q_proj"),
        ((at("*.input_layernorm"),), "QA3004", "RMSNorm"),
        ((at("*.q_proj", (3, 9)),), "QA3005", "3..9"),
        ((at("*.{q,qq}_proj"),), "QA3006", "qq_proj"),
        ((at("*_proj"), at("*.q_proj")), "QA3007", "*.q_proj"),
    ],
)
def test_faults(attachments: tuple[Attachment, ...], code: str, text: str) -> None:
    lowered, found = run(attached(*attachments))
    assert [diagnostic.code for diagnostic in found] == [code]
    label = found[0].primary.text if found[0].primary else ""
    assert text in found[0].title + label
    assert (lowered is None) == (found[0].severity == "error")


def test_a_pattern_that_matches_nothing_gets_the_nearest_and_what_there_is() -> None:
    _, found = run(attached(at("*.q_prj")))
    assert found[0].helps[0].startswith("did you mean `*.q_proj`")
    assert "`model.layers.*.self_attn.q_proj` (3)" in found[0].notes[0]
    assert found[0].primary is not None
    assert found[0].primary.span.text == '"*.q_prj"'


def test_no_model() -> None:
    _, found = run(attached(at("*.q_proj")), model=None)
    assert [diagnostic.code for diagnostic in found] == ["QA3001"]


def test_a_shape_needs_no_model_and_gives_one_nameless_site() -> None:
    lowered, found = run(lora_spec(2, shape=(6, 5)), model=None)
    assert found == []
    assert names(lowered) == [""]
