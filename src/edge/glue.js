// The few places where crossing between JavaScript and wasm once instead of many times pays: each costs about a
// microsecond, an awaited promise eight. Nothing here decides anything.

const encoder = new TextEncoder();

/** The head of a request as one block: method, URL, then a line per header. */
export function head(request) {
  let block = request.method + "\n" + request.url + "\n";
  for (const [name, value] of request.headers) block += name + ":" + value + "\n";
  return encoder.encode(block);
}

/** The body of a request; null when it is longer than the limit. */
export async function body(request, limit) {
  const buffer = await request.arrayBuffer();
  return buffer.byteLength > limit ? null : new Uint8Array(buffer);
}

/** The text variables of the Worker, a line each: NAME=value with line feeds doubled by \u0001. */
export function variables(env) {
  let block = "";
  for (const name of Object.keys(env)) {
    const value = env[name];
    if (typeof value === "string") block += name + "=" + value.replaceAll("\n", "\u0001") + "\n";
  }
  return encoder.encode(block);
}

/** 53 unpredictable bits. */
export function seed() {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high & 0x1fffff) * 4294967296 + low;
}

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The lines of a block as headers, over those that are there already. */
function headersOf(block, headers = new Headers()) {
  for (let at = 0; at < block.length; ) {
    const colon = block.indexOf(":", at);
    const end = block.indexOf("\n", colon);
    headers.set(block.slice(at, colon), block.slice(colon + 1, end));
    at = end + 1;
  }
  return headers;
}

/** An upstream's answer: what of it is asked for, and the way to end it. */
class Upstream {
  constructor(response, controller, bytes, request) {
    this.response = response;
    this.controller = controller;
    this.left = false;
    // Tells of a caller that leaves while the upstream is silent: nothing is written then that could fail.
    this.gone = new Promise((resolve) => request?.signal?.addEventListener("abort", resolve));
    this.status = response.status;
    this.stream = bytes === undefined && isStream(response);
    this.body = bytes;
  }
  header(name) {
    return this.response.headers.get(name) ?? undefined;
  }
  leave() {
    this.left = true;
    this.controller?.abort();
  }
}

function isStream(response) {
  return (response.headers.get("content-type") ?? "").toLowerCase().startsWith("text/event-stream");
}

/**
 * Fetches. An answer that is no stream comes with its body. Fails with a word: "abandoned", "late", "large", or
 * whatever the platform says.
 */
export async function send(request, url, headers, body, timeout, limit) {
  const controller = new AbortController();
  let word;
  const end = (why) => {
    word = why;
    controller.abort();
  };
  const leave = () => end("abandoned");
  const signal = request.signal;
  if (signal?.aborted) throw "abandoned";
  signal?.addEventListener("abort", leave);
  const timer = timeout > 0 ? setTimeout(() => end("late"), timeout) : undefined;
  try {
    const response = await fetch(url, {
      method: body ? "POST" : "GET",
      headers: headersOf(headers),
      body,
      redirect: "manual",
      signal: controller.signal,
    });
    if (isStream(response)) return new Upstream(response, controller, undefined, request);
    if (Number(response.headers.get("content-length") ?? 0) > limit) throw (end("large"), "large");
    const buffer = await response.arrayBuffer();
    if (buffer.byteLength > limit) throw "large";
    return new Upstream(response, controller, new Uint8Array(buffer));
  } catch (error) {
    throw word ?? String(error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", leave);
  }
}

/** The body of a stream, whole; null when it is longer than the limit. */
export async function gather(upstream, limit) {
  const buffer = await upstream.response.arrayBuffer();
  return buffer.byteLength > limit ? null : new Uint8Array(buffer);
}

/** An answer made here: its chunks one by one, and then its end or a break. */
export function canned(status, type, chunks, cut) {
  let at = 0;
  const stream = new ReadableStream({
    pull(controller) {
      if (at < chunks.length) controller.enqueue(chunks[at++]);
      else if (cut) controller.error(new Error("cut"));
      else controller.close();
    },
  });
  return new Upstream(new Response(stream, { status, headers: { "content-type": type } }));
}

// Of the connection to the upstream, or of its site; the rest of a relayed answer's headers pass.
const NOT_PASSED = [
  "alt-svc", "connection", "content-encoding", "content-length", "keep-alive", "nel", "report-to", "retry-after",
  "server", "set-cookie", "strict-transport-security", "transfer-encoding", "access-control-allow-origin",
  "access-control-expose-headers", "access-control-allow-credentials",
];

function replyHeaders(upstream, block) {
  if (!upstream) return headersOf(block);
  const headers = new Headers(upstream.response.headers);
  for (const name of NOT_PASSED) headers.delete(name);
  return headersOf(block, headers);
}

/** A reply that is known whole. With an upstream, its headers go along. */
export function reply(status, block, body, upstream) {
  return new Response(body, { status, headers: replyHeaders(upstream, block) });
}

const WAKE = 250;
const GRACE = 20;

/**
 * A reply whose bytes pass by themselves, natively. `look(bytes)` sees them later, in batches; `done(how)` hears
 * how it ended: "closed", "abandoned", or what broke.
 *
 * The tee would go on reading an upstream that nobody listens to. But the pipe to the caller settles when the
 * caller leaves: then what has come by then is looked at, and if that is not the end, the upstream is ended.
 */
export function relay(context, upstream, status, block, look, done) {
  const [near, far] = upstream.response.body.tee();
  const channel = new IdentityTransformStream();
  const flow = { settled: false };
  const piped = near.pipeTo(channel.writable).catch(() => {});
  flow.piped = Promise.race([piped, upstream.gone]).then(() => {
    flow.settled = true;
  });
  context.waitUntil(watch(far, flow, upstream, look).then(done, (error) => done(String(error))));
  return new Response(channel.readable, { status, headers: replyHeaders(upstream, block) });
}

async function watch(far, flow, upstream, look) {
  const read = batches(far);
  for (;;) {
    if (!flow.settled) await either(flow.piped, WAKE);
    const next = read();
    next.catch(() => {});
    let came = flow.settled ? undefined : await Promise.race([next, flow.piped]);
    if (came === undefined) {
      flow.grace ??= sleep(GRACE);
      came = await Promise.race([next, flow.grace]);
    }
    if (came === undefined) {
      upstream.leave();
      return "abandoned";
    }
    if (came.value?.byteLength) look(came.value);
    if (came.done) return "closed";
  }
}

/** Reads as much as has come at once, where the stream allows it. */
function batches(stream) {
  try {
    const reader = stream.getReader({ mode: "byob" });
    return () => reader.read(new Uint8Array(65536));
  } catch {
    const reader = stream.getReader();
    return () => reader.read();
  }
}

/** Waits for a promise, but not longer than this. */
async function either(promise, ms) {
  let timer;
  await Promise.race([promise, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}

/**
 * A reply whose bytes are changed on the way: `change(bytes)` gives what to send in place of them (undefined for
 * the same), `finish(how)` what remains, where how is "closed", "abandoned" or what broke.
 */
export function pump(context, upstream, status, block, passes, change, finish) {
  const channel = new IdentityTransformStream();
  const writer = channel.writable.getWriter();
  context.waitUntil(drive(upstream, writer, change, finish));
  return new Response(channel.readable, { status, headers: replyHeaders(passes ? upstream : undefined, block) });
}

async function drive(upstream, writer, change, finish) {
  const leave = () => upstream.leave();
  upstream.gone.then(leave);
  const send = (bytes) => writer.write(bytes).catch(leave);
  writer.closed.catch(leave);
  let how = "closed";
  const reader = upstream.response.body.getReader();
  try {
    while (!upstream.left) {
      const { value, done } = await reader.read();
      if (done) break;
      const bytes = change(value) ?? value;
      if (bytes.byteLength) await send(bytes);
    }
  } catch (error) {
    how = String(error);
  }
  const rest = finish(upstream.left ? "abandoned" : how);
  if (rest.byteLength && !upstream.left) await send(rest);
  await writer.close().catch(leave);
}
