"""A pretend cloud on the loopback: it speaks as much of Kubernetes and of AWS Batch as their plugins ask for."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CLUSTER = """\
apiVersion: v1
kind: Config
current-context: pretend
contexts: [{{name: pretend, context: {{cluster: pretend, user: pretend}}}}]
clusters: [{{name: pretend, cluster: {{server: "{address}"}}}}]
users: [{{name: pretend, user: {{}}}}]
"""


class Cloud:
    """Runs what is sent as a process of this machine, in an empty folder as a container would, and remembers it."""

    def __init__(self, folder: Path) -> None:
        """Keep the folders of its containers in `folder`."""
        self.folder = folder
        self.sent: list[dict[str, Any]] = []
        """Bodies of the jobs of Kubernetes, and of the job definitions of AWS Batch."""
        self.printed: list[str] = []
        self._codes: dict[str, int] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def environment(self) -> dict[str, str]:
        """Return what makes the plugins find it."""
        address = f"http://127.0.0.1:{self._server.server_address[1]}"
        cluster = self.folder / "kubeconfig"
        cluster.write_text(CLUSTER.format(address=address), encoding="ascii")
        keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "pretend")
        return {"KUBECONFIG": str(cluster), "AWS_ENDPOINT_URL_BATCH": address, **keys}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a request of either plugin."""
        last = path.split("?")[0].rstrip("/").split("/")
        if method == "POST" and last[-1] == "jobs":
            container = body["spec"]["template"]["spec"]["containers"][0]
            self._run(body["metadata"]["name"], [*container["command"], *container["args"]], body)
        elif method == "GET" and last[-1] == "status":
            code = self._codes[last[-2]]
            return {"status": {"failed": 1} if code else {"succeeded": 1}}
        elif last[-1] == "pods":
            return {"items": []}
        elif last[-1] == "registerjobdefinition":
            self.sent.append(body)
            return {"jobDefinitionName": body["jobDefinitionName"], "jobDefinitionArn": "arn", "revision": 1}
        elif last[-1] == "submitjob":
            self._run(body["jobName"], self.sent[-1]["containerProperties"]["command"])
            return {"jobName": body["jobName"], "jobId": body["jobName"]}
        elif last[-1] == "describejobs":
            code = self._codes[body["jobs"][0]]
            return {"jobs": [{"status": "FAILED" if code else "SUCCEEDED", "container": {"exitCode": code}}]}
        return body

    def _run(self, name: str, command: list[str], body: dict[str, Any] | None = None) -> None:
        if body is not None:
            self.sent.append(body)
        folder = self.folder / name
        folder.mkdir()
        done = subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True, check=False)
        self.printed.append(done.stdout + done.stderr)
        self._codes[name] = done.returncode


def _handler(cloud: Cloud) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made = json.dumps(cloud.answer(self.command, self.path, json.loads(text or b"{}"))).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(made)))
            self.end_headers()
            self.wfile.write(made)

        do_GET = do_POST = do_DELETE = _reply  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            """Print nothing."""

    return Handler
