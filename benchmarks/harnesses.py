"""An exported task run by lm-eval and inspect_ai, beside our own run of it, over a server with known answers.

    python -m benchmarks.harnesses [--data cruxeval.jsonl] [--mode direct] [--limit 50]

The harnesses have an environment of their own (.bench/harnesses, made if it is not there).  The server answers two
items of three rightly.  lm-eval asks completions, inspect_ai and our talker the chat; no network but the loopback.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from cwm_model.backends import Sampling
from cwm_model.backends.chat import ServerTalker
from cwm_model.backends.posting import Connection
from cwm_model.talking import Talk
from evals import tasks
from evals.executed import Judge
from evals.exporting import Exported, Harness, export
from evals.language import OPEN
from evals.verdict import Tally
from tests.bundled_server import ChatServer
from tests.completions_server import Body, Reply

ROOT = Path(__file__).parent.parent
PLACE = ROOT / ".bench" / "harnesses"


def answering(answers: dict[str, str]) -> Callable[[Body], Reply]:
    """The answer to a prompt, as a chat's or as a completion's."""

    def reply(body: Body) -> Reply:
        chat = "messages" in body
        prompt = body["messages"][0]["content"] if chat else body["prompt"]
        texts = [answers[each] for each in ([prompt] if isinstance(prompt, str) else prompt)]
        choices = [
            {"index": place, "finish_reason": "stop"}
            | ({"message": {"role": "assistant", "content": text}} if chat else {"text": text})
            for place, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        said = {"id": "0", "object": "x", "created": 0, "model": "cwm", "choices": choices, "usage": usage}
        return Reply(json.dumps(said).encode(), headers=(("Content-Type", "application/json"),))

    return reply


def run(command: list[str], folder: Path, **more: str) -> None:
    """Run a harness; what it says is shown if it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **more},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


def lm_eval(url: str, folder: Path, name: str) -> dict[str, float]:
    out = folder / "results"
    model = f"model=cwm,base_url={url}/completions,tokenizer_backend=None,tokenized_requests=False,num_concurrent=4"
    run(
        [
            str(PLACE / "bin" / "lm_eval"),
            "run",
            "--model",
            "local-completions",
            "--model_args",
            model,
            "--tasks",
            name,
            "--include_path",
            str(folder),
            "--output_path",
            str(out),
        ],
        folder,
        HF_HUB_OFFLINE="1",
    )
    [path] = out.rglob("results*.json")
    found = json.loads(path.read_text())["results"][name]
    return {key.partition(",")[0]: value for key, value in found.items() if key.endswith("match,none")}


def inspect(url: str, folder: Path, name: str) -> dict[str, float]:
    out = folder / "logs"
    run(
        [
            str(PLACE / "bin" / "inspect"),
            "eval",
            "task.py",
            "--model",
            "openai-api/local/cwm",
            "--log-dir",
            str(out),
            "--log-format",
            "json",
            "--display",
            "none",
        ],
        folder,
        LOCAL_API_KEY="none",
        LOCAL_BASE_URL=url,
    )
    [path] = out.glob("*.json")
    scores = json.loads(path.read_text())["results"]["scores"]
    return {score["name"]: score["metrics"]["mean"]["value"] for score in scores}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="handwritten", help="rows as `foretrace eval --data` takes them")
    parser.add_argument("--mode", default="direct", choices=("direct", "cot"))
    parser.add_argument("--limit", type=int, default=50)
    given = parser.parse_args()
    if not (PLACE / "bin" / "inspect").exists():
        subprocess.run([sys.executable, "-m", "venv", str(PLACE)], check=True)
        wanted = ["lm-eval[api]", "inspect-ai", "openai"]
        subprocess.run([str(PLACE / "bin" / "pip"), "install", "--quiet", *wanted], check=True)
    with Judge() as judge, tempfile.TemporaryDirectory() as place:
        task = tasks.opened(tasks.Choice("cruxeval-o", given.mode, given.data, limit=given.limit), judge, None)
        assert isinstance(task, Exported)
        asked, answers = [], {}
        for number, question in enumerate(task.questions()):
            assert isinstance(question.asked, Talk)
            asked.append((question.asked, Sampling()))
            said = task.target(question.id) if number % 3 else "'no such answer'"
            answers[question.asked.begin] = said if given.mode == "direct" else f"so\n{OPEN}\n{said}"
        with ChatServer(answering(answers)) as server:
            found = ServerTalker(Connection(server.url)).say(asked)
            ids = [question.id for question in task.questions()]
            tally = Tally.of(task.judge(ids[index], said).score for index, said in found)
            print(f"foretrace  accuracy {tally.accuracy:.4f} of {tally.n}")
            for harness, runner in [(Harness.LM_EVAL, lm_eval), (Harness.INSPECT, inspect)]:
                folder = Path(place) / harness.value
                export(task, harness, folder)
                rates = runner(server.url, folder, f"foretrace_cruxeval_o_{given.mode}")
                print(f"{harness.value:10} {rates}")
                assert rates.get("literal_match", tally.accuracy) == tally.accuracy, "the accuracies differ"


if __name__ == "__main__":
    main()
