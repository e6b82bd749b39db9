"""Write ``docs/api/``: a page a room, from signatures and docstrings. Run by ``make docs``; a test compares.

Only syntax trees are read, so nothing is imported and the pages are the same on every machine.
"""

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "lthkit"
PAGES = Path(__file__).parent / "api"
NOTE = "<!-- Written by `make docs` from the docstrings: edit those, then run it. -->"
WIDTH = 100
Assignment = ast.Assign | ast.AnnAssign


class Module:
    """A module's syntax tree and the source that it was read from."""

    def __init__(self, package: Path, path: list[str]) -> None:
        self.package, self.path = package, path
        self.text = module_file(package, path).read_text(encoding="utf-8")
        self.tree = ast.parse(self.text)

    def source(self, node: ast.AST) -> str:
        """A node as it is written, without the indentation that it stands in."""
        lines = ast.get_source_segment(self.text, node, padded=True) or ""
        return textwrap.dedent(lines).strip()

    def line(self, node: ast.AST) -> str:
        """A node on one line."""
        return re.sub(r",? ([)\]}])", r"\1", re.sub(r"([(\[{]) ", r"\1", joined(self.source(node))))

    def doc(self) -> str:
        return ast.get_docstring(self.tree) or ""

    def assigned(self, name: str) -> ast.expr | None:
        """The value that the module gives to ``name``."""
        return next(
            (line.value for line in self.tree.body if isinstance(line, Assignment) and name in names(line)), None
        )


@dataclass(frozen=True)
class Found:
    """A public name's definition, None for an exported module, and the module that it stands in."""

    definition: ast.stmt | None
    module: Module


def pages(package: Path = PACKAGE) -> dict[str, str]:
    """File name → text of all pages: one a room, and ``README.md``, the index."""
    rooms = sorted(path.stem for path in package.iterdir() if _is_room(path))
    texts = {f"{room}.md": _page(Module(package, [room])) for room in rooms}
    return texts | {"README.md": _index(package, rooms)}


def write(folder: Path, texts: dict[str, str]) -> None:
    """Make ``folder`` hold exactly these pages."""
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.md"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def module_file(package: Path, path: list[str]) -> Path:
    """Where the module ``path`` of the package lies."""
    place = package.joinpath(*path)
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def names(line: ast.stmt) -> list[str]:
    """What a statement defines."""
    if isinstance(line, ast.FunctionDef | ast.ClassDef):
        return [line.name]
    targets = line.targets if isinstance(line, ast.Assign) else [line.target] if isinstance(line, ast.AnnAssign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def joined(text: str) -> str:
    """A text on one line."""
    return " ".join(text.split())


def _is_room(path: Path) -> bool:
    return not path.name.startswith("_") and (path.suffix == ".py" or (path / "__init__.py").is_file())


# --- which names ----------------------------------------------------------------------------------------------


def _index(package: Path, rooms: list[str]) -> str:
    """The rooms by their first sentence, and what the package itself offers: its literal ``_NAMES = {name: room}``."""
    titles = {room: joined(Module(package, [room]).doc().split("\n\n")[0]) for room in rooms}
    parts = [NOTE, f"# {package.name} by room"]
    parts.append("\n".join(["| room | |", "| --- | --- |", *(f"| [{r}]({r}.md) | {t} |" for r, t in titles.items())]))
    literal = Module(package, []).assigned("_NAMES")
    if literal:
        offered = sorted(ast.literal_eval(literal).items())
        lines = [f"- `{package.name}.{name}`: [{room}]({room}.md#{name.lower()})" for name, room in offered]
        parts += [f"`import {package.name}` offers the most used of it:", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _page(module: Module) -> str:
    parts = [NOTE, f"# {module.package.name}.{'.'.join(module.path)}", _text(module.doc())]
    public = dict(_public(module))
    for name, found in public.items():
        parts += [f"## {name}", *_entry(name, found, set(public))]
    return "\n\n".join(part for part in parts if part) + "\n"


def _public(module: Module) -> Iterator[tuple[str, Found]]:
    listed = module.assigned("__all__")
    if listed is None:
        for line in module.tree.body:
            if not _is_type_variable(line):
                yield from ((name, Found(line, module)) for name in names(line) if not name.startswith("_"))
        return
    for name in ast.literal_eval(listed):
        found = _find(module, name)
        yield name, found
        if found.definition is None:
            yield from ((f"{name}.{inner}", its) for inner, its in _public(found.module))


def _find(module: Module, name: str) -> Found:
    """Where a name of ``__all__`` is defined; imports within the package are followed."""
    for line in module.tree.body:
        if name in names(line):
            return Found(line, module)
        source = (getattr(line, "module", None) or "").split(".")
        if isinstance(line, ast.ImportFrom) and source[0] == module.package.name:
            for alias in line.names:
                if (alias.asname or alias.name) == name:
                    return _imported(module.package, source[1:], alias.name)
    raise LookupError(f"{'.'.join(module.path)} lists '{name}' in __all__, but neither defines nor imports it")


def _imported(package: Path, path: list[str], name: str) -> Found:
    if module_file(package, [*path, name]).is_file():
        return Found(None, Module(package, [*path, name]))
    return _find(Module(package, path), name)


def _is_type_variable(line: ast.stmt) -> bool:
    value = getattr(line, "value", None)
    return isinstance(value, ast.Call) and ast.unparse(value.func) == "TypeVar"


# --- what is said of them -------------------------------------------------------------------------------------


def _entry(name: str, found: Found, exported: set[str]) -> list[str]:
    definition, module = found.definition, found.module
    if definition is None:
        return [_text(module.doc())]
    if isinstance(definition, ast.FunctionDef):
        signature = _signature(module, name.split(".")[-1], definition)
        return [_code(signature), _text(ast.get_docstring(definition))]
    if isinstance(definition, ast.ClassDef):
        return _class(module, name, definition, exported)
    return [_code(module.source(definition))]


def _class(module: Module, name: str, definition: ast.ClassDef, exported: set[str]) -> list[str]:
    """Head with fields, docstring, properties as a list, methods with headings; overrides without a word left out."""
    functions = {line.name: line for line in definition.body if isinstance(line, ast.FunctionDef)}
    public = {key: line for key, line in functions.items() if not key.startswith("_")}
    marks = {key: " ".join(map(ast.unparse, line.decorator_list)) for key, line in functions.items()}
    fields = _fields(module, definition, exported)
    parts = [_head(module, definition, [source for source, _ in fields]), _text(ast.get_docstring(definition))]
    if "__init__" in functions:
        signature = _signature(module, definition.name, functions["__init__"], bound=True)
        parts.append(_code(signature.removesuffix(" -> None")))
    notes = [note for _, note in fields if note]
    for key, line in public.items():
        if "property" in marks[key]:
            kind = f" ({module.line(line.returns)})" if line.returns else ""
            notes.append(f"- `{key}`{kind}: {joined(ast.get_docstring(line) or '')}".rstrip(": "))
    parts.append("\n".join(notes))
    for key, line in public.items():
        if "property" not in marks[key] and ast.get_docstring(line):
            signature = _signature(module, key, line, bound="staticmethod" not in marks[key])
            parts += [f"### {name}.{key}", _code(signature), _text(ast.get_docstring(line))]
    return parts


def _head(module: Module, definition: ast.ClassDef, fields: list[str]) -> str:
    bases = ", ".join(module.line(base) for base in definition.bases)
    head = f"class {definition.name}({bases})" if bases else f"class {definition.name}"
    body = textwrap.indent("\n".join(fields), "    ")
    return _code(f"{head}:\n{body}" if fields else head)


def _fields(module: Module, definition: ast.ClassDef, exported: set[str]) -> list[tuple[str, str]]:
    """Annotated fields, each with the text below it; those of bases without an entry of their own come first."""
    classes = {line.name: line for line in module.tree.body if isinstance(line, ast.ClassDef)}
    above = [classes[key] for key in map(ast.unparse, definition.bases) if key in classes.keys() - exported]
    fields = [field for base in above for field in _fields(module, base, exported)]
    for line, below in zip(definition.body, [*definition.body[1:], None], strict=True):
        if isinstance(line, ast.AnnAssign) and not names(line)[0].startswith("_"):
            value = below.value if isinstance(below, ast.Expr) else None
            said = value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
            fields.append((module.source(line), said and _item(f"{names(line)[0]}: {said}")))
    return fields


def _signature(module: Module, name: str, function: ast.FunctionDef, bound: bool = False) -> str:
    arguments = list(_arguments(module, function.args))[bound:]
    returns = f" -> {module.line(function.returns)}" if function.returns else ""
    line = f"{name}({', '.join(arguments)}){returns}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{name}(", *(f"    {argument}," for argument in arguments), f"){returns}"])


def _arguments(module: Module, arguments: ast.arguments) -> Iterator[str]:
    """Each argument with its default; the bare ``*`` too."""

    def each(some: list[ast.arg], defaults: list[ast.expr | None]) -> Iterator[str]:
        for argument, default in zip(some, defaults, strict=True):
            equals = " = " if argument.annotation else "="
            yield module.line(argument) + (equals + module.line(default) if default else "")

    plain = [*arguments.posonlyargs, *arguments.args]
    missing = len(plain) - len(arguments.defaults)
    yield from each(plain, [*[None] * missing, *arguments.defaults])
    if arguments.vararg:
        yield "*" + module.line(arguments.vararg)
    elif arguments.kwonlyargs:
        yield "*"
    yield from each(arguments.kwonlyargs, arguments.kw_defaults)
    if arguments.kwarg:
        yield "**" + module.line(arguments.kwarg)


def _code(text: str) -> str:
    return f"```python\n{text}\n```"


def _text(docstring: str | None) -> str:
    """A docstring as Markdown: its sections become lists."""
    parts = re.split(r"^(Args|Attributes|Raises|Returns|Yields):\n", inspect.cleandoc(docstring or ""), flags=re.M)
    texts = [parts[0].strip()]
    for title, block in zip(parts[1::2], parts[2::2], strict=True):
        section, *rest = re.split(r"\n(?=\S)", block.rstrip(), maxsplit=1)
        items = re.split(r"\n(?=\S)", textwrap.dedent(section).strip())
        if title in ("Returns", "Yields"):
            texts.append(f"**{title}:** {joined(section)}")
        else:
            texts.append(f"**{title}:**\n\n" + "\n".join(map(_item, items)))
        texts += [text.strip() for text in rest]
    return "\n\n".join(text for text in texts if text)


def _item(text: str) -> str:
    name, colon, rest = joined(text).partition(":")
    return f"- `{name}`:{rest}" if colon else f"- {name}"


if __name__ == "__main__":
    written = pages()
    write(PAGES, written)
    sys.stdout.write(f"{len(written)} pages in {PAGES}\n")
