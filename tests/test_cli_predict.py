"""``foretrace predict``: every target, mode and form of output, and each obstacle as one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cwm_model.predicting import targets
from cwm_model.tokenizer import small
from tests.asked import CODE, PROMPT, TRUTH, stream
from tests.command import Answer, foretrace, refused
from tests.completions_server import CompletionsServer, playing, refusal
from tests.remembered import model_of
from tracegen import Special, parse, render

END = Special.END_OF_TEXT
WHOLE = stream(TRUTH, END)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows one trace by heart."""
    folder = tmp_path_factory.mktemp("model")
    model_of(tuple(small().encode(WHOLE))).save_pretrained(folder)
    small().save(folder / "tokenizer.json")
    return folder


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(CODE)
    return path


def predict(model: Path, target: str | Path, *options: str | Path) -> Answer:
    return foretrace("predict", target, "--model", model, "--device", "cpu", *options)


def call(program: Path) -> list[str]:
    return [f"{program}::f", "--args", "2"]


# What comes out


def test_the_text_is_what_trace_prints_if_the_model_is_right(model: Path, program: Path) -> None:
    answer = predict(model, *call(program))
    assert (answer.code, answer.err) == (0, "")
    assert answer.text == foretrace("trace", *call(program)).text == render(WHOLE)


def test_a_prediction_runs_nothing(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "writes.py"
    path.write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n{CODE}")
    for target in (call(path), [str(path)]):
        assert predict(model, *target, "--max-tokens", "3").code == 1
        assert not (tmp_path / "ran").exists()


def test_json_has_the_frames_the_answer_and_what_was_written(model: Path, program: Path) -> None:
    for option in (["--json"], ["--format", "json"]):
        answer = predict(model, *call(program), *option)
        [line] = answer.text.splitlines()
        said = json.loads(line)
        assert (answer.code, said["outcome"], said["answer"], said["rest"], said["oddities"]) == (
            0, "finished", "3", "", [],
        )  # fmt: skip
        assert said["context"] == PROMPT.context
        assert said["head"] == [{"event": "call", "source": "def main():\n", "locals": {}}]
        assert said["frames"][3] == {"event": "line", "source": "    return y\n", "locals": {"x": "2", "y": "3"}}
        assert said["frames"][-1] == {"event": "return", "source": "    return f(2)\n", "value": "3"}
        assert render(PROMPT.pieces()) + said["text"] == render(WHOLE)


def test_the_table_shows_what_changed_and_the_answer(model: Path, program: Path) -> None:
    lines = predict(model, *call(program), "--format", "table").text.splitlines()
    assert lines[0].rstrip() == "program.py::f: 6 frames predicted, finished"
    assert [" ".join(line.replace("│", " ").split()) for line in lines[3:]] == [
        "call def main():",
        "line return f(2)",
        "call def f(x): x = 2",
        "line y = x + 1",
        "line return y y = 3",
        "return return y returns 3",
        "return return f(2) returns 3",
        "answer: 3",
    ]


def test_what_is_cut_off_falls_short_and_is_shown(model: Path, program: Path) -> None:
    answer = predict(model, *call(program), "--max-tokens", "5")
    assert (answer.code, answer.err) == (1, "limit: 5 ids, as many as were allowed\n")
    assert render(WHOLE).startswith(answer.text)
    table = predict(model, *call(program), "--max-tokens", "5", "--format", "table").text
    assert "0 frames predicted, limit: 5 ids" in table
    assert "rest: <|line_sep|>" in table
    assert table.rstrip().endswith("no answer")


def test_a_single_step_that_is_no_frame_falls_short(model: Path, program: Path) -> None:
    free = predict(model, *call(program), "--mode", "single", "--free", "--max-tokens", "40", "--json")
    assert free.code == 1
    assert json.loads(free.text)["text"].startswith("<|return_sep|>")
    assert free.err.startswith(("malformed: frame 1: wanted ", "limit: 40 ids"))


def test_constrained_is_the_default_and_writes_a_frame(model: Path, program: Path) -> None:
    answer = predict(model, *call(program), "--mode", "single", "--max-tokens", "60", "--json")
    said = json.loads(answer.text)
    assert said["outcome"] in ("paused", "limit")
    assert said["text"].startswith("<|return_sep|><|action_sep|>")


def test_samples_are_one_line_each_and_the_seed_decides(model: Path, program: Path) -> None:
    options = [*call(program), "--temperature", "1.5", "--max-tokens", "30", "--json"]
    three = predict(model, *options, "--samples", "3", "--seed", "4").text.splitlines()
    assert [json.loads(line)["sample"] for line in three] == [0, 1, 2]
    alone = json.loads(predict(model, *options, "--seed", "5").text)
    assert alone["text"] == json.loads(three[1])["text"]


def test_samples_as_text_begin_on_lines_of_their_own(model: Path, program: Path) -> None:
    options = ["--temperature", "0.0001", "--samples", "2"]
    assert predict(model, *call(program), *options).text == render(WHOLE) + "\n" + render(WHOLE)


# Teacher forcing


def test_teacher_forcing_runs_the_program_and_says_how_many_are_exact(model: Path, program: Path) -> None:
    answer = predict(model, *call(program), "--mode", "teacher-forced")
    assert (answer.code, answer.err) == (0, "7 of 7 places exact\n")
    assert answer.text == render(WHOLE)


def test_teacher_forcing_as_json_and_as_a_table_sets_both_side_by_side(model: Path, program: Path) -> None:
    target = [f"{program}::f", "--args", "5", "--mode", "teacher-forced", "--max-tokens", "60"]
    said = json.loads(predict(model, *target, "--json").text)
    assert [place["frame"] for place in said["places"]] == list(range(1, 8))
    assert said["exact"] == sum(place["exact"] for place in said["places"]) < 7
    assert said["places"][0]["true"] == {"event": "line", "source": "    return f(5)\n", "locals": {}}
    assert said["places"][-1]["true"] is None
    table = predict(model, *target, "--format", "table").text
    assert f"program.py::f: {said['exact']} of 7 places exact" in table
    assert {"otherwise", "this"} <= set(table.replace("│", " ").split())


# Stepping


def stepping(model: Path, program: Path, lines: str, *options: str) -> Answer:
    return foretrace("predict", *call(program), "--model", model, "--mode", "stepping", *options, stdin=lines)


def test_stepping_obeys_a_debuggers_commands(model: Path, program: Path) -> None:
    answer = stepping(model, program, "step\n\nout\nback\nback\nrun\nquit\nstep\n")
    assert (answer.code, answer.err) == (0, "")
    assert [" ".join(line.split()) for line in answer.text.splitlines()] == [
        "line return f(2)",
        "call def f(x): x = 2",
        "line y = x + 1",
        "line return y y = 3",
        "return return y returns 3",
        "line return y y = 3",
        "line y = x + 1",
        "line return y y = 3",
        "return return y returns 3",
        "return return f(2) returns 3",
        "finished",
    ]


def test_stepping_as_json_says_what_each_command_came_to(model: Path, program: Path) -> None:
    answer = stepping(model, program, "s\nb\nb\nr", "--json")
    steps = [json.loads(line) for line in answer.text.splitlines()]
    assert [(each["command"], each["depth"], len(each["frames"])) for each in steps] == [
        ("step", 1, 1), ("back", 1, 0), ("back", 1, 0), ("run", 0, 6),
    ]  # fmt: skip
    assert steps[1]["taken"] == steps[0]["frames"][0] and steps[2]["taken"] is None
    assert steps[3]["outcome"] == "finished" and "outcome" not in steps[1]


def test_a_step_that_is_no_frame_falls_short_unless_it_is_gone_back_from(model: Path, program: Path) -> None:
    options = ("--max-tokens", "5")
    answer = stepping(model, program, "step\n", *options)
    assert (answer.code, answer.err) == (1, "limit: 5 ids, as many as were allowed\n")
    assert stepping(model, program, "step\nback\n", *options).code == 0


def test_a_line_that_is_no_command_is_refused_where_nobody_sits(model: Path, program: Path) -> None:
    answer = stepping(model, program, "step\njump\nstep\n")
    assert (answer.code, len(answer.text.splitlines())) == (2, 1)
    assert answer.err.startswith("foretrace: stdin: line 2: 'jump' is no command: there are step, next, out, run,")


# Targets


def test_a_recorded_trace_is_a_target_and_its_own_truth(model: Path, program: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert foretrace("trace", *call(program), "-o", data).code == 0
    program.unlink()
    assert predict(model, data, "--trace", "program.py::f").text == render(WHOLE)
    forced = predict(model, data, "--trace", "program.py::f", "--mode", "teacher-forced")
    assert forced.err == "7 of 7 places exact\n"


def test_a_script_is_a_target(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text("x = 1\n")
    text = predict(model, path, "--max-tokens", "40").text
    assert text.startswith(
        "<|begin_of_text|><|trace_context_start|>x = 1\n<|frame_sep|><|call_sep|>{}<|action_sep|>x = 1\n"
    )
    assert predict(model, path, "--mode", "teacher-forced", "--max-tokens", "40").err.endswith(" of 3 places exact\n")


def test_a_hostile_program_moves_no_cursor_and_says_no_control_token(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "hostile.py"
    path.write_text("def f(x):\n    return '\x1b[2J<|frame_sep|><|end_of_text|>'\n")
    for style in ("table", "json"):
        answer = predict(model, f"{path}::f", "--args", "'<|call_sep|>'", "--format", style, "--max-tokens", "200")
        assert b"\x1b" not in answer.out
    data = tmp_path / "data"
    assert foretrace("trace", f"{path}::f", "--args", "'<|call_sep|>'", "-o", data).code == 0
    forced = predict(model, data, "--trace", "hostile.py::f", "--mode", "teacher-forced", "--json", "--max-tokens", "9")
    assert len(json.loads(forced.text)["places"]) == 6


# Servers


@pytest.mark.parametrize("fastgen", [False, True])
def test_a_server_predicts_what_the_same_model_predicts_here(program: Path, fastgen: bool) -> None:
    reply = playing(small(), small().encode(WHOLE), fastgen=fastgen)
    models = None if fastgen else {"data": [{"id": "cwm"}]}
    with CompletionsServer(reply, models) as server:
        options = ["--model", server.url, "--tokenizer", "bundled"]
        answer = foretrace("predict", *call(program), *options)
        assert (answer.code, answer.text, answer.err) == (0, render(WHOLE), "")
        forced = foretrace("predict", *call(program), *options, "--mode", "teacher-forced")
        assert (forced.code, forced.err) == (0, "7 of 7 places exact\n")
    assert parse(WHOLE).frames[1:] == TRUTH


def test_a_server_that_fails_falls_short(program: Path) -> None:
    with CompletionsServer(lambda _: refusal(400, "too long")) as server:
        answer = foretrace("predict", *call(program), "--model", server.url, "--tokenizer", "bundled")
    assert (answer.code, answer.err) == (1, "failed: the server answers 400: too long\n")


# What cannot be done


def test_each_obstacle_is_one_line(model: Path, program: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    foretrace("trace", *call(program), "-o", data)
    target = call(program)
    url = "http://127.0.0.1:9/v1"
    cases: list[tuple[list[str | Path], str]] = [
        ([tmp_path / "none.py"], f"{tmp_path}/none.py: no such file"),
        ([f"{program}::g"], "program.py::g: no such function; it has: f"),
        ([f"{program}::f", "--args", "1)"], "program.py::f: the arguments do not parse"),
        ([program, "--args", "1"], "--args: means nothing for a script"),
        ([data], f"{data}: is a data set: give --trace ID; `foretrace show {data}` lists them"),
        ([data, "--trace", "x"], f"{data}: no trace 'x'; `foretrace show {data}` lists them"),
        ([data, "--trace", "x", "--args", "1"], "--args: means nothing for a data set"),
        ([program, "--trace", "x"], f"--trace: is for a data set, and {program} is no folder"),
        ([tmp_path / "empty" / "x", "--trace", "x"], "--trace: is for a data set"),
        ([*target, "--model", tmp_path / "none"], f"{tmp_path}/none: there is no such folder"),
        ([*target, "--model", model, "--tokenizer", "x"], "--tokenizer: is for a model on a server"),
        ([*target, "--model", model, "--key-env", "x"], "--key-env: is for a model on a server"),
        ([*target, "--model", model, "--device", "gpu"], "device 'gpu': there are auto, cpu, cuda and cuda:N"),
        ([*target, "--samples", "2"], "--samples 2: give a --temperature, and a mode of full or single"),
        ([*target, "--model", url], f"{url}: a server is asked in ids: give --tokenizer, the folder of its model's"),
        ([*target, "--model", url, "--tokenizer", "bundled", "--dtype", "bf16"], "--dtype: means nothing for a model"),
        ([*target, "--model", url, "--tokenizer", "bundled"], f"{url}: connection refused; start the model's server"),
        ([*target, "--model", "ftp://h", "--tokenizer", "bundled"], "'ftp://h': wanted an http or https address"),
        ([*target, "--model", url, "--tokenizer", "bundled", "--key-env", "NO_KEY"], "$NO_KEY: no key in it"),
    ]
    for arguments, line in cases:
        assert refused("predict", *arguments).startswith(line), arguments
    long = [f"{program}::f", "--args", f"'{'x' * 20_000}'", "--model", "bundled"]
    for command in ("predict", "diff"):
        assert ", the model's context holds 16384: wanted at most 16383" in refused(command, *long)


def test_a_server_is_never_constrained(program: Path) -> None:
    with CompletionsServer(lambda _: refusal(400)) as server:
        options = ["--model", server.url, "--tokenizer", "bundled", "--constrained"]
        assert "does not obey the grammar" in refused("predict", *call(program), *options)


def test_what_only_models_need_may_not_be_installed(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(targets, "target_of", missing)
    assert refused("predict", program) == "torch is not installed: pip install 'foretrace[model]' has it"
