"""Tensors in a file, with facts about them and the hashes that find one flipped bit in either."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lthkit.atomic import replacing
from lthkit.errors import LthkitError

Tensors = dict[str, Tensor]
Hashes = dict[str, str]
_FACTS = "lthkit"


def tensor_sha256(tensor: Tensor) -> str:
    """SHA-256 of one tensor's dtype, shape and bits in logical order."""
    flat = tensor.detach().cpu().contiguous()
    total = hashlib.sha256(f"{flat.dtype}{tuple(flat.shape)}".encode())
    total.update(flat.view(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def sha256_by_name(tensors: Mapping[str, Tensor]) -> Hashes:
    """``tensor_sha256`` of each."""
    return {name: tensor_sha256(tensor) for name, tensor in tensors.items()}


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """One SHA-256 over names, dtypes, shapes and bits."""
    return json_sha256(sha256_by_name(tensors))


def json_sha256(values: Any) -> str:
    """SHA-256 of JSON-ready values, NaN among them, whatever the order of keys."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def save_tensors(
    path: str | Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any], hashes: Hashes | None = None
) -> None:
    """Safetensors with JSON-ready ``facts``, written beside ``path``, synced and renamed: same content, same bytes.

    Args:
        path: the file.
        tensors: what to keep; none may share memory with another.
        facts: what they belong to; without the key ``sha256``, under which ``load_tensors`` adds the content's hash.
        hashes: ``sha256_by_name(tensors)`` where it is known.

    Raises:
        LthkitError: if the disk refuses.
    """
    sealed: dict[str, Any] = json.loads(json.dumps(dict(facts)))
    sealed["sha256"] = json_sha256(hashes or sha256_by_name(tensors))
    sealed["facts_sha256"] = json_sha256(sealed)
    mend = "what was committed before is intact: free space or allow writing, then run the same search again"
    with replacing(Path(path), mend) as temporary:
        try:
            # one key only: safetensors writes several in an order that changes from run to run
            save_file(dict(tensors), temporary, {_FACTS: json.dumps(sealed, sort_keys=True)})
        except SafetensorError as error:
            raise OSError(str(error)) from None


def load_tensors(path: str | Path) -> tuple[Tensors, dict[str, Any]]:
    """All tensors of a safetensors file, and the facts that ``save_tensors`` was given; inverse of it.

    Facts and tensors are checked against their hashes where the file has them; ``facts["sha256"]`` is then
    ``tensors_sha256`` of the tensors. Older files and other programs' have none.

    Raises:
        LthkitError: if it is not a whole safetensors file, or not as it was written.
    """
    tensors, facts, _ = load_hashed(Path(path), unsealed=True)
    return tensors, facts


def load_hashed(path: str | Path, unsealed: bool = False) -> tuple[Tensors, dict[str, Any], Hashes]:
    """As ``load_tensors``, with ``sha256_by_name`` of the tensors; files without hashes only if ``unsealed``."""
    tensors, facts = _read(path)
    if not unsealed and "facts_sha256" not in facts:
        raise LthkitError(
            f"{path} has no SHA-256 (an older lthkit wrote it, or it is damaged); delete it to begin anew"
        )
    hashes = sha256_by_name(tensors)
    seals = (facts.pop("facts_sha256", None), facts.get("sha256"))
    if any(
        seal not in (None, made) for seal, made in zip(seals, (json_sha256(facts), json_sha256(hashes)), strict=True)
    ):
        raise LthkitError(
            f"{path} is damaged (it does not fit its SHA-256); restore it, or delete it to do the work again"
        )
    return tensors, facts, hashes


def _read(path: str | Path) -> tuple[Tensors, dict[str, Any]]:
    try:
        if Path(path).exists() and not Path(path).is_file():  # a pipe would wait for ever
            raise OSError("it is not a regular file")
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get(_FACTS, "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if not isinstance(facts, dict):
            raise ValueError("its facts are no mapping")
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise LthkitError(f"{path} cannot be read ({error}); restore it, or delete it to do the work again") from None
    return tensors, facts
