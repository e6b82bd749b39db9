"""Settings by dotted key: which there are, and whether a value fits, before anything runs."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter
from pydantic.fields import FieldInfo

from lthkit.batch.names import did_you_mean
from lthkit.batch.values import read_value
from lthkit.config import Config, validated
from lthkit.errors import LthkitError

Known = dict[str, FieldInfo]


def read_settings(given: Mapping[str, Any], where: str = "a search") -> dict[str, Any]:
    """The given settings with texts read by YAML's rules, each checked by itself.

    Args:
        given: dotted key → value, as text or as a value.
        where: what has these settings, for the error sentence.

    Raises:
        LthkitError: naming a key that is not known and near ones, or a value that does not fit.
    """
    known = setting_keys()
    read = {}
    for key, value in given.items():
        if not is_setting(key, known):
            raise LthkitError(f"{where} has no setting '{key}'; {did_you_mean(key, _leaves(known))}")
        read[key] = read_value(value) if isinstance(value, str) and not _is_choice(value, key, known) else value
        _check(key, read[key], known, where)
    return read


def setting_keys() -> Known:
    """Every dotted key of a search's configuration."""
    from lthkit.search import SearchConfig

    return dict(_keys(SearchConfig, ""))


def is_setting(key: str, known: Known) -> bool:
    """Whether a key is known, or lies in a mapping of free keys such as ``model.options``."""
    if key in known:
        return True
    above = key.rpartition(".")[0]
    while above:
        if above in known:
            return any(kind is dict for kind in _kinds(known[above].annotation))
        above = above.rpartition(".")[0]
    return False


def _keys(config: type[Config], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in config.model_fields.items():
        yield f"{prefix}{name}", field
        for kind in _kinds(field.annotation):
            if isinstance(kind, type) and issubclass(kind, Config):
                yield from _keys(kind, f"{prefix}{name}.")


def _kinds(annotation: Any) -> Iterator[Any]:
    """The classes that an annotation allows, e.g. of ``Annotated[Recipe | None, …]``."""
    origin = getattr(annotation, "__origin__", annotation)
    parts = get_args(annotation)
    if not parts or origin in (dict, list, tuple, set):
        yield origin
    else:
        for part in parts:
            yield from _kinds(part)


def _is_choice(text: str, key: str, known: Known) -> bool:
    """Whether a text is one of those that a setting chooses from: ``rewind.to none`` is a choice, no missing value."""
    found = get_args(known[key].annotation) if key in known else ()
    return text in found


def _leaves(known: Known) -> list[str]:
    return [key for key in known if not any(other.startswith(f"{key}.") for other in known)]


def _check(key: str, value: Any, known: Known, where: str) -> None:
    if value is None:
        raise LthkitError(f"{where}: '{key}' is given no value; leave it out to have its default")
    if key not in known:
        return
    # without its aliases, which mean something in a model alone
    kind: Any = Annotated[known[key].annotation, *known[key].metadata, Field()]
    validated(TypeAdapter(dict[str, kind]).validate_json, {key: value}, where)
