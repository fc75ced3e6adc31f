// Starts a Worker and the fake provider, and runs the Python clients' tests against them.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { startUpstream } from "../upstream.mjs";
import { startWorker } from "../worker.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const python = fileURLToPath(new URL("../../../.venv/bin/python", import.meta.url));

const [worker, upstream] = await Promise.all([startWorker(), startUpstream()]);
const tests = spawn(python, ["-m", "unittest", "discover", "--verbose", "--start-directory", here], {
  stdio: "inherit",
  env: { ...process.env, CAUSEWAY_URL: worker.url, UPSTREAM_URL: upstream.url, PYTHONDONTWRITEBYTECODE: "1" },
});
process.exitCode = await new Promise((resolve) => tests.on("exit", (code) => resolve(code ?? 1)));
await worker.stop();
await upstream.close();
