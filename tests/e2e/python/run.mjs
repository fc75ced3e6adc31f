// Starts a Worker and the fake provider, and runs the Python clients' tests against them.

import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { startUpstream } from "../upstream.mjs";
import { startWorker } from "../worker.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const python = fileURLToPath(new URL("../../../.venv/bin/python", import.meta.url));

const [worker, upstream] = await Promise.all([startWorker(), startUpstream()]);

// GET /MODEL answers when the provider's work for that model was ended: with 204, or 404 when it was not in time.
const watch = createServer(async ({ url }, response) => {
  const left = await upstream.left(decodeURIComponent(url.slice(1))).then(() => true, () => false);
  response.writeHead(left ? 204 : 404).end();
});
await new Promise((resolve) => watch.listen(0, "127.0.0.1", resolve));

const tests = spawn(python, ["-m", "unittest", "discover", "--verbose", "--start-directory", here], {
  stdio: "inherit",
  env: { ...process.env, CAUSEWAY_URL: worker.url, UPSTREAM_URL: upstream.url, WATCH_URL: `http://127.0.0.1:${watch.address().port}`, PYTHONDONTWRITEBYTECODE: "1" },
});
process.exitCode = await new Promise((resolve) => tests.on("exit", (code) => resolve(code ?? 1)));
watch.close();
await worker.stop();
await upstream.close();
