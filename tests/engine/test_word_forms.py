"""The words of texts and questions: folded alike, whatever the script and the spelling."""

# ruff: noqa: RUF001 - the letters of many scripts

from __future__ import annotations

import pytest
from databases import fresh
from store_bench import Bench

from assistants_client.engine import Engine, Scripted
from assistants_client.engine.search.text_ranking import terms
from assistants_client.engine.search.word_forms import folded_words, indexed_words
from assistants_client.engine.search.word_stems import stem

#: Texts, and questions that find them.
FOUND = [
    ("The deﬁnition of eﬃcient workﬂow.", "definition"),
    ("Η Ελλάδα", "ΕΛΛΑΔΑ"),
    ("ὁ τῷ λόγῳ", "ο τω λογω"),
    ("Ёлка стоит", "елка"),
    ("שָׁלוֹם עולם", "שלום"),
    ("הספרים החדשים", "ספר"),
    ("مُحَمَّدٌ والكتاب", "محمد كتاب"),
    ("می‌خواهم ۱۲۳", "میخواهم 123"),
    ("ＡＢＣ１２３ ｶﾞｲﾄﾞ", "abc123 ガイド"),
    ("x² and H₂O", "H2O x2"),
    ("Straße und Œuvre, Łódź", "STRASSE oeuvre lodz"),
    ("Café, cafe\u0301 à la crème", "cafe creme"),
    ("Donau\u00addampf\u00adschiff", "Donaudampfschiff"),
    ("zero\u200bwidth, word\u2060joiner, bom\ufeffinside", "zerowidth wordjoiner bominside"),
    ("This is an exam-\nple of it", "example"),
    ("an exam\u2010\r\n  ple", "example"),
    ("Dampf\u00ad\nSchiff", "DampfSchiff"),
    ("학교에서 물은 차다", "학교를 물을"),
    ("नदियों में किताबें", "नदी किताब"),
    ("हिन्दी भाषा", "हिंदी"),
    ("தமிழ் மொழி", "தமிழ்"),
    ("ภาษาไทยง่าย", "ภาษาไทย"),
    ("猫が好き", "猫は"),
    ("relational databases are flying", "relate database fly"),
]


@pytest.mark.parametrize(("text", "question"), FOUND)
def test_each_word_of_the_question_is_in_the_text(text: str, question: str) -> None:
    """However the one or the other is spelled."""
    held = set(indexed_words(text))

    for word in question.split():
        assert held & {*terms(word)}, (word, held)


def test_both_databases_find_the_same() -> None:
    """Each text by its question, and no other text."""
    with Engine(fresh("sqlite://"), Scripted([])) as engine:
        bench = Bench(engine)
        files = {f"n{number}_txt": text for number, (text, _) in enumerate(FOUND[:15])}
        store = bench.store(**files).id
        for number, (_, question) in enumerate(FOUND[:15]):
            assert bench.found(store, question)[0] == f"n{number}.txt"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("snake_case, e-mail: a.b", ["snake", "case", "e", "mail", "a", "b"]),
        ("well-\nknown Smith-\nJones", ["well", "known", "smith", "jone", "wellknown"]),
        ("कल काल काम कम", ["कल", "काल", "काम", "कम"]),
        ("東京 tower", ["東", "京", "東京", "tower"]),
        ("мой мои", ["мой", "мои"]),
        ("a" * 100, ["a" * 64]),
        ("\u0301\u200b-\n-\n", []),
    ],
)
def test_what_is_indexed(text: str, words: list[str]) -> None:
    """Signs part words, marks that are vowels stay, and broken words are there in both ways."""
    assert indexed_words(text) == words


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        *[("caresses", "caress"), ("ponies", "poni"), ("cats", "cat"), ("feed", "feed")],
        *[("agreed", "agre"), ("plastered", "plaster"), ("motoring", "motor"), ("sing", "sing")],
        *[("conflated", "conflat"), ("hopping", "hop"), ("falling", "fall"), ("filing", "file")],
        *[("happy", "happi"), ("sky", "sky"), ("relational", "relat"), ("triplicate", "triplic")],
        *[("hopefulness", "hope"), ("adjustment", "adjust"), ("adoption", "adopt")],
        *[("probate", "probat"), ("rate", "rate"), ("controlling", "control"), ("is", "is")],
        *[("электрический", "электрическ"), ("книгами", "книг"), ("занимаются", "заним")],
        *[("θαλασσων", "θαλασσ"), ("θαλασσασ", "θαλασσ")],
    ],
)
def test_stems(word: str, expected: str) -> None:
    """By Porter's rules for English; of other scripts endings are taken off."""
    assert stem(word) == expected


def test_stop_words_are_asked_for_where_there_are_no_others() -> None:
    """And no word of a question is asked for twice."""
    assert terms("What is the tide, and when are tides?") == ["tide"]
    assert terms("what is it") == ["what", "is", "it"]


def test_no_text_takes_long() -> None:
    """Breaks, marks and letters of all kinds: in time by the square it would never end."""
    for piece in ("-\n", "a-\n", "\u00ad\n", "é", "\u0301", "한", "y", "न्", "a\u00ad"):
        assert len(folded_words(piece * 100_000)) <= 100_000
        assert len(indexed_words(piece * 100_000)) <= 300_000
