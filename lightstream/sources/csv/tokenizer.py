"""From the text of a record to its cells, by the rules of the parser that Spark uses (univocity).

A record is read character by character, as states of a small machine; the names follow what Spark's options call
things. Most records need none of that: one without a quote is split at its separators.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lightstream.errors import unsupported
from lightstream.sources.csv.options import NONE, CsvOptions

Cells = list[str | None]


class TokenError(Exception):
    """A record that the parser gives up on: too many columns, too long a cell, or a stray quote."""


class _End(Exception):
    """The text has ended."""


def make_tokenizer(options: CsvOptions) -> Callable[[str], Cells | None]:
    """Return the function from the text of one record to its cells; None for text without any.

    The function raises TokenError.
    """
    separator, quote = options.separator, options.quote
    plain = not options.trim_left and not options.trim_right and not _overlaps(separator)
    null, limit, comment = options.null_value, options.max_columns, options.comment
    ends = ("\n", options.line_separator or "\n")

    def cells(text: str) -> Cells | None:
        if not text or text[0] == comment != NONE:
            return None
        if plain and quote not in text and not any(end in text for end in ends):
            values = text.split(separator)
            if len(values) > limit:
                raise TokenError("too many columns")
            if options.max_chars >= 0 and max(map(len, values)) > options.max_chars:
                raise TokenError("too many characters in a cell")
            return [value or null for value in values]
        return first_record(text, options)[1]

    return cells


def first_record(text: str, options: CsvOptions) -> tuple[str, Cells | None]:
    """Return the record of a text, without blank lines before it, and its cells (None without any).

    Raises:
        TokenError: it cannot be read.
        UnsupportedOperationException: the text goes on behind the record, which Spark's parser takes for the next.
    """
    machine = Machine(text, options)
    while not machine.ended:
        begin = machine.at
        found = machine.record()
        if found is not None:
            if machine.at < len(text):
                raise unsupported("A CSV line end within what lineSep ends")
            return text[begin:], found
    return text, None


def _overlaps(separator: str) -> bool:
    """Return whether a separator may begin inside of what looked like one: then the parser overlooks it."""
    return separator[0] in separator[1:] and len(set(separator)) > 1


def records(text: str, options: CsvOptions) -> list[tuple[str, Cells]]:
    """Return the text and cells of all records of a text that may have line ends within quotes.

    Raises:
        TokenError: a record cannot be read.
    """
    machine = Machine(text.removeprefix("\ufeff"), options, stream=True)
    found = []
    while not machine.ended:
        begin = machine.at
        record = machine.record()
        if record is not None:
            found.append((machine.text[begin : machine.at], record))
    return found


class Machine:
    """A position in a text, and the cells so far."""

    def __init__(self, text: str, options: CsvOptions, *, stream: bool = False) -> None:
        self.text = text
        self.at = 0
        self.char = NONE
        self.previous = NONE
        self.stray = False  # a quote was met inside of a quoted cell
        self.cell = ""
        self.trims = False
        self.cells: Cells = []
        self.ended = False
        self.options = options
        self.stream = stream
        self.separator, self.quote, self.escape = options.separator, options.quote, options.escape
        self.escape_escape = options.escape_escape
        if len(options.separator) > 1:
            raise unsupported("A CSV separator of several characters beside quotes or white space")
        if options.handling == "BACK_TO_DELIMITER":
            raise unsupported("The CSV option unescapedQuoteHandling with the value BACK_TO_DELIMITER")
        self.until_separator = options.handling in ("STOP_AT_DELIMITER", "SKIP_VALUE")
        self.line_end = options.line_separator or (_line_end(text) if stream else "\n")
        self.normalizes = True
        self.keeps_line_ends = options.line_separator is not None and options.multi_line
        given = options.line_separator
        self.newline = given if given is not None and len(given) == 1 else "\n"
        self.end = re.compile(f"{re.escape(self.separator)}|{re.escape(self.line_end)}")
        self.stop = re.compile(f"[{re.escape(''.join({self.separator, self.newline, self.line_end[0]}))}]")
        specials = {self.quote, self.escape, self.escape_escape}
        self.special = re.compile(f"[{re.escape(''.join(specials | {self.line_end[0]}))}]")
        self.specials = specials

    # ---- characters

    def next(self) -> str:
        """Step to the next character; a line end counts as one."""
        if self.at >= len(self.text):
            raise _End
        char = self.text[self.at]
        self.at += 1
        if char == self.line_end[0] and self.normalizes:
            if len(self.line_end) == 1:
                char = self.newline
            elif self.text[self.at : self.at + 1] == self.line_end[1]:
                self.at += 1
                char = self.newline
        self.char = char
        return char

    def _append_until(self, stops: set[str], pattern: re.Pattern[str]) -> None:
        """Add characters, from the current one on, to the cell until one of some is met."""
        while self.char not in stops:
            found = pattern.search(self.text, self.at)
            end = len(self.text) if found is None else found.start()
            self._add(self.char + self.text[self.at : end])
            self.at = end
            self.next()

    def _add(self, text: str) -> None:
        self.cell += text
        if 0 <= self.options.max_chars < len(self.cell):
            raise TokenError("too many characters in a cell")

    def _blank(self) -> bool:
        return self.char <= " "

    # ---- cells

    def _cell_empty(self) -> None:
        self._push(self.options.null_value)

    def _cell_done(self) -> None:
        text = self.cell
        if self.trims:
            text = text.rstrip(_BLANKS)
        self._push(text or self.options.empty_value)
        self.cell = ""

    def _push(self, value: str) -> None:
        if len(self.cells) >= self.options.max_columns:
            raise TokenError("too many columns")
        self.cells.append(value)

    # ---- records

    def record(self) -> Cells | None:
        """Return the cells of the next record; None for one without any.

        Raises:
            TokenError: it cannot be read.
        """
        self.cells = []
        begin = self.at
        try:
            self.next()
            if self.char == self.options.comment != NONE:
                while self.char != self.newline:
                    self.next()
                return None
            self._record()
        except _End:
            self.ended = True
            self._at_end(begin)
        return self.cells or None

    def _at_end(self, begin: int) -> None:
        whole = False
        if self.char == self.quote:
            if self.previous == self.quote:
                whole = True
            elif not self.stray:
                self.cell += self.quote
        if not whole:
            whole = self.previous != NONE and self.char not in (self.separator, self.newline)
            self.char = self.previous = NONE
        if self.cell or whole:
            self._cell_done()
        elif self.at > begin:
            self._cell_empty()

    def _record(self) -> None:
        options = self.options
        if self._blank() and options.trim_left:
            self._skip_blanks()
        while self.char != self.newline:
            if self._blank() and options.trim_left:
                self._skip_blanks()
            if self.char in (self.separator, self.newline):
                self._cell_empty()
            else:
                self.stray, self.previous = False, NONE
                if self.char == self.quote:
                    if self._whole_quoted():
                        continue
                    self.normalizes = not self.keeps_line_ends
                    self.trims = False
                    self._quoted()
                    self.normalizes = True
                    self._cell_done()
                else:
                    self._unquoted()
            if self.char != self.newline and self.next() == self.newline:
                self._cell_empty()

    def _unquoted(self) -> None:
        self.trims = self.options.trim_right
        begin, end = self.at - 1, self._plain_end()
        if end < 0:
            self._append_until({self.separator, self.newline}, self.stop)
            self._cell_done()
            return
        self._add(self.text[begin:end])
        text, self.cell = self.cell, ""
        if self.trims:
            text = text.rstrip(_BLANKS)
            if not text and not self.text[:end].strip(_BLANKS):
                # Spark's parser looks for the end of what is blank beyond the beginning of the text.
                raise TokenError("nothing but white space at the beginning")
        self._push(text or self.options.null_value)
        self.at = end
        self.next()

    def _plain_end(self) -> int:
        """Return where the cell that has begun ends; -1 where nothing but the end of the text does."""
        found = self.end.search(self.text, self.at - 1)
        return -1 if found is None else found.start()

    def _skip_blanks(self) -> None:
        while self._blank() and self.char not in (self.separator, self.newline, self.quote):
            self.next()

    def _whole_quoted(self) -> bool:
        """Take a quoted cell without anything to look into; False leaves all as it was."""
        end = self.text.find(self.quote, self.at)
        if end < 0 or end + 1 >= len(self.text) or self.text[end + 1] not in (self.separator, self.newline):
            return False
        inner = self.text[self.at : end]
        if self.text[end - 1] == self.escape or self.line_end in inner:
            return False
        if self.escape in inner and any(
            inner[at + 1 : at + 2] == self.escape_escape
            for at in range(len(inner))
            if inner[at] == self.escape
        ):
            return False
        if 0 <= self.options.max_chars < len(inner):
            raise TokenError("too many characters in a cell")
        self._push(inner or self.options.empty_value)
        self.at = end + 1
        try:
            if self.next() == self.separator:
                try:
                    if self.next() == self.newline:
                        self._cell_empty()
                except _End:
                    self._cell_empty()
                    self.ended = True
                    self.char = self.newline
        except _End:
            self.ended = True
            self.char = self.newline
        return True

    # ---- quotes

    def _quoted(self) -> None:
        """Read a quoted cell; the character is the quote, or one after which a stray quote was noticed."""
        if self.previous != NONE and self.until_separator:
            self._rest_of_stray()
            return
        self.next()
        while True:
            if self.previous == self.quote and (self._blank() or self.char in (self.separator, self.newline)):
                break
            if self.char not in (self.quote, self.escape):
                if self.previous == self.quote:
                    self._stray_quote()
                    return
                if self.previous == self.escape != NONE:
                    self._add(self.escape)
                self._append_until(self.specials, self.special)
                self.previous = self.char
                self.next()
            else:
                self._quote_or_escape()
                self.previous = self.char
                self.next()
                if self.stray and self.char in (self.separator, self.newline):
                    return
        self._after_quoted()

    def _rest_of_stray(self) -> None:
        if self.options.handling == "SKIP_VALUE":
            self._skip_value()
            return
        self.cell = self.quote + self.cell
        self.next()
        self.trims = self.options.trim_right
        self._append_until({self.separator, self.newline}, self.stop)

    def _skip_value(self) -> None:
        kept, self.cell = "", ""
        try:
            self._append_until({self.separator, self.newline}, self.stop)
        finally:
            self.cell = kept

    def _stray_quote(self) -> None:
        self.stray = True
        match self.options.handling:
            case "SKIP_VALUE":
                self._skip_value()
            case "RAISE_ERROR":
                raise TokenError("a quote inside of a quoted cell")
            case _:
                self._add(self.quote + self.char)
                self.previous = self.char
                self._quoted()

    def _quote_or_escape(self) -> None:
        if self.char == self.escape and self.previous == self.escape_escape != NONE:
            self._add(self.escape)
            self.char = NONE
        elif self.previous == self.escape:
            if self.char == self.quote:
                self._add(self.quote)
                self.char = NONE
            else:
                self._add(self.previous)
        elif self.char == self.quote == self.previous:
            self._add(self.quote)
        elif self.previous == self.quote:
            match self.options.handling:
                case "SKIP_VALUE":
                    raise unsupported(
                        "The CSV option unescapedQuoteHandling with SKIP_VALUE, for some quotes,"
                    )
                case "RAISE_ERROR":
                    raise TokenError("a quote inside of a quoted cell")
                case _:
                    self._add(self.quote)
                    self.previous = self.char
                    self._escaped_rest()

    def _escaped_rest(self) -> None:
        while self.char not in (self.separator, self.newline):
            if self.char not in (self.quote, self.escape):
                if self.previous == self.quote:
                    self._quote_or_escape()
                    return
                self._add(self.char)
            else:
                self._quote_or_escape()
            self.previous = self.char
            self.next()

    def _after_quoted(self) -> None:
        """Look at what follows the closing quote: blanks are dropped, unless more than a separator follows them."""
        if self.char in (self.separator, self.newline):
            return
        blanks = ""
        while self._blank() and self.char != self.separator:
            blanks += self.char
            if self.next() == self.newline:
                return
        if self.char == self.separator:
            return
        if self.options.handling == "RAISE_ERROR":
            raise TokenError("text after a quoted cell")
        self._add(self.quote + blanks)
        if self.until_separator or self.char not in (self.quote, self.escape):
            self._add(self.char)
        self.previous = self.char
        self._quoted()


_BLANKS = "".join(map(chr, range(0x21)))


def _line_end(text: str) -> str:
    """Return the line end of a text: the first that is found."""
    found = re.search(r"\r\n|\r|\n", text)
    return "\n" if found is None else found.group()
