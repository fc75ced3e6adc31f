// A caller below HTTP clients: it sees the very bytes, and it can leave rudely.

import { connect } from "node:net";

/** Posts JSON over a socket of its own; resolves with { status, headers, body } when the answer is over. */
export async function post(url, path, headers, body) {
  const response = await fetch(url + path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  const chunks = [];
  let broken = false;
  try {
    for await (const chunk of response.body) chunks.push(chunk);
  } catch {
    broken = true;
  }
  return { status: response.status, headers: response.headers, body: Buffer.concat(chunks).toString(), broken };
}

/**
 * Posts JSON and leaves: `socket.resetAndDestroy()` is a crash, `socket.destroy()` a tab that was closed. `received`
 * grows as bytes come.
 */
export function open(port, path, headers, body) {
  const bytes = Buffer.from(JSON.stringify(body));
  const lines = Object.entries({ host: `127.0.0.1:${port}`, "content-type": "application/json", "content-length": bytes.length, ...headers });
  const socket = connect(port, "127.0.0.1");
  const caller = { socket, received: "" };
  socket.on("data", (chunk) => (caller.received += chunk));
  socket.on("error", () => {});
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
  socket.write(bytes);
  return caller;
}
