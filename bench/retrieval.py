"""Measures what searches of the code index find, beside a count of keywords and plain FTS5; goals are printed.

`.venv/bin/python bench/retrieval.py REPOSITORY… [--commits N]`, from any folder: paths of repositories with history.
The newest commits are the questions: each one's subject is searched in an index of the state before all of them, and
the files that it changed are the answers.
"""

import argparse
import math
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.repositories import GIT, FreshAnalyses, as_the_server_keeps_it, git
from projects.git.repository import Repository
from projects.indexing.building import build_index
from projects.indexing.contents import read_contents
from projects.indexing.parser_pool import Parsers
from projects.indexing.query_terms import is_stop_word
from projects.indexing.reading import IndexReader

MOST_FILES, LEAST_WORDS = 20, 3
SHOWN = 10
GREP_GOAL, FTS_GOAL, RECALL_GOAL, TIME_GOAL = 2.7, 1.5, 0.65, 0.2
Method = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class Question:
    """What a commit said, and which files of the state before it it changed."""

    text: str
    answers: frozenset[str]


@dataclass
class Score:
    """How well and how fast a method answers: one number a question."""

    reciprocal_ranks: list[float]
    recalls: list[float]
    milliseconds: list[float]

    @property
    def mrr(self) -> float:
        return statistics.fmean(self.reciprocal_ranks)

    @property
    def recall(self) -> float:
        return statistics.fmean(self.recalls)

    @property
    def p95(self) -> float:
        return sorted(self.milliseconds)[math.ceil(0.95 * len(self.milliseconds)) - 1]


def main() -> None:
    """Measures each repository, then prints the means."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("repositories", nargs="+", type=Path, help="paths of repositories with history")
    parser.add_argument("--commits", type=int, default=120, help="questions of each (default: %(default)s)")
    arguments = parser.parse_args()
    recalls = []
    for path in arguments.repositories:
        with tempfile.TemporaryDirectory() as folder:
            recalls.append(measure(as_the_server_keeps_it(path, Path(folder)), Path(folder), arguments.commits))
    mean = statistics.fmean(recalls)
    print(f"recall@{SHOWN}, mean of {len(recalls)} repositories: {mean:.3f}  {_goal(RECALL_GOAL, mean >= RECALL_GOAL)}")


def measure(repository: Repository, folder: Path, commits: int) -> float:
    """One repository; its recall."""
    base, later = _split(repository, commits)
    target = folder / "index.sqlite"
    with Parsers() as parsers:
        built = build_index(repository, base, target, analyses=FreshAnalyses(parsers))
    with IndexReader(target) as index, closing(_plain_index(repository, index)) as plain:
        known = frozenset(file.path for file in index.files())
        questions = [each for each in (_question(repository, sha, known) for sha in later) if each][:commits]
        print(f"{repository.path.stem}: {built.files} files, {built.chunks} chunks, {len(questions)} questions")
        found = ask(questions, lambda text: [file.path for file in index.search(text, limit=50)])
        counted = ask(questions, lambda text: _grep(repository, base, text, known))
        raw = ask(questions, lambda text: _plain_search(plain, text))
    for name, score in (("index", found), ("keyword count", counted), ("plain FTS5", raw)):
        print(f"  {name:14} MRR {score.mrr:.3f}  recall@{SHOWN} {score.recall:.3f}  p95 {score.p95:7.1f} ms")
    _compare("MRR / keyword count", found.mrr / counted.mrr, GREP_GOAL, at_least=True)
    _compare("MRR / plain FTS5", found.mrr / raw.mrr, FTS_GOAL, at_least=True)
    one_pass = statistics.fmean(counted.milliseconds)
    _compare("p95 / one pass of grep", found.p95 / one_pass, TIME_GOAL, at_least=False)
    return found.recall


def ask(questions: Iterable[Question], method: Method) -> Score:
    """Asks every question once."""
    score = Score([], [], [])
    for question in questions:
        begin = time.perf_counter()
        paths = method(question.text)
        score.milliseconds.append(1000 * (time.perf_counter() - begin))
        ranks = [rank for rank, path in enumerate(paths, 1) if path in question.answers]
        score.reciprocal_ranks.append(1 / ranks[0] if ranks else 0)
        score.recalls.append(sum(rank <= SHOWN for rank in ranks) / len(question.answers))
    return score


def _split(repository: Repository, commits: int) -> tuple[str, list[str]]:
    """The commit before the newest ones, and those: more than are asked for, as not each is a question."""
    shas = git("rev-list", "--no-merges", "HEAD", cwd=repository.path).split()
    usable, at = 0, 0
    while usable < 1.2 * commits and at < min(len(shas) - 1, 10 * commits):
        names = git("show", "--format=", "--name-only", "-z", shas[at], cwd=repository.path)
        usable += 1 <= names.count("\0") <= MOST_FILES
        at += 1
    return shas[at], shas[:at]


def _question(repository: Repository, sha: str, known: frozenset[str]) -> Question | None:
    said = git("show", "--no-renames", "--format=%s%x00", "--name-only", "-z", sha, cwd=repository.path)
    subject, *paths = [each.strip("\n") for each in said.split("\0")]
    changed = [path for path in paths if path]
    answers = known.intersection(changed)
    if not answers or len(changed) > MOST_FILES or len(subject.split()) < LEAST_WORDS:
        return None
    return Question(subject, answers)


def _keywords(text: str) -> list[str]:
    return [word for word in dict.fromkeys(re.findall(r"\w{3,}", text.lower())) if not is_stop_word(word)]


def _grep(repository: Repository, commit: str, text: str, known: frozenset[str]) -> list[str]:
    """The files with the most lines that have a keyword."""
    words = [argument for word in _keywords(text) for argument in ("-e", word)]
    if not words:
        return []
    command = ["git", "-c", "safe.directory=*", "grep", "-I", "-i", "-c", "-z", "-F", *words, commit]
    said = subprocess.run(command, cwd=repository.path, env=GIT, capture_output=True, check=False).stdout
    counts = []
    for line in said.decode("utf-8", "replace").splitlines():
        name, _, count = line.rpartition("\0")
        path = name.removeprefix(f"{commit}:")
        if path in known and count.isdigit():
            counts.append((-int(count), path))
    return [path for _, path in sorted(counts)]


def _plain_index(repository: Repository, index: IndexReader) -> sqlite3.Connection:
    """FTS5 as it comes: the files' texts, whole."""
    plain = sqlite3.connect(":memory:")
    plain.execute("CREATE VIRTUAL TABLE texts USING fts5(path UNINDEXED, body)")
    files = index.files()
    contents = read_contents(repository, [file.blob for file in files])
    rows = ((file.path, content.decode("utf-8", "replace")) for file, content in zip(files, contents, strict=True))
    plain.executemany("INSERT INTO texts VALUES(?, ?)", rows)
    return plain


def _plain_search(plain: sqlite3.Connection, text: str) -> list[str]:
    expression = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", text))
    query = "SELECT path FROM texts WHERE texts MATCH ? ORDER BY rank LIMIT 50"
    return [path for (path,) in plain.execute(query, (expression,))] if expression else []


def _compare(name: str, ratio: float, goal: float, *, at_least: bool) -> None:
    is_met = ratio >= goal if at_least else ratio <= goal
    print(f"  {name:24} {ratio:6.2f}  {_goal(goal, is_met)}")


def _goal(goal: float, is_met: bool) -> str:
    return f"(goal {goal:g}{'' if is_met else ', MISSED'})"


if __name__ == "__main__":
    main()
