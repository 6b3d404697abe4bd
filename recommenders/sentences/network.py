"""The network of all-MiniLM-L6-v2 (BERT with 6 layers) as a graph of ONNX, made from its weights: no PyTorch is loaded.

Token numbers and a mask (n, t) go in, embeddings of length 1 (n, 384) come out: the mean of the last layer over the
tokens, as sentence-transformers pools them (Reimers and Gurevych 2019).
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

from recommenders.arrays import AnyArray

OPSET, IR = 20, 10
FAR = -1e9
"""What is added to the attention to a token that is not there."""


class Graph:
    """Nodes of ONNX, each named by a number, and the constants that they take."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any, dtype: type = np.float32) -> str:
        """A number or an array."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """One operation on what was made before; the name of what it gives."""
        name = f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name


class Layers:
    """BERT's parts, by the names that its weights have."""

    def __init__(self, graph: Graph, weights: Mapping[str, AnyArray], config: Mapping[str, Any]) -> None:
        self._graph, self._weights = graph, weights
        self._heads, self._dim = int(config["num_attention_heads"]), int(config["hidden_size"])
        self._epsilon = float(config["layer_norm_eps"])

    def embedded(self, ids: str) -> str:
        """Of each token its word, its place and the kind of its sentence (n, t, d)."""
        op, constant = self._graph.op, self._graph.constant
        words = op("Gather", constant(self._weights["embeddings.word_embeddings.weight"]), ids)
        length = op("Slice", op("Shape", ids), *(constant([value], np.int64) for value in (1, 2)))
        places = self._weights["embeddings.position_embeddings.weight"]
        kind = self._weights["embeddings.token_type_embeddings.weight"][0]
        place = op("Slice", constant(places + kind), constant([0], np.int64), length)
        return self._normal("embeddings.LayerNorm", op("Add", words, place))

    def layer(self, name: str, x: str, far: str) -> str:
        """Attention, then two dense layers, each beside what went in (n, t, d)."""
        op = self._graph.op
        attended = self._dense(f"{name}.attention.output.dense", self._attention(f"{name}.attention.self", x, far))
        x = self._normal(f"{name}.attention.output.LayerNorm", op("Add", attended, x))
        wide = op("Gelu", self._dense(f"{name}.intermediate.dense", x))
        return self._normal(f"{name}.output.LayerNorm", op("Add", self._dense(f"{name}.output.dense", wide), x))

    def _attention(self, name: str, x: str, far: str) -> str:
        op, constant, size = self._graph.op, self._graph.constant, self._dim // self._heads
        split, whole = (constant(shape, np.int64) for shape in ([0, 0, self._heads, size], [0, 0, self._dim]))
        query, key, value = (
            op("Transpose", op("Reshape", self._dense(f"{name}.{part}", x), split), perm=order)
            for part, order in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3]))
        )
        scores = op("Add", op("Mul", op("MatMul", query, key), constant(1 / math.sqrt(size))), far)
        read = op("MatMul", op("Softmax", scores, axis=-1), value)
        return op("Reshape", op("Transpose", read, perm=[0, 2, 1, 3]), whole)

    def _dense(self, name: str, x: str) -> str:
        weight = self._graph.constant(self._weights[f"{name}.weight"].T)
        return self._graph.op("Add", self._graph.op("MatMul", x, weight), self._constant(f"{name}.bias"))

    def _normal(self, name: str, x: str) -> str:
        scale, bias = self._constant(f"{name}.weight"), self._constant(f"{name}.bias")
        return self._graph.op("LayerNormalization", x, scale, bias, epsilon=self._epsilon)

    def _constant(self, name: str) -> str:
        return self._graph.constant(self._weights[name])


def network(folder: Path) -> bytes:
    """The graph of the model whose configuration and weights lie in a folder."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    graph = Graph()
    layers = Layers(graph, load_file(folder / "model.safetensors"), config)
    op, constant = graph.op, graph.constant
    there = op("Cast", "mask", to=TensorProto.FLOAT)
    far = op("Mul", op("Sub", constant(1), there), constant(FAR))
    x, far = layers.embedded("ids"), op("Unsqueeze", far, constant([1, 2], np.int64))
    for place in range(config["num_hidden_layers"]):
        x = layers.layer(f"encoder.layer.{place}", x, far)
    weights = op("Unsqueeze", there, constant([2], np.int64))
    total = op(
        "ReduceSum", op("Mul", x, weights), constant([1], np.int64), keepdims=0
    )  # as long as a mean, but for a factor
    length = op("ReduceL2", total, constant([1], np.int64), keepdims=1)
    graph.nodes.append(helper.make_node("Div", [total, length], ["embeddings"]))
    given = [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"]) for name in ("ids", "mask")]
    found = [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n", config["hidden_size"]])]
    made = helper.make_graph(graph.nodes, "sentences", given, found, graph.constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    onnx.checker.check_model(model)
    serialised: bytes = model.SerializeToString()
    return serialised
