"""What each block of a script prompt does to a real work tree, seen through the client."""

from pathlib import Path

import pytest

from runs.execution.agents.errors import AgentFailed
from runs.execution.agents.output_files import open_output
from runs.execution.agents.script.output import FILE_BYTES
from runs.execution.agents.updates import (
    CommandFinished,
    CommandOutput,
    CommandStarted,
    MessageChunk,
    PlanUpdated,
    ToolFinished,
    ToolStarted,
    UsageUpdated,
)
from tests.processes import is_over
from tests.runs.agents.driver import Place, block

pytestmark = pytest.mark.plumbing


async def failure(place: Place, prompt: str) -> str:
    with pytest.raises(AgentFailed) as caught:
        await place.do(prompt)
    return caught.value.reason


async def test_a_paragraph_is_said(place: Place) -> None:
    driven = await place.do("Hello *there*.\n\nAnd again.")
    assert [message.text for message in driven.of(MessageChunk)] == ["Hello *there*.", "And again."]


async def test_a_file_is_written_with_its_parents(place: Place) -> None:
    await place.do(block("file docs/my notes.txt", "hello\n"))
    assert (place.work_tree / "docs/my notes.txt").read_text() == "hello\n"


async def test_a_written_file_is_told_with_its_path(place: Place) -> None:
    driven = await place.do(block("file a.txt", "hello\n"))
    path = str(place.work_tree / "a.txt")
    assert [(tool.kind, tool.paths) for tool in driven.of(ToolStarted)] == [("edit", (path,))]


async def test_writing_keeps_the_mode_of_a_file(place: Place) -> None:
    (place.work_tree / "run").touch(mode=0o755)
    await place.do(block("file run", "hello\n"))
    assert (place.work_tree / "run").stat().st_mode & 0o777 == 0o755


async def test_what_a_command_puts_out_beyond_its_file_is_counted(place: Place) -> None:
    driven = await place.do(block("sh", f"head -c {FILE_BYTES + 1000} /dev/zero\necho short >&2\n"))
    assert [finished.left_out_bytes for finished in driven.of(CommandFinished)] == [{"stdout": 1000}]


async def test_append_adds_to_a_file(place: Place) -> None:
    await place.do(block("append a.txt", "one\n") + block("append a.txt", "two\n"))
    assert (place.work_tree / "a.txt").read_text() == "one\ntwo\n"


async def test_delete_removes_a_file(place: Place) -> None:
    (place.work_tree / "a.txt").touch()
    driven = await place.do(block("delete a.txt"))
    assert not (place.work_tree / "a.txt").exists()
    assert driven.of(ToolFinished)[0].kind == "delete"


async def test_delete_removes_a_link_and_not_its_target(place: Place, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").touch()
    (place.work_tree / "link").symlink_to(tmp_path / "outside.txt")
    await place.do(block("delete link"))
    assert not (place.work_tree / "link").is_symlink()
    assert (tmp_path / "outside.txt").exists()


async def test_a_patch_changes_adds_and_removes_files(place: Place) -> None:
    (place.work_tree / "old.txt").write_text("one\ntwo\n")
    (place.work_tree / "gone.txt").write_text("x\n")
    await place.do(
        block(
            "patch",
            "--- a/old.txt\n+++ b/old.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n"
            "--- /dev/null\n+++ b/new/file.txt\n@@ -0,0 +1 @@\n+new\n"
            "--- a/gone.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n",
        )
    )
    assert (place.work_tree / "old.txt").read_text() == "one\nthree\n"
    assert (place.work_tree / "new/file.txt").read_text() == "new\n"
    assert not (place.work_tree / "gone.txt").exists()


async def test_a_patch_that_does_not_fit_changes_nothing(place: Place) -> None:
    (place.work_tree / "a.txt").write_text("one\n")
    (place.work_tree / "b.txt").write_text("other\n")
    hunk = "@@ -1 +1 @@\n-one\n+two\n"
    patch = f"--- a/a.txt\n+++ b/a.txt\n{hunk}--- a/b.txt\n+++ b/b.txt\n{hunk}"
    assert "does not fit" in await failure(place, block("patch", patch))
    assert (place.work_tree / "a.txt").read_text() == "one\n"


async def test_a_command_runs_in_the_work_tree(place: Place) -> None:
    driven = await place.do(block("sh", "pwd\n"))
    assert driven.of(CommandStarted)[0].command == "pwd"
    assert driven.of(CommandFinished)[0].stdout == f"{place.work_tree}\n"


async def test_a_command_keeps_its_streams_apart(place: Place) -> None:
    finished = (await place.do(block("sh", "echo out; echo err >&2\n"))).of(CommandFinished)[0]
    assert (finished.stdout, finished.stderr, finished.exit_code) == ("out\n", "err\n", 0)


async def test_live_output_adds_up_to_the_whole(place: Place) -> None:
    driven = await place.do(block("sh", "for i in 1 2 3; do echo $i; sleep 0.15; done\n"))
    assert "".join(part.text for part in driven.of(CommandOutput)) == "1\n2\n3\n"
    assert len(driven.of(CommandOutput)) > 1


async def test_a_character_split_between_two_writes_stays_whole(place: Place) -> None:
    driven = await place.do(block("sh", r"printf '\303'; sleep 0.3; printf '\244'" + "\n"))
    assert "".join(part.text for part in driven.of(CommandOutput)) == "ä"


async def test_much_output_is_shortened_but_whole_in_its_file(place: Place) -> None:
    driven = await place.do(block("sh", "head -c 3000000 /dev/zero | tr '\\0' x\n"))
    finished = driven.of(CommandFinished)[0]
    assert "[2934464 bytes left out]" in finished.stdout
    assert finished.stdout_file is not None
    with open_output(place.home, finished.stdout_file) as file:
        assert len(file.read()) == 3_000_000


async def test_much_output_is_told_live_at_a_bounded_rate(place: Place) -> None:
    driven = await place.do(block("sh", "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done\n"))
    assert len(driven.of(CommandOutput)) < 100


async def test_a_script_longer_than_an_argument_may_be_runs(place: Place) -> None:
    driven = await place.do(block("sh", "# " + "x" * 200_000 + "\necho done\n"))
    assert driven.of(CommandFinished)[0].stdout == "done\n"


async def test_a_failing_command_fails_the_run_with_its_place(place: Place) -> None:
    reason = await failure(place, "Hello.\n\n" + block("file a") + block("sh", "exit 3\n") + block("file b"))
    assert reason == "step 2 (sh, line 6): exit code 3"
    assert not (place.work_tree / "b").exists()


async def test_the_shell_stops_at_the_first_error(place: Place) -> None:
    await failure(place, block("sh", "false\ntouch here\n"))
    assert not (place.work_tree / "here").exists()


async def test_an_unset_variable_is_an_error(place: Place) -> None:
    assert "exit code 2" in await failure(place, block("sh", "echo $UNSET\n"))


async def test_allow_fail_goes_on(place: Place) -> None:
    driven = await place.do(block("sh allow-fail", "exit 3\n") + block("file b"))
    assert (driven.of(CommandFinished)[0].exit_code, driven.of(CommandFinished)[0].status) == (3, "failed")
    assert (place.work_tree / "b").exists()


async def test_a_timeout_ends_the_command(place: Place) -> None:
    assert "timed out after 0.2 s" in await failure(place, block("sh timeout=0.2", "sleep 1000\n"))


async def test_a_killed_shell_is_told_by_its_signal(place: Place) -> None:
    assert "killed by signal 9" in await failure(place, block("sh", "kill -9 $$\n"))


async def test_a_background_process_ends_with_its_block(place: Place) -> None:
    driven = await place.do(block("sh", "sleep 1000 & echo $!\n"))
    pid = int(driven.of(CommandFinished)[0].stdout)
    assert is_over(pid)


async def test_a_process_that_left_the_group_does_not_hold_the_run(place: Place) -> None:
    driven = await place.do(
        block("sh", "setsid sh -c 'echo $$ > pid; exec sleep 5' &\nwhile [ ! -s pid ]; do :; done\n")
    )
    assert driven.of(CommandFinished)[0].exit_code == 0


async def test_commands_do_not_read_the_protocol(place: Place) -> None:
    assert (await place.do(block("sh", "cat; echo end\n"))).of(CommandFinished)[0].stdout == "end\n"


async def test_sleep_waits(place: Place) -> None:
    driven = await place.do(block("sleep 0.1") + "Done.")
    assert [message.text for message in driven.of(MessageChunk)] == ["Done."]


async def test_a_plan_completes_as_the_blocks_do(place: Place) -> None:
    driven = await place.do(block("plan", "one\ntwo\n") + "Text.\n\n" + block("file a") + block("file b"))
    statuses = [tuple(entry.status for entry in plan.entries) for plan in driven.of(PlanUpdated)]
    assert statuses == [("in_progress", "pending"), ("completed", "in_progress"), ("completed", "completed")]


async def test_usage_is_nothing(place: Place) -> None:
    assert (await place.do("Hello.")).of(UsageUpdated) == [UsageUpdated(0, 0, None, None)]


async def test_a_wrong_option_fails_before_the_first_step(place: Place) -> None:
    reason = await failure(place, block("file a") + block("sh fast", "true\n"))
    assert reason == "line 4: sh has no option 'fast'; it has timeout=SECONDS and allow-fail"
    assert not (place.work_tree / "a").exists()


@pytest.mark.parametrize("word", ["file", "append", "delete"])
@pytest.mark.parametrize(
    "path", ["../outside.txt", "a/../../outside.txt", "/etc/hostname", "link", "folder/x", ".", "a/.."]
)
async def test_a_path_that_leaves_the_work_tree_is_refused(place: Place, tmp_path: Path, word: str, path: str) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("kept")
    (place.work_tree / "folder").symlink_to(tmp_path)
    if word != "delete":
        (place.work_tree / "link").symlink_to(outside)
    else:
        (place.work_tree / "link").symlink_to("/")
        path = path.replace("link", "link/etc/hostname")
    assert "step 1" in await failure(place, block(f"{word} {path}", "x\n"))
    assert outside.read_text() == "kept"


async def test_a_patch_that_leaves_the_work_tree_is_refused(place: Place, tmp_path: Path) -> None:
    reason = await failure(place, block("patch", "--- /dev/null\n+++ b/../outside.txt\n@@ -0,0 +1 @@\n+x\n"))
    assert "'../outside.txt' leaves the work tree" in reason
    assert not (tmp_path / "outside.txt").exists()


async def test_an_absolute_path_inside_the_work_tree_is_fine(place: Place) -> None:
    await place.do(block(f"file {place.work_tree}/a.txt", "x\n"))
    assert (place.work_tree / "a.txt").exists()


async def test_a_link_inside_the_work_tree_is_followed(place: Place) -> None:
    (place.work_tree / "real.txt").touch()
    (place.work_tree / "link.txt").symlink_to("real.txt")
    await place.do(block("file link.txt", "x\n"))
    assert (place.work_tree / "real.txt").read_text() == "x\n"


async def test_a_pipe_is_no_file_and_does_not_hang(place: Place) -> None:
    assert "no regular file" in await failure(place, block("sh", "mkfifo p\n") + block("append p", "x\n"))


async def test_deleting_what_is_not_there_fails(place: Place) -> None:
    assert await failure(place, block("delete nothing")) == "step 1 (delete, line 1): 'nothing' does not exist"


async def test_deleting_a_folder_fails(place: Place) -> None:
    (place.work_tree / "d").mkdir()
    assert "is a directory" in await failure(place, block("delete d"))
