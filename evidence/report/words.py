"""What the page says whatever the results are."""

from __future__ import annotations

MAN_SECTION = """
**man_section.** From the NAME line of a Debian man page to its section (1, 2, 3, 5, 7, 8), with
the pretrained encoder all-MiniLM-L6-v2, mean pooling and a linear head. Seed *s* tests on fold
*s* of five; no source package is in two folds, and a sixth part of the packages only chooses
learning rates.
""".strip()

PROSE = """
**prose.** A tiny Llama that was pretrained on the sources of Python's standard library learns
English, the texts of `pydoc_data.topics`. Lower is better. *Code forgotten* is what it loses,
in bits per byte, on held-out code.
""".strip()

PACKAGE = """
**package**, the negative control. From the first sentence of a docstring to the package that it
stands in, with the names of the packages masked; split by file. The labels are noisy and the
frozen encoder already knows what there is to know, so no adapter should win here.
""".strip()

ABOUT = {"man_section": MAN_SECTION, "prose": PROSE, "package": PACKAGE}

PROTOCOL = """
Every method has the same steps, batches, order of data, head and initial head, and sits in the
same query and value maps (prefixes: in the attention around them). AdamW without weight decay,
warm-up over a twentieth of the steps, cosine decay, gradients clipped at 1, no dropout in the
base. The learning rate is the best of one grid by the validation loss with the first seed, for
each method, shape and task; the head's own rate is the best for the head alone, and the same
for all. Layers below the adapters are frozen for every method, so their output is computed once
and kept. `full` trains every weight of the layers that the adapters sit in.

*Parameters* are trainable ones without the head, *angles* those of them that are angles of
circuits. A `-control` is the same adapter with each circuit replaced by a classical map of as
many parameters, inputs and outputs. *Training loss* is the mean of the last 20 steps, in nats.
Figures are means ± standard deviations over seeds; differences are of pairs with the same seed,
with a t interval. *Clearly* means p < 0.05 after Holm's correction for all comparisons of that
table. Time is the median of steps that took turns with LoRA's in one process; *memory* is the
growth of the process through building and the first steps (on CUDA, of allocated memory);
*saved* is what autograd keeps of one step, counted.
""".strip()

LIMITS = """
The models are small, the runs short, the data small; nothing here says how the methods compare
on large models. Circuits are simulated exactly. No quantum advantage is claimed.
""".strip()
