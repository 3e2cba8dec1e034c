"""QA606x: adapters on embeddings."""

from __future__ import annotations

from qcompile.diagnostics.message import Message, message


@message(
    "QA6064",
    "adapter `{adapter}` is for an embedding and takes token ids, not {found}",
    help="give whole numbers, the ids that the embedding itself takes",
)
class InputNoTokens(Message):
    """An adapter that was compiled for an embedding looks rows up, as the embedding does: for ids
    of shape (…) its result is (…, out_features).

    Erroneous:  adapter(torch.randn(2, 64))
    Corrected:  adapter(torch.tensor([3, 17]))
    """

    adapter: str
    found: str
