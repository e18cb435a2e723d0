"""Quoted history: which lines are of the newest message, which of older ones. Pure.

Replies and forwards have older messages beneath: behind a block of headers, a line such
as "-----Original Message-----", `>` at the beginning of lines, or in an element of HTML
that quotes. The words are those of mail programs in many languages.
"""

import re
from collections.abc import Sequence

from pexschedd.onetouch.links.finding import MARK, LinkedText

QUOTE_BEGINS, QUOTE_ENDS = "\n\x02\n", "\n\x03\n"
"""Around what HTML quotes; `normalised` leaves no such characters in texts."""

MOST_LEVELS = 8
"""Older messages that are told apart; the oldest ones count as one."""
MOST_LINES = 10_000
"""Lines that are looked at one by one; the rest belongs where the last one does."""
_LONGEST_LINE = 400
_LABEL_END = 24
"""Characters within which the label of a header ends."""
_HEADER_LINES = 6
"""Lines after the sender's within which the other headers have to stand."""


def _label(names: str) -> re.Pattern[str]:
    return re.compile(
        rf"[*_ ]{{0,4}}(?:{names})[*_ ]{{0,4}}:[*_ ]{{0,4}}(?P<value>.*)", re.IGNORECASE
    )


_SENDER = _label(
    "From|Von|De|Da|Van|Från|Fra|Lähettäjä|Od|Odesílatel|От|Feladó|Kimden|Gönderen|"
    "差出人|发件人|寄件者|보낸 ?사람|Από|מאת|من"
)
_TIME = _label(
    "Sent|Date|Gesendet|Datum|Envoyé|Enviado|Enviada em|Fecha|Inviato|Data|Verzonden|"
    "Skickat|Sendt|Dato|Lähetetty|Päivämäärä|Wysłano|Odesláno|Отправлено|Дата|Elküldve|"
    "Dátum|Gönderildi|Tarih|送信日時|日付|发送时间|日期|寄件日期|"
    "보낸 ?날짜|날짜|Ημερομηνία"
)
_SUBJECT = _label(
    "Subject|Betreff|Objet|Asunto|Oggetto|Onderwerp|Ämne|Emne|Aihe|Temat|Předmět|Тема|"
    "Tárgy|Konu|Assunto|件名|主题|主旨|제목|Θέμα"
)
_RECIPIENT = _label(
    "To|An|À|Para|A|Aan|Till|Til|Vastaanottaja|Do|Komu|Кому|Címzett|Kime|宛先|收件人|"
    "받는 ?사람|Προς"
)
_IS_TIME_OF_DAY = re.compile(r"[0-9]{1,2}[:.h ][0-9]{0,2}")
_DIVIDER = re.compile(
    r"[-_]{3,} {0,4}(?=\S)(?:.{0,40})(?:original|ursprüngl|weitergeleitet|forward|"
    r"d'origine|transfér|reenviad|encaminhad|inoltrat|oorspronkelijk|doorgestuurd|"
    r"vidarebefordra|videresend|videresendt|ursprungligt|opprinnelig|oprindelig|"
    r"alkuperäinen|välitetty|oryginaln|przekazan|původní|přeposlan|исходное|пересыл|"
    r"eredeti|元のメッセージ|転送|原始|转发|轉寄|원본)(?:.{0,40}?)[-_]{3,}",
    re.IGNORECASE,
)
_WROTE = re.compile(
    r"(?:On|Am|Le|El|Il|Op|Den|Em|W dniu|Dnia)\b.{6,240}\b(?:wrote|schrieb|a écrit|"
    r"escribió|ha scritto|schreef|skrev|escreveu|napisał\(?a?\)?|pisze)\b.{0,60}: ?",
    re.IGNORECASE,
)
_CITED = re.compile(r"(?:> ?)+")


def split_history(linked: LinkedText) -> tuple[LinkedText, ...]:
    """Return the newest message's text, then the older ones' beneath it.

    The first one may be empty; there is always one. Nothing of the text is lost but the
    marks of quoting.
    """
    lines = linked.text.split("\n", MOST_LINES)
    levels: dict[int, list[str]] = {0: []}
    links: dict[int, list[int]] = {0: []}
    begun = quoted = number = 0
    divided = -_HEADER_LINES  # the last line that divides messages
    for index, line in enumerate(lines):
        if line == "\x02" or line == "\x03":
            quoted = max(0, quoted + (1 if line == "\x02" else -1))
            continue
        cited = _CITED.match(line) if line[:1] == ">" else None
        depth = 0
        if cited is not None:
            depth = cited[0].count(">")
            line = line[cited.end() :]
        elif index < MOST_LINES and _is_divider(line):
            begun, divided = begun + 1, index
        elif index < MOST_LINES and _is_header_block(lines, index):
            begun += index - divided > _HEADER_LINES // 2
        level = min(begun + quoted + depth, MOST_LEVELS)
        levels.setdefault(level, []).append(line)
        marks = line.count(MARK)
        links.setdefault(level, []).extend(range(number, number + marks))
        number += marks
    return tuple(
        LinkedText(
            "\n".join(levels[level]),
            tuple(linked.links[n] for n in links[level] if n < len(linked.links)),
        )
        for level in sorted(levels)
    )


def _is_divider(line: str) -> bool:
    line = line.strip(" ")
    if not line or len(line) > _LONGEST_LINE:
        return False
    if line[0] in "-_":
        return _DIVIDER.fullmatch(line) is not None
    return line[-1] == ":" and _WROTE.fullmatch(line) is not None


def _is_header_block(lines: Sequence[str], index: int) -> bool:
    line = lines[index].strip(" ")
    if ":" not in line[:_LABEL_END] or len(line) > _LONGEST_LINE:
        return False
    sender = _SENDER.fullmatch(line)
    if sender is None or _IS_TIME_OF_DAY.match(sender["value"]):
        return False
    after = [
        text
        for each in lines[index + 1 : index + 1 + 2 * _HEADER_LINES]
        if (text := each.strip(" "))
    ][:_HEADER_LINES]
    sent = any(_TIME.fullmatch(text[:_LONGEST_LINE]) for text in after)
    about = any(_SUBJECT.fullmatch(text[:_LONGEST_LINE]) for text in after)
    to = any(_RECIPIENT.fullmatch(text[:_LONGEST_LINE]) for text in after)
    return sent or (about and to)
