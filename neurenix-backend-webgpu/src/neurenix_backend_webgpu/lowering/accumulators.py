"""What a reduction keeps while it runs: a word, and of argmax a word and its place."""

from __future__ import annotations

from dataclasses import dataclass

from neurenix.dtypes import Dtype

from .scalar import expression, kind

REDUCTIONS = frozenset({"sum", "prod", "max", "min", "any", "all", "argmax"})


@dataclass(frozen=True)
class Accumulator:
    """One reduction; `name` is that of its variables."""

    name: str
    reduction: str
    dtype: Dtype

    @property
    def has_place(self) -> bool:
        return self.reduction == "argmax"

    def declared(self) -> list[str]:
        """Before the first term."""
        lines = [f"var {self.name} = {self._initial()};"]
        if self.has_place:
            lines.append(f"var {self.name}_place = 0xffffffffu;")
        return lines

    def with_term(self, word: str, place: str) -> list[str]:
        """One more term, which stands at `place`."""
        return self.combined(self._key(word) if self.has_place else word, place)

    def combined(self, word: str, place: str) -> list[str]:
        """With another accumulator's word and place."""
        if not self.has_place:
            return [f"{self.name} = {self._both(word)};"]
        here, there = self.name, f"{self.name}_place"
        better = f"{word} > {here} || ({word} == {here} && {place} < {there})"
        return [f"if ({better}) {{ {here} = {word}; {there} = {place}; }}"]

    @property
    def result(self) -> str:
        if self.has_place:
            return f"{self.name}_place"
        narrow = self.dtype.name == "uint8"
        return f"({self.name} & 255u)" if narrow else self.name

    def _key(self, word: str) -> str:
        order = {"f": f"order_f({word})", "i": f"order_i({word})"}
        return order.get(kind(self.dtype), word)

    def _initial(self) -> str:
        k = kind(self.dtype)
        if self.reduction in ("prod", "all"):
            return "0x3f800000u" if k == "f" else "1u"
        if self.reduction == "max":
            return {"f": "0xff800000u", "i": "0x80000000u"}.get(k, "0u")
        if self.reduction == "min":
            return {"f": "0x7f800000u", "i": "0x7fffffffu"}.get(k, "0xffffffffu")
        return "0u"

    def _both(self, word: str) -> str:
        if self.reduction in ("any", "all"):
            return f"({self.name} {'|' if self.reduction == 'any' else '&'} {word})"
        name = {"sum": "add", "prod": "mul", "max": "maximum", "min": "minimum"}
        kinds = [self.dtype, self.dtype]
        return expression(name[self.reduction], self.dtype, kinds, [self.name, word])
