from __future__ import annotations

import time

import pytest

from airflow_provider_claude.core.globs import Glob, without_wildcards
from airflow_provider_claude.errors import SourceError


@pytest.mark.parametrize(
    ("pattern", "names", "others"),
    [
        ("*.eml", ["a.eml", "A.EML", ".eml"], ["a.emlx", "d/a.eml", "a.eml/b"]),
        ("*/?.csv.gz", ["d/a.CSV.gz"], ["a.csv.gz", "d/ab.csv.gz", "d/e/a.csv.gz"]),
        ("**", ["a", "d/a", "d/e/a"], []),
        ("d/**", ["d/a", "d/e/a"], ["d", "a", "e/d/a"]),
        ("**/a", ["a", "d/a", "d/e/a"], ["b", "a/b", "d/ba"]),
        ("**/d/*/a", ["d/e/a", "x/d/d/a", "d/d/d/a", "d/x/d/e/a"], ["d/a", "d/e/f/a"]),
        ("**/d/**/a", ["d/a", "x/d/y/z/a"], ["a", "d/b"]),
        ("[ab]*[!c]", ["ad", "bcd"], ["ac", "cd", "a"]),
        ("[]x]", ["]", "x"], ["[]x]"]),
        ("[[]*", ["[x"], ["x["]),
        ("a[b", ["a[b"], ["ab"]),
        ("a.b+(c)|{d,e}", ["a.b+(c)|{d,e}"], ["a.bc"]),
        ("x\ny*", ["x\nyz\n"], ["x"]),
    ],
)
def test_a_glob_matches_what_it_stands_for(pattern: str, names: list[str], others: list[str]) -> None:
    glob = Glob(pattern)
    assert [name for name in names + others if glob.matches(name)] == names


@pytest.mark.parametrize("pattern", ["*a" * 60 + "*b", "**/a/" * 60 + "b", "*[ab]" * 60 + "c", "*?" * 90 + "*b"])
@pytest.mark.parametrize("name", ["a" * 255, "/".join("a" * 500)])
def test_no_number_of_wildcards_makes_a_match_run_away(pattern: str, name: str) -> None:
    began = time.process_time()
    assert not Glob(pattern).matches(name)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("pattern", ["mail/**.eml", "**a/b", "***"])
def test_two_stars_beside_other_characters_are_refused_with_what_to_write(pattern: str) -> None:
    with pytest.raises(SourceError, match=r"write \*\*/\*\.eml"):
        Glob(pattern)


@pytest.mark.parametrize(
    ("path", "folder"), [("/a/b/*.eml", "/a/b"), ("/a/b*/c", "/a"), ("/a/[b]/?", "/a"), ("/a/b", "/a/b")]
)
def test_the_folder_above_the_first_wildcard(path: str, folder: str) -> None:
    assert without_wildcards(path) == folder


@pytest.mark.parametrize(
    ("pattern", "into", "past"),
    [
        ("*.eml", [], ["a", "a.eml"]),
        ("a*/*.eml", ["a", "ab"], ["b", "a/b"]),
        ("a/**", ["a", "a/b"], ["b"]),
        ("**/a", ["b", "b/c"], []),
        ("a/*/c/**/d.eml", ["a", "a/b", "a/b/c", "a/b/c/x"], ["b", "a/b/d"]),
    ],
)
def test_a_glob_leads_into_those_folders_alone_in_which_something_may_match(
    pattern: str, into: list[str], past: list[str]
) -> None:
    assert [folder for folder in into + past if Glob(pattern).leads_into(folder)] == into


def test_a_bracket_that_shells_read_in_two_ways_is_refused() -> None:
    with pytest.raises(SourceError, match=r"write \[!…\]"):
        Glob("[^a]*.eml")
