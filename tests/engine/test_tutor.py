"""The offline tutor: what it reads, the programs it writes, and what it answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from thorough import amount

from assistants_client.engine.code_interpreter import MontyInterpreter
from assistants_client.engine.language_models.base import (
    CODE_INTERPRETER,
    Conversation,
    Delta,
    Finish,
    FunctionSpec,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
    Turn,
)
from assistants_client.engine.language_models.tutor.algebra import (
    InexactError,
    MathError,
    approximate,
    exact,
)
from assistants_client.engine.language_models.tutor.equations import (
    Arithmetic,
    Equation,
    find_problem,
)
from assistants_client.engine.language_models.tutor.lessons import program
from assistants_client.engine.language_models.tutor.tutor import HELP, Tutor

QUESTION = "I need to solve the equation `3x + 11 = 14`. Can you help me?"
JANE = "Please address the user as Jane Doe. The user has a premium account."


@pytest.fixture(scope="module")
def interpreter() -> Iterator[MontyInterpreter]:
    """One interpreter for all tests."""
    made = MontyInterpreter()
    yield made
    made.close()


def conversation(*turns: Turn, tools: bool = True, **more: Any) -> Conversation:
    """These turns, with a foreign function and perhaps the interpreter on offer."""
    functions = [FunctionSpec(name="weather")]
    if tools:
        functions.append(FunctionSpec(name=CODE_INTERPRETER))
    return Conversation(model="any", turns=turns, functions=functions, **more)


def respond(asked: Conversation) -> list[Delta]:
    """The whole answer."""
    return list(Tutor().respond(asked))


def said(deltas: list[Delta]) -> str:
    """The answer's text."""
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


def say(text: str, **more: Any) -> str:
    """What is said to one question when there is no interpreter."""
    return said(respond(conversation(Turn(role="user", text=text), tools=False, **more)))


def after_the_call(text: str, printed: str, **more: Any) -> list[Delta]:
    """The answer when the interpreter has printed this."""
    call = ToolCall(id="call_1", name=CODE_INTERPRETER, arguments="{}")
    return respond(
        conversation(
            Turn(role="user", text=text),
            Turn(role="assistant", tool_calls=[call]),
            Turn(role="tool", text=printed, tool_call_id="call_1"),
            **more,
        )
    )


def solution(equation: Equation) -> Fraction | str:
    """What fractions give for the equation."""
    slope = equation.left.slope - equation.right.slope
    constant = equation.right.constant - equation.left.constant
    if slope:
        return constant / slope
    return "no solution" if constant else "infinitely many solutions"


def one_of_each(text: str) -> Fraction | str | float:
    """The value of the arithmetic, or the solution of the equation, in the text."""
    problem = find_problem(text)
    if isinstance(problem, Equation):
        return solution(problem)
    assert isinstance(problem, Arithmetic)
    try:
        return exact(problem.tree)
    except InexactError:
        return approximate(problem.tree)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What is 12 * (3 + 4)?", 84),
        ("What's (1+2)*3?", 9),
        ("15% of 80", 12),
        ("a 15 percent of 80", 12),
        ("2^10", 1024),
        ("2**10 please", 1024),
        ("2 to the power of 10", 1024),
        ("2^3^2", 512),
        ("0 - 2^2", -4),
        ("5²+1", 26),
        ("12 squared", 144),
        ("the square root of 144", 12),
        ("√144 + 1", 13),
        ("square root of 2", 2**0.5),
        ("9^0.5", 3.0),
        ("What is 3 x 4?", 12),
        ("7 × 8 ÷ 2 − 1", 27),  # noqa: RUF001
        ("2 plus 2", 4),
        ("2 + 2 = ?", 4),
        ("1/3 + 1/6", Fraction(1, 2)),
        ("1,000.5 * 2", 2001),
        ("2(3)(4)", 24),
        ("5 - -3", 8),
        ("0.1 + 0.2", Fraction(3, 10)),
        ("Compute (2+3).", 5),
        ("1^10^9", 1),
        ("10-3-2", 5),
        ("What is 500-250?", 250),
        ("2026 - 11 - 22", 1993),
        ("On 2026-11-22 I was asked for 3x = 6", 2),
        ("3x=6. I do not get 3x = 6", 2),
        (QUESTION, 1),
        ("Solve for x 3x + 1 = 4", 1),
        ('Solve: "3x=6".', 2),
        ("see 3x = 6, please", 2),
        ("(3x = 6)", 2),
        ("(it says 3x = 6)", 2),
        ("2 x = 4 I think", 2),
        ("x = 3.", 3),
        ("5 = x", 5),
        ("x^1 + 1 = 3", 2),
        ("2(x+1) - 3(2-x) = x/2", Fraction(8, 9)),
        ("3(t−2)/4 = 1.5", 4),  # noqa: RUF001
        ("0.1Y = 1,000.5", 10005),
        ("x/3 = 2/5", Fraction(6, 5)),
        ("3·x = 2x + 1", 1),
        ("10% of x = 5", 50),
        ("$3x = 6$", 2),
        ("0*x = 0", "infinitely many solutions"),
        ("2(x+1) = 2x + 2", "infinitely many solutions"),
        ("2(x+1) = 2x + 3", "no solution"),
    ],
)
def test_reading(text: str, expected: object) -> None:
    """Mathematics is found in sentences and understood as people write it."""
    assert one_of_each(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "thanks",
        "I am 5",
        "= = =",
        "vitamin B-12",
        "(" * 5000,
        "simplify 3x + 2x",
        "a = b",
        "on 2026-11-22 we",
        "on 22-11-2026, or 11/22/2026",
        "call 555-1234",
        "call +1-800-555-1234 (or 555-123-4567)",
        "from 2019–2020",  # noqa: RUF001
        "٣+4",
    ],
)
def test_nothing_to_read(text: str) -> None:
    """Text without a problem is none."""
    assert find_problem(text) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("3x = ", "not a whole equation"),
        ("x = 1 = 2", "not a whole equation"),
        ("3x + 11 = 14 and 2y = 4", "one at a time"),
        ("3x = 6\nx^2 = 4", "one at a time"),
        ("3x^2 = 4", "not linear"),
        ("3x * x = 4", "not linear"),
        ("1/x = 2", "not linear"),
        ("2^x = 8", "not linear"),
        ("sqrt(x) = 2", "not linear"),
        ("x + y = 2", "more than one unknown (x, y)"),
        ("2xy = 6", "more than one unknown (x, y)"),
        ("x/0 = 2", "divides by zero"),
        ("sqrt(2) x = 2", "not a fraction"),
        ("Is 2+2=5?", "not true"),
        ("Is 2+2=4?", "is true"),
        ("3 4 + 5", "from “4” on"),
        ("2 * (3 + 4", "parenthesis is missing"),
        ("2 * / 3", "cannot read"),
        ("5 + 3 *", "missing"),
        ("log 2x = 4", "cannot read “log”"),
        ("1" + "+1" * 1900, "too long"),
        ("1+" * 5000, "only a part"),
        ("(" * 50 + "1 + 1" + ")" * 50, "too deeply"),
        ("sqrt " * 60 + "16", "too deeply"),
        ("9" * 300 + " + 1", "too large"),
        ("2,5x = 5", "only a part"),
        (r"\frac{1}{2}x = 3", "only a part"),
        ("٣x = 4", "only a part"),
        ("2x <= 5", "only a part"),
        ("5! + 3 * 2", "only a part"),
        ("x" * 3990 + " 3x = 15555555", "only a part"),
    ],
)
def test_refused(text: str, told: str) -> None:
    """What cannot be worked out as a whole is refused with the reason, never half answered."""
    with pytest.raises(MathError, match=re.escape(told)):
        find_problem(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1/0", "divides by zero"),
        ("0^-1", "divides by zero"),
        ("10^10^10", "too large"),
        ("2^0.5 * 10^400", "too large"),
        ("sqrt(-4)", "negative"),
        ("(-8)^(1/3)", "no real result"),
        ("2^0.5 / (2^0.5 - 2^0.5)", "divides by zero"),
        ("(0 - 2^0.5)^0.5", "no real result"),
        ("2^0.5 + (-8)^(1/3)", "no real result"),
        ("sqrt(1 - 2^0.5)", "no real result"),
    ],
)
def test_without_result(text: str, told: str) -> None:
    """Arithmetic without a result is answered politely, with and without the interpreter."""
    assert told in say(text)
    assert told in said(respond(conversation(Turn(role="user", text=text))))


number = st.builds(Fraction, st.integers(-99, 99), st.integers(1, 12))
equations = st.tuples(number, number, number, number, st.sampled_from("xyzabt"))


@given(equations)
def test_program_solves_equations(
    interpreter: MontyInterpreter, parts: tuple[Fraction, Fraction, Fraction, Fraction, str]
) -> None:
    """The program, run in the sandbox, prints the solution that fractions give."""
    a, b, c, d, unknown = parts
    problem = find_problem(f"Solve ({a}){unknown} + ({b}) = ({c}) * {unknown} + ({d})!")
    assert isinstance(problem, Equation)
    if a != c:
        expected = f"{unknown} = {(d - b) / (a - c)}"
    else:
        expected = "no solution" if b != d else "infinitely many solutions"
    result = interpreter.run(program(problem))
    assert not result.failed
    assert result.logs.splitlines()[0] == expected


expressions = st.recursive(
    st.one_of(st.integers(0, 99).map(str), st.sampled_from(["0.5", "1.25", "15%", "sqrt 9"])),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("{} * {}".format, inner, inner),
        st.builds("(-{})".format, inner),
        st.builds("({})^{}".format, inner, st.integers(-3, 3)),
    ),
    max_leaves=6,
)


@given(expressions)
def test_program_computes_arithmetic(interpreter: MontyInterpreter, text: str) -> None:
    """The program, run in the sandbox, prints the exact value of the expression."""
    try:
        problem = find_problem(f"What is {text} + 1?")
        assert isinstance(problem, Arithmetic)
        code = program(problem)
    except MathError:
        return
    assert interpreter.run(code).logs.splitlines()[0] == str(exact(problem.tree))


@settings(max_examples=amount(60, 200))
@given(st.text(alphabet="0123456789x+-*/^%=().,` y²√$\nsqrt", max_size=60))
def test_any_text_is_answered(text: str) -> None:
    """Whatever is asked gets an answer in words and a finish."""
    deltas = respond(conversation(Turn(role="user", text=text), tools=False))
    assert said(deltas)
    assert isinstance(deltas[-1], Finish)


def test_calls_the_interpreter() -> None:
    """With the interpreter on offer, the first answer is one call with a program, no text."""
    deltas = respond(conversation(Turn(role="user", text=QUESTION)))
    call, usage, finish = deltas
    assert isinstance(call, ToolCallDelta)
    assert (call.index, call.name) == (0, CODE_INTERPRETER)
    code = json.loads(call.arguments)["code"]
    assert code.startswith("# 3x + 11 = 14\n")
    assert "x = 1" not in code
    assert isinstance(usage, TokenUsage)
    assert usage.prompt_tokens == len(QUESTION.split())
    assert finish == Finish(reason="tool_calls")


@pytest.mark.parametrize("choice", ["none", "function:weather"])
def test_tool_choice_is_kept(choice: str) -> None:
    """Where the call is not allowed, the tutor reckons itself and says so."""
    asked = conversation(Turn(role="user", text=QUESTION), tool_choice=choice)
    text = said(respond(asked))
    assert "x = 1" in text
    assert "no code was executed" in text


@pytest.mark.parametrize("choice", [None, "auto", "required", "function:code_interpreter"])
def test_tool_choice_allows(choice: str | None) -> None:
    """Every choice that allows the interpreter leads to the call."""
    asked = conversation(Turn(role="user", text=QUESTION), tool_choice=choice)
    assert isinstance(respond(asked)[0], ToolCallDelta)


def test_answer_after_the_call() -> None:
    """The worked answer has the name, the steps, the printed result and the check, in pieces."""
    deltas = after_the_call(QUESTION, "x = 1\n", instructions=JANE)
    assert said(deltas) == (
        "Jane Doe, 3x + 11 = 14 is solved like this. Subtract 11 from both sides: 3x = 3. "
        "Divide both sides by 3: x = 1. The code interpreter printed x = 1. Check: with x = 1 the "
        "left side is 14 and the right side is 14, so it is right. "
        "(I am the offline tutor, not a language model.)"
    )
    usage, finish = deltas[-2:]
    assert isinstance(usage, TokenUsage)
    assert usage.completion_tokens == len(said(deltas).split()) == len(deltas) - 2
    assert finish == Finish(reason="stop")


@pytest.mark.parametrize(
    ("text", "printed", "expected"),
    [
        ("3x = 5", "x = 5/3\nabout 1.6666666666666667\n", "x = 5/3 (about 1.666666667)"),
        ("2x = 2x + 1", "no solution\n", "never true, so there is no solution"),
        ("2x = x + x", "infinitely many solutions\n", "infinitely many"),
        ("1/3 + 1/6", "1/2\nabout 0.5\n", "= 1/2, which is about 0.5."),
        ("12 * 7", "84\n", "12 * 7 = 84. The code interpreter computed it."),
        ("square root of 2", "1.4142135623730951\n", "is about 1.4142135623730951."),
        ("5 = 3 - x", "x = -2\n", "Swap the sides: -x + 3 = 5. Subtract 3"),
        (
            "2x - 1 = 3 - (2/3)x",
            "x = 3/2\nabout 1.5\n",
            "Add (2/3)x to both sides: (8/3)x - 1 = 3.",
        ),
        ("x - 0.05 = -0.3", "x = -1/4\nabout -0.25\n", "x = -0.25"),
        ("3x = 6", "x = 5\n", "WRONG"),
    ],
)
def test_explanations(text: str, printed: str, expected: str) -> None:
    """Explanations rest on what the interpreter printed, and a wrong result is called wrong."""
    assert expected in said(after_the_call(text, printed))


@pytest.mark.parametrize(
    "text", [QUESTION, "2x = 2x", "2x = 2x + 1", "12 * 7", "1/3 + 1", "√2 + 1"]
)
@pytest.mark.parametrize(
    "printed", ["Traceback:\nTimeoutError: too slow", "y = 1", "", "12 apples", "9" * 5000]
)
def test_interpreter_error_is_told(text: str, printed: str) -> None:
    """When the interpreter gave no result, the answer says so and invents none."""
    answer = said(after_the_call(text, printed))
    assert answer.startswith("I cannot work that out. The code interpreter")
    assert "= 1" not in answer.replace("y = 1", "")


def test_only_the_last_question_counts() -> None:
    """An earlier question and its result do not answer the present one."""
    call = ToolCall(id="call_1", name=CODE_INTERPRETER, arguments="{}")
    earlier = (
        Turn(role="user", text="2x = 4"),
        Turn(role="assistant", tool_calls=[call]),
        Turn(role="tool", text="x = 2", tool_call_id="call_1"),
        Turn(role="assistant", text="x = 2"),
    )
    assert said(respond(conversation(*earlier, Turn(role="user", text="thanks")))) == HELP
    again = respond(conversation(*earlier, Turn(role="user", text="3x = 9")))
    assert isinstance(again[0], ToolCallDelta)
    assert said(respond(conversation())) == HELP


def test_results_of_other_functions_are_ignored() -> None:
    """Only the interpreter's own result is taken for one."""
    call = ToolCall(id="call_1", name="weather", arguments="{}")
    deltas = respond(
        conversation(
            Turn(role="user", text=QUESTION),
            Turn(role="assistant", tool_calls=[call]),
            Turn(role="tool", text="x = 7", tool_call_id="call_1"),
        )
    )
    assert isinstance(deltas[0], ToolCallDelta)


@pytest.mark.parametrize(
    ("instructions", "name"),
    [
        (JANE, "Jane Doe"),
        ("Call me 'Ada Lovelace' and be brief.", "Ada Lovelace"),
        ("Please address the user as Zoë O’Neill, always.", "Zoë O’Neill"),  # noqa: RUF001
        ("Call them when you are done", ""),
        ("Address the user as " + "A" * 10_000, "A" * 60),
        ("Be kind.", ""),
    ],
)
def test_name(instructions: str, name: str) -> None:
    """The user is addressed by the name that the instructions give."""
    answer = say("hello", instructions=instructions)
    assert answer == (f"{name}, {HELP}" if name else HELP)


def test_help_says_what_it_is() -> None:
    """To anything else the tutor says what it is and how to set a real model."""
    for part in ("not a language model", "ASSISTANTS_MODEL_URL", "ASSISTANTS_MODEL_KEY"):
        assert part in HELP


def test_completion_limit() -> None:
    """The answer stops at the limit of completion tokens and says that it was cut."""
    deltas = respond(
        conversation(Turn(role="user", text="hello"), tools=False, max_completion_tokens=3)
    )
    assert said(deltas).strip() == "I am the"
    assert deltas[-1] == Finish(reason="length")
