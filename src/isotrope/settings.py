"""The class of every block of settings that a param-file may hold."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

S = TypeVar("S", bound="Settings")
T = TypeVar("T")


def _fixed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


# a list of one or more, kept as a tuple: settings are hashed
List = Annotated[tuple[T, ...], Field(min_length=1), BeforeValidator(_fixed)]


class Settings(BaseModel):
    """Checked settings: unknown keys, wrong types and wrong ranges are refused; values are fixed.

    Types are strict (``"7"`` is not a number), but a whole number may stand for a float.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def __hash__(self) -> int:
        """Of the values, lists among them, too."""
        return hash((type(self), self.model_dump_json()))


def load_time(default: Any = PydanticUndefined, **options: Any) -> Any:
    """A field of a data set's ``Params`` that acts when the data set is read, not when it is built.

    Runs that differ in load-time fields alone share one file under ``out/data``.
    """
    return Field(default, json_schema_extra={"load_time": True}, **options)


def build_only(kind: type[S]) -> type[S]:
    """``kind`` for whoever builds a data set: its load-time fields may be left out.

    They are at their defaults then; those that have none are None.
    """
    left_out: Any = {
        name: (Any, load_time(None))
        for name, field in kind.model_fields.items()
        if _is_load_time(field) and field.is_required()
    }
    return create_model(kind.__name__, __base__=kind, **left_out)


def _is_load_time(field: FieldInfo) -> bool:
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("load_time"))


def build_settings(params: Settings) -> dict[str, Any]:
    """The build-time values of a data set's ``params``, in the order of their fields."""
    values = params.model_dump(mode="json")
    fields = type(params).model_fields
    return {name: value for name, value in values.items() if not _is_load_time(fields[name])}
