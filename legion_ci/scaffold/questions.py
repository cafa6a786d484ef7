"""What a new repository must be told, by flags or in a conversation; everything wrong is said at once."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from legion_ci.core.errors import ConfigurationError, Problem
from legion_ci.settings.schema import ModelSettings

Ask = Callable[[str, str], str]
NAME_RULE = "1 to 63 small letters, digits and dashes, the first a letter, the last no dash"
_COLUMNS = (
    "alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids",
    "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "proline",
)  # fmt: skip


@dataclass(frozen=True)
class Question:
    """key: of the answer. problem: what is wrong with an answer and what to do about it, None when nothing is."""

    key: str
    text: str
    default: str
    problem: Callable[[str], Problem | None]


def _choice(key: str, *known: str) -> Callable[[str], Problem | None]:
    def problem(answer: str) -> Problem | None:
        return (
            None if answer in known else Problem(f"{answer!r} is none of {', '.join(known)}", key, "choose one of them")
        )

    return problem


def name_problem(name: str) -> Problem | None:
    """Why a model cannot have that name, with one that it could have."""
    try:
        ModelSettings(name=name)
    except ValidationError:
        near = re.sub(r"[^a-z0-9]+", "-", name.lower()).lstrip("-0123456789")[:63].rstrip("-")
        return Problem(
            f"{name!r} is not a model's name ({NAME_RULE})", "--name", f"try {near}" if near else "give another"
        )
    return None


def _target_problem(target: str) -> Problem | None:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", target) or keyword.iskeyword(target):
        return Problem(f"{target!r} is not a column's name here", "target", "use letters, digits and underscores")
    if target in _COLUMNS:
        return Problem(f"{target!r} is one of the wine data's features", "target", "choose another name")
    return None


NAME = Question("name", "The model's name", "", name_problem)
QUESTIONS = (
    Question("use", "How the data is kept (parquet, csv)", "parquet", _choice("use", "parquet", "csv")),
    Question("target", "The column that the model predicts", "cultivar", _target_problem),
    Question("locustfile", "A locustfile of your own (yes, no)", "no", _choice("locustfile", "yes", "no")),
)


def answered(name: str, answers: Mapping[str, str], ask: Ask | None) -> dict[str, str]:
    """All answers: given, else asked for (``ask``), else the defaults. Raises ConfigurationError with all problems."""
    known = {q.key for q in QUESTIONS}
    strange = [
        Problem("there is no such question", k, f"known are {', '.join(sorted(known))}")
        for k in answers
        if k not in known
    ]
    told = {"name": _conversation(NAME, name, ask) if ask else name}
    for question in QUESTIONS:
        if question.key in answers:
            told[question.key] = answers[question.key]
        else:
            told[question.key] = _conversation(question, question.default, ask) if ask else question.default
    wrong = [p for q in (NAME, *QUESTIONS) if (p := q.problem(told[q.key]))]
    if strange or wrong:
        raise ConfigurationError([*strange, *wrong])
    return told


def _conversation(question: Question, default: str, ask: Ask) -> str:
    """Ask until the answer makes sense; an empty one is the default."""
    remark = ""
    while True:
        answer = ask(f"{remark}{question.text}", default).strip() or default
        problem = question.problem(answer)
        if problem is None:
            return answer
        remark = f"  {problem.what}\n"


def prompt(text: str, default: str) -> str:
    """Ask on the terminal; ConfigurationError when nobody answers."""
    try:
        return input(f"{text} [{default}]: " if default else f"{text}: ")
    except EOFError:
        raise ConfigurationError(
            "nobody answers the questions", where="init", todo="give the answers as flags instead"
        ) from None
