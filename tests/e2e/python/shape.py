"""Holds a JSON value against the type that a vendor's own client gives it, strictly: nothing that the type does not
name, nothing missing, no number for a string. TypedDicts, pydantic models and dataclass-like unions alike."""

import collections.abc
import typing

import pydantic
import typing_extensions

# What says nothing of what is inside.
ANYTHING = (typing.Any, object)
LISTS = (list, tuple, collections.abc.Iterable, collections.abc.Sequence, collections.abc.Collection)
OBJECTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
MARKS = tuple(
    getattr(module, name) for module in (typing, typing_extensions) for name in ("Required", "NotRequired", "ReadOnly") if hasattr(module, name)
)


def wrong(value, kind, path="body"):
    """What is wrong with the value, deepest first; nothing when it fits."""
    kind = bare(kind)
    if kind in ANYTHING or isinstance(kind, typing.TypeVar):
        return []
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if is_union(origin):
        return of_union(value, inner, path)
    if origin is typing.Literal or origin is typing_extensions.Literal:
        return [] if value in inner else [f"{path}: {value!r} is none of {inner}"]
    if origin in LISTS or kind in LISTS or is_protocol(kind, origin):
        if not isinstance(value, list):
            return [f"{path}: {type(value).__name__} is no list"]
        item = inner[0] if inner else typing.Any
        return [words for at, one in enumerate(value) for words in wrong(one, item, f"{path}[{at}]")]
    if origin in OBJECTS or kind in OBJECTS:
        if not isinstance(value, dict):
            return [f"{path}: {type(value).__name__} is no object"]
        return [words for name, one in value.items() for words in wrong(one, inner[1], f"{path}.{name}")] if inner else []
    if typing_extensions.is_typeddict(kind):
        return of_fields(value, typed_dict(kind), path, kind.__name__)
    if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
        if issubclass(kind, pydantic.RootModel):
            return wrong(value, kind.model_fields["root"].annotation, path)
        return of_fields(value, model(kind), path, kind.__name__)
    return of_plain(value, kind, path)


def bare(kind):
    """Less what only surrounds a type."""
    while True:
        origin = typing.get_origin(kind)
        if origin in MARKS or origin is typing.Annotated or hasattr(kind, "__metadata__"):
            kind = typing.get_args(kind)[0]
        elif hasattr(kind, "__value__"):
            kind = kind.__value__
        elif hasattr(origin, "__value__"):
            kind = origin.__value__
        elif hasattr(kind, "__supertype__"):
            kind = kind.__supertype__
        else:
            return kind


def is_union(origin):
    return origin is typing.Union or getattr(origin, "__name__", "") == "UnionType"


def is_protocol(kind, origin):
    """Lists that are no strings, as some clients have them."""
    return any("SequenceNotStr" in str(one) for one in (kind, origin))


def of_union(value, kinds, path):
    """The nearest kind tells what is wrong."""
    findings = [wrong(value, kind, path) for kind in kinds]
    if not all(findings):
        return []
    told = [(words, kind) for words, kind in zip(findings, kinds) if not any(word.startswith(f"{path}.type:") or word.startswith(f"{path}.role:") for word in words)]
    return min((words for words, _ in told or zip(findings, kinds)), key=lambda words: (-deepest(words), len(words)))


def deepest(words):
    return max(word.split(": ")[0].count(".") + word.split(": ")[0].count("[") for word in words)


def typed_dict(kind):
    hints = typing_extensions.get_type_hints(kind, include_extras=True)
    return {alias(hint, name): (hint, name in kind.__required_keys__) for name, hint in hints.items()}


def alias(hint, name):
    """`Annotated[..., PropertyInfo(alias="x")]`"""
    for mark in typing.get_args(hint) if not getattr(hint, "__metadata__", None) else hint.__metadata__:
        for inner in (mark, *getattr(mark, "__metadata__", ())):
            if getattr(inner, "alias", None):
                return inner.alias
    return name


def model(kind):
    return {(field.alias or name): (field.annotation, field.is_required()) for name, field in kind.model_fields.items()}


def of_fields(value, fields, path, name):
    if not isinstance(value, dict):
        return [f"{path}: {type(value).__name__} is no {name}"]
    found = [f"{path}.{field}: not in {name}" for field in value if field not in fields]
    found += [f"{path}.{field}: missing in {name}" for field, (_, needed) in fields.items() if needed and field not in value]
    for field, (kind, _) in fields.items():
        if field in value:
            found += wrong(value[field], kind, f"{path}.{field}")
    return found


def of_plain(value, kind, path):
    if kind is None or kind is type(None):
        return [] if value is None else [f"{path}: {value!r} is not null"]
    if kind is float:
        fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    elif kind is int:
        fits = isinstance(value, int) and not isinstance(value, bool)
    elif kind in (str, bool):
        fits = isinstance(value, kind)
    elif isinstance(kind, type) and issubclass(kind, str):
        fits = isinstance(value, str) and (not hasattr(kind, "__members__") or value in [member.value for member in kind])
    else:
        fits = not isinstance(value, (dict, list, str)) or kind in (bytes,)
    return [] if fits else [f"{path}: {value!r} is no {getattr(kind, '__name__', kind)}"]
