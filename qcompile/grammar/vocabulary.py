"""The words and signs of the language."""

from __future__ import annotations

VERSION = 1

KEYWORDS: frozenset[str] = frozenset(
    {
        "qa", "import", "as", "model", "let", "block", "layer", "adapter", "target", "attach",
        "shape", "require", "update", "replace", "prefix", "return", "circuit", "unitary", "repeat",
        "for", "in", "encode", "angles", "measure", "control", "train", "regularise", "proximal",
        "true", "false", "if", "else", "and", "or", "not",
    }
)  # fmt: skip
"""Never names."""

CONTEXTUAL: frozenset[str] = frozenset(
    {
        "layers", "qubits", "even", "odd", "step", "shared", "reversed", "init", "with", "pairs",
        "on", "adjoint",
    }
)  # fmt: skip
"""Words with a meaning in one place only, and names everywhere else."""

OPTIONS: frozenset[str] = frozenset(["block"])
"""Keywords that are also the name of an option, where a colon follows: `cayley(v, block: 4)`."""

ITEM_WORDS: frozenset[str] = frozenset(["gate"])
"""Words that start an item at the top of a file, and are names everywhere else."""

RESERVED: frozenset[str] = frozenset(["observable", "channel"])
"""Kept for later versions of the language."""

SIGNS: dict[str, str] = {
    "(": "LPAR",
    ")": "RPAR",
    "[": "LSQB",
    "]": "RSQB",
    "{": "LBRACE",
    "}": "RBRACE",
    ",": "COMMA",
    ":": "COLON",
    "=": "EQUAL",
    "->": "ARROW",
    "..": "RANGE",
    "+": "PLUS",
    "-": "MINUS",
    "*": "STAR",
    "/": "SLASH",
    "//": "FLOOR",
    "%": "PERCENT",
    "**": "POWER",
    "==": "SAME",
    "!=": "DIFFERENT",
    "<": "LESSTHAN",
    "<=": "ATMOST",
    ">": "MORETHAN",
    ">=": "ATLEAST",
    ".": "DOT",
}
"""Signs with the names of their terminals."""

FOREIGN: dict[str, str] = {
    "&&": "and",
    "&": "and",
    "||": "or",
    "|": "or",
    "!": "not",
    "^": "**",
    "<>": "!=",
    "===": "==",
    "!==": "!=",
    ":=": "=",
    "=>": "->",
    "...": "..",
    "…": "..",
    "×": "*",
    "·": "*",
    "÷": "/",
    "\u2212": "-",
    "\u2013": "-",
    "\u2014": "-",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "¬": "not",
    "∧": "and",
    "∨": "or",
}
"""What other languages and editors write for our signs."""

ELSEWHERE: dict[str, str] = {
    "r": "rank to",
    "lora_r": "rank to",
    "lora_rank": "rank to",
    "rank": "to",
    "lora_alpha": "alpha",
    "lora_dropout": "dropout p",
    "trainable": "frozen",
    "requires_grad": "frozen",
    "freeze": "frozen",
    "dense": "linear",
    "fc": "linear",
    "matmul": "linear",
    "out": "to",
    "out_features": "to",
    "out_dim": "to",
    "dim": "groups",
    "units": "to",
    "features": "to",
    "swish": "silu",
    "logistic": "sigmoid",
    "ln": "log",
    "cat": "concat",
    "vstack": "stack",
    "heads": "groups",
    "pad": "resize",
    "average": "mean",
    "l2norm": "norm",
    "stop_gradient": "detach",
    "frozen": "detach",
    "topk": "top",
    "top_k": "top",
    "take": "gather",
    "index_select": "gather",
    "shuffle": "permute",
    "moveaxis": "permute",
    "masked_fill": "where",
    "parameter": "vector",
    "embedding": "table",
    "tensor_train": "mpo",
    "tt": "mpo",
    "bond_dim": "bond",
    "chi": "bond",
    "initializer": "init",
    "tied": "share",
    "gaussian": "normal",
    "randn": "normal",
    "xavier": "xavier_uniform",
    "glorot": "xavier_uniform",
    "kaiming": "kaiming_uniform",
    "he": "kaiming_uniform",
    "eye": "identity",
    "ones": "constant",
    "pissa": "principal_rows principal_columns",
    "olora": "qr_rows qr_columns",
    "eva": "activation_rows",
    "corda": "covariance_rows covariance_columns",
    "lora_ga": "gradient_rows gradient_columns",
    "loftq": "residual_rows residual_columns",
    "hadamard": "h",
    "sqrtx": "sx",
    "v": "sx",
}
"""What other tools call our functions, options, initialisations and usual parameters; several words
where it depends on the place."""

USUAL: dict[str, str] = {
    "rank": "rank: int = 8",
    "alpha": "alpha: real = 16",
    "dropout": "dropout: real = 0.1",
}
"""How parameters are declared that other tools have in every adapter."""

NO_GATES: dict[str, str] = {
    **dict.fromkeys(
        ("ccx", "toffoli", "ccz", "cswap", "fredkin", "mcx"),
        "a gate of three qubits is a `layer` of gates of one and two: docs/language.md has `ccx`",
    ),
    **dict.fromkeys(
        ("mid_measure", "measure_all"),
        "write `measure z`, in the middle of the circuit or at its end",
    ),
    **dict.fromkeys(
        ("c_if", "if_test", "cond"),
        "what depends on an outcome is a controlled gate: `cx on (0, 1)` for `measure` and `x`",
    ),
    **dict.fromkeys(
        ("barrier", "id", "identity", "delay"),
        "leave it out: gates keep their order, and waiting belongs to the device",
    ),
    **dict.fromkeys(
        ("depolarize", "depolarizing", "amplitude_damping", "bit_flip", "phase_flip", "kraus"),
        "noise belongs to the target: `target t { noise: { two_qubit: 1pct } }`",
    ),
    **dict.fromkeys(
        ("u3", "u", "cu3", "cu", "unitary", "matrix"),
        "a gate of one qubit is `rot(a, b, c)`, RZ(c) RY(b) RZ(a), a phase aside; a matrix stands "
        "at the top of the file, `gate w = [[0, 1], [1, 0]]`",
    ),
    **dict.fromkeys(
        ("inverse", "adjoint", "dagger", "inv"),
        "what undoes a layer or gates is `adjoint { … }` around them",
    ),
}
"""What other tools have as statements of circuits, and what there is instead."""

TYPES: tuple[str, ...] = ("int", "real", "bool", "text")

OPENERS: dict[str, str] = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
CLOSERS: frozenset[str] = frozenset(OPENERS.values())

COMPARISONS: frozenset[str] = frozenset(
    {"SAME", "DIFFERENT", "LESSTHAN", "ATMOST", "MORETHAN", "ATLEAST"}
)
OPERATORS: frozenset[str] = COMPARISONS | {
    "PLUS", "MINUS", "STAR", "SLASH", "FLOOR", "PERCENT", "POWER", "AND", "OR", "NOT", "IF", "ELSE",
}  # fmt: skip

CONTINUED_AFTER: frozenset[str] = OPERATORS | {
    "COMMA", "COLON", "EQUAL", "ARROW", "RANGE", "LBRACE",
}  # fmt: skip
"""A line that ends with one of these goes on."""

CONTINUED_BEFORE: frozenset[str] = (OPERATORS - {"MINUS", "NOT"}) | {
    "RPAR", "RSQB", "RBRACE", "LBRACE", "COMMA", "COLON", "EQUAL", "ARROW", "RANGE", "DOT",
}  # fmt: skip
"""A line that starts with one of these goes on with the line before."""


def terminal(word: str) -> str:
    """Return the terminal of a name or keyword; reserved words count as names."""
    return word.upper() if word in KEYWORDS or word in CONTEXTUAL else "NAME"


_WORDS: dict[str, str] = {
    "NAME": "a name",
    "OPTION": "a name",
    "NUMBER": "a number",
    "STRING": "a string",
    "SEPARATOR": "a new line",
    "$END": "the end of the file",
} | {name: f"`{sign}`" for sign, name in SIGNS.items()}


def words(kind: str) -> str:
    """Return how messages speak of a terminal."""
    return _WORDS.get(kind) or f"`{kind.lower()}`"
