// The Worker's entry, and what of a request only JavaScript can do at no cost: to make promises, streams and
// headers of the platform. It decides nothing; it does what the Rust side asks for, in as few crossings as there can
// be. An awaited promise of Rust's would cost some twenty microseconds: here `arrive` calls back into it instead.

import { DurableObject } from "cloudflare:workers";
import wasm from "./index_bg.wasm";
import {
  Counter, __wbg_reset_state as restart, arrive, due, edit, finish, forget, initSync, look, register, serve, settle, tallied, told,
} from "causeway";

initSync({ module: wasm });

export default {
  fetch(request, env, context) {
    return new Exchange(request, env, context).begin();
  },
};

// A trap leaves the wasm in pieces. Whatever it was doing is lost; the next call finds it as new.
let life = 0;
let broken = false;

function enter(call, ...given) {
  if (broken) {
    broken = false;
    life++;
    restart();
  }
  try {
    return call(...given);
  } catch (error) {
    broken ||= error instanceof WebAssembly.RuntimeError;
    throw error;
  }
}

const encoder = new TextEncoder();

/** One request and its answer. */
class Exchange {
  constructor(request, env, context) {
    this.request = request;
    this.env = env;
    this.context = context;
    this.life = life;
  }

  begin() {
    const answer = new Promise((resolve) => (this.resolve = resolve));
    // The Rust side goes on when the caller leaves early, so that what was used is still counted.
    this.context.waitUntil(answer);
    enter(serve, this);
    this.life = life;
    return answer;
  }

  /** Tells the Rust side how what it waits for came out. */
  land(slot, promise) {
    const told = (well) => (value) => this.life === life && enter(arrive, slot, well, value);
    promise.then(told(true), told(false));
  }

  /** The head of the request as one block: method, URL, then a line per header. */
  head() {
    const { method, url, headers } = this.request;
    let block = method + "\n" + url + "\n";
    for (const [name, value] of headers) block += name + ":" + value + "\n";
    return encoder.encode(block);
  }

  /** Where the caller is; the header of this name is there only where the zone adds it. */
  country() {
    return this.request.cf?.country ?? undefined;
  }

  /** The text variables of the Worker, a line each: NAME=value with its line feeds as \u0001. */
  variables() {
    let block = "";
    for (const name of Object.keys(this.env)) {
      const value = this.env[name];
      if (typeof value === "string") block += name + "=" + value.replaceAll("\n", "\u0001") + "\n";
    }
    return encoder.encode(block);
  }

  /** 53 unpredictable bits. */
  seed() {
    const [high, low] = crypto.getRandomValues(new Uint32Array(2));
    return (high & 0x1fffff) * 4294967296 + low;
  }

  /** The body of the request; null when it is longer than the limit. */
  body(slot, limit) {
    const read = whole(this.kept ? new Response(this.passing()) : this.request, limit);
    this.land(slot, read.then((bytes) => (this.unchanged = bytes)));
  }

  /** The beginning of the body; it is kept for when the body is passed on. */
  beginning(slot, length) {
    this.land(slot, this.begun(length));
  }

  async begun(length) {
    this.reader = this.request.body?.getReader();
    this.kept = [];
    let size = 0;
    while (this.reader && size < length) {
      const { value, done } = await this.reader.read();
      if (done) break;
      this.kept.push(value);
      size += value.byteLength;
    }
    return new Uint8Array(await new Blob(this.kept).arrayBuffer());
  }

  /** The body as it comes: what was kept of it, and the rest. A form is edited on its way. */
  passing(form) {
    const reader = this.reader ?? this.request.body?.getReader();
    const next = async () => (this.kept?.length ? { value: this.kept.shift() } : await (reader?.read() ?? { done: true }));
    return new ReadableStream({
      type: "bytes",
      pull: async (controller) => {
        for (;;) {
          const { value, done } = await next();
          const piece = form === undefined ? value : enter(edit, form, value);
          if (piece?.byteLength) controller.enqueue(piece);
          if (done) return controller.close();
          if (piece?.byteLength) return;
        }
      },
      cancel: () => {
        if (form !== undefined) forget(form);
        return reader?.cancel();
      },
    });
  }

  /** Waits; not for a caller that has left. */
  sleep(slot, ms) {
    const { signal } = this.request;
    const left = new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    this.land(slot, signal.aborted ? Promise.resolve() : either(left, ms));
  }

  /** What the KV namespace holds under a key: null for nothing, or where there is no namespace. */
  stored(slot, key, timeout) {
    this.land(slot, held(this.env.KV, key, timeout));
  }

  /** Puts something into the KV namespace for so many seconds, behind the reply's back. What fails is not there. */
  store(key, value, ttl) {
    const put = async () => this.env.KV?.put(key, value, { expirationTtl: ttl });
    this.context.waitUntil(put().catch(() => {}));
  }

  /** Lines up behind whoever asks the same: true for whoever is first, what the first got, or false for nothing. */
  lineUp(slot, name, timeout) {
    const signal = AbortSignal.any([AbortSignal.timeout(timeout), this.request.signal]);
    const came = async () => {
      const response = await line(this.env, name).fetch("http://meter/line", { method: "POST", signal });
      if (response.status === 204) return true;
      const bytes = new Uint8Array(await response.arrayBuffer());
      return response.status === 200 && bytes;
    };
    this.land(slot, came().catch(() => false));
  }

  /** Gives those who lined up what came, or nothing. */
  serveLine(name, value) {
    const served = async () => line(this.env, name).fetch("http://meter/served", { method: "POST", body: value });
    this.context.waitUntil(served().catch(() => {}));
  }

  /** Asks meters, all at once; lands with a line for each answer, empty for what did not come in time. */
  askMeters(slot, block, timeout) {
    let timer;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, timeout, "")));
    const answers = notes(block).map(([meter, verb, body]) => Promise.race([said(this.env, meter, verb, body).catch(() => ""), late]));
    this.land(slot, Promise.all(answers).then((lines) => (clearTimeout(timer), lines.join("\n"))));
  }

  /** Tells meters something; nobody waits for it. */
  tellMeters(block) {
    for (const [meter, , body] of notes(block)) untold.put(meter, [body]);
    const scheduled = untold.schedule();
    if (scheduled) this.context.waitUntil(sleep(SOON).then(() => untold.tell(this.env)));
  }

  /** Has what was used without a key told in a while, whatever becomes of the caller. */
  tallyLater() {
    const told = sleep(TALLY).then(() => said(this.env, "keyless", "tally", enter(tallied)));
    this.context.waitUntil(told.catch(() => {}));
  }

  /** Asks the registry; what it changes is not left half done when the caller leaves. */
  registry(slot, request) {
    const { REGISTRY } = this.env;
    const answered = async () => {
      const response = await REGISTRY.get(REGISTRY.idFromName("registry")).fetch("http://registry/", { method: "POST", body: request });
      if (!response.ok) throw "the registry failed";
      return response.text();
    };
    const answer = answered();
    this.context.waitUntil(answer.catch(() => {}));
    this.land(slot, answer);
  }

  /** Tells the other isolates how targets do, and hears what they know. */
  meet(slot, news, timeout) {
    const { METER } = this.env;
    const init = { method: "POST", body: news, signal: AbortSignal.timeout(timeout) };
    const met = async () => (await METER.get(METER.idFromName("health")).fetch("http://meter/meet", init)).text();
    const heard = met();
    this.context.waitUntil(heard.catch(() => {}));
    this.land(slot, heard);
  }

  /** Whether each of the bindings answers, as one digit each: the KV namespace, the Durable Objects. */
  bindings(slot) {
    const { KV, METER, REGISTRY } = this.env;
    const asked = [
      () => KV.get("healthz"),
      () => METER.get(METER.idFromName("healthz")).fetch("http://meter/"),
      () => REGISTRY.get(REGISTRY.idFromName("healthz")).fetch("http://registry/"),
    ];
    const answered = (ask) => Promise.resolve().then(ask).then(() => "1", () => "0");
    this.land(slot, Promise.all(asked.map(answered)).then((digits) => digits.join("")));
  }

  /**
   * Fetches. An answer that is no stream comes with its body, unless the limit is 0. Fails with a word: "abandoned", "late", "large", or
   * whatever the platform says.
   */
  send(slot, method, url, headers, body, timeout, limit) {
    this.land(slot, this.fetched(method, url, headers, body, timeout, limit));
  }

  /** `body`: bytes, nothing, null for the caller's own as it was read, true for it as it comes, or the number of the form that it is. */
  async fetched(method, url, block, body, timeout, limit) {
    if (body === null) body = this.unchanged;
    if (body === true) body = this.kept ? this.passing() : this.request.body;
    if (typeof body === "number") body = this.passing(body);
    let { signal } = this.request;
    let late;
    let timer;
    if (timeout > 0) {
      late = new AbortController();
      timer = setTimeout(() => late.abort(), timeout);
      signal = AbortSignal.any([signal, late.signal]);
    }
    try {
      const response = await fetch(url, { method, headers: fields(block), body, redirect: "manual", signal });
      const upstream = new Upstream(this, response);
      if (!upstream.stream && limit > 0) upstream.body = await upstream.whole(limit);
      if (upstream.body === null) throw "large";
      return upstream;
    } catch (error) {
      throw this.request.signal.aborted ? "abandoned" : late?.signal.aborted ? "late" : String(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Posts to an address, whether or not the caller is still there. Nobody reads what comes back. */
  tell(url, block) {
    const answered = fetch(url, { method: "POST", headers: fields(block), redirect: "manual" });
    this.context.waitUntil(answered.then((response) => response.body?.cancel()).catch(() => {}));
  }

  /** Signs with a private key in PKCS#8; fails where that is none. */
  sign(slot, key, message) {
    this.land(slot, signature(key, message));
  }

  /** Whether the private key of this public one has signed a message so; fails where that is none. */
  verify(slot, n, e, message, signature) {
    this.land(slot, verified(n, e, message, signature));
  }

  /** An answer made here: its chunks one by one, and then its end or a break. */
  canned(status, type, chunks, cut) {
    let at = 0;
    const stream = new ReadableStream({
      pull(controller) {
        if (at < chunks.length) controller.enqueue(chunks[at++]);
        else if (cut) controller.error(new Error("cut"));
        else controller.close();
      },
    });
    return new Upstream(this, new Response(stream, { status, headers: { "content-type": type } }));
  }

  /** A reply that is known whole. With an upstream, its headers go along. */
  reply(status, block, body, upstream) {
    this.resolve(new Response(body, { status, headers: fields(block, upstream) }));
  }

  /**
   * A reply whose bytes pass by themselves, natively. With a pipe, `look` sees them later, in batches, and `finish`
   * hears how it ended: "closed", "abandoned", or what broke.
   *
   * The tee would go on reading an upstream that nobody listens to. But the pipe to the caller breaks when the
   * caller leaves: then what has come by then is looked at, and if that is not the end, the upstream is ended.
   */
  relay(status, block, upstream, pipe) {
    const headers = fields(block, upstream);
    const { begun, rest } = upstream.parts();
    if (pipe === undefined && begun.length === 0) return this.resolve(new Response(rest, { status, headers }));
    const channel = new IdentityTransformStream();
    if (pipe === undefined) {
      this.context.waitUntil(through(begun, rest, channel.writable).catch(() => {}));
      return this.resolve(new Response(channel.readable, { status, headers }));
    }
    const [near, far] = rest.tee();
    const flow = { settled: false, left: false };
    // The end is ours to write: what broke off says so.
    flow.piped = through(begun, near, channel.writable, { preventClose: true, preventAbort: true }).then(
      () => (flow.settled = true),
      () => (flow.settled = flow.left = true),
    );
    for (const piece of begun) enter(look, pipe, piece);
    this.context.waitUntil(this.ending(pipe, this.watch(far, flow, pipe), channel.writable));
    this.resolve(new Response(channel.readable, { status, headers }));
  }

  async watch(far, flow, pipe) {
    const { read, cancel } = batches(far);
    for (;;) {
      if (!flow.settled) await either(flow.piped, WAKE);
      const next = read();
      next.catch(() => {});
      if (!flow.settled) await Promise.race([next, flow.piped]);
      const came = flow.left ? await Promise.race([next, (flow.grace ??= sleep(GRACE))]) : await next;
      if (came === undefined) {
        cancel();
        return "abandoned";
      }
      if (came.value?.byteLength) enter(look, pipe, came.value);
      if (came.done) return "closed";
    }
  }

  /**
   * A reply whose bytes are changed on the way: `look` gives what to send in place of them (undefined for the
   * same), `finish` what remains.
   */
  pump(status, block, upstream, pipe, passes, idle, total) {
    const channel = new IdentityTransformStream();
    const writer = channel.writable.getWriter();
    const driven = this.drive(upstream, upstream.reading(idle, total), writer, pipe).finally(() => writer.releaseLock());
    this.context.waitUntil(this.ending(pipe, driven, channel.writable));
    this.resolve(new Response(channel.readable, { status, headers: fields(block, passes ? upstream : undefined) }));
  }

  async drive(upstream, read, writer, pipe) {
    for (;;) {
      const { value, done, slow } = await read();
      if (slow) {
        upstream.cancel();
        return slow;
      }
      if (done) return "closed";
      const bytes = enter(look, pipe, value) ?? value;
      if (bytes.byteLength === 0) continue;
      try {
        await writer.write(bytes);
      } catch {
        upstream.cancel();
        return "abandoned";
      }
    }
  }

  async ending(pipe, flow, writable) {
    const how = await flow.catch((error) => (this.request.signal.aborted ? "abandoned" : String(error)));
    if (this.life !== life) return;
    const rest = enter(finish, pipe, how);
    try {
      const writer = writable.getWriter();
      if (!rest) return await writer.abort(new Error("cut"));
      if (rest.byteLength && how !== "abandoned") await writer.write(rest);
      await writer.close();
    } catch {
      // The caller left.
    }
  }
}

/** An upstream's answer: what of it is asked for. */
class Upstream {
  constructor(exchange, response) {
    this.exchange = exchange;
    this.response = response;
    this.status = response.status;
    this.headers = {};
    for (const [name, value] of response.headers) this.headers[name] = value;
    // A failure's words are read whole, whatever they come as.
    this.stream = response.ok && /^(text\/event-stream|application\/vnd\.amazon\.eventstream)/i.test(this.headers["content-type"] ?? "");
  }

  header(name) {
    return this.headers[name];
  }

  /** The next piece of a stream, null for its end; it comes again with the body. Fails with "late". */
  peek(slot, timeout) {
    this.exchange.land(slot, this.peeked(timeout));
  }

  async peeked(timeout) {
    this.reader ??= this.response.body.getReader();
    this.kept ??= [];
    try {
      const read = timeout ? patient(this.reader, 0, timeout) : () => this.reader.read();
      const { value, done, slow } = await read();
      if (slow) throw slow;
      if (!done) this.kept.push(value);
      // What crosses into the wasm is copied there.
      return done ? null : value;
    } catch (error) {
      throw this.exchange.request.signal.aborted ? "abandoned" : error === "late" ? error : String(error);
    }
  }

  /** The body: the pieces that were looked at, and the stream of the rest. */
  parts() {
    this.reader?.releaseLock();
    return { begun: this.kept ?? [], rest: this.response.body };
  }

  /** Reads the body from its beginning, with bounds on the time. */
  reading(idle, total) {
    const reader = (this.reader ??= this.response.body.getReader());
    const begun = this.kept ?? [];
    const read = idle || total ? patient(reader, idle, total) : () => reader.read();
    return async () => (begun.length ? { value: begun.shift() } : read());
  }

  /** Nobody wants the rest. */
  cancel() {
    (this.reader ?? this.response.body)?.cancel().catch(() => {});
  }

  /** The body of a stream, whole; null when it is longer than the limit. */
  gather(slot, limit) {
    this.exchange.land(slot, this.whole(limit));
  }

  whole(limit) {
    if (!(this.headers["content-length"] > limit)) return whole(this.response, limit);
    this.response.body?.cancel().catch(() => {});
    return null;
  }
}

/** A block's lines as [meter, verb, body]. */
function notes(block) {
  return block.split("\n").slice(0, -1).map((line) => line.split("\t"));
}

/** What is still to be told to meters. It goes along with what they are asked next, or soon by itself. */
class Untold {
  #lines = new Map();
  #scheduled = 0;

  put(meter, lines) {
    this.#lines.set(meter, [...(this.#lines.get(meter) ?? []), ...lines]);
  }

  take(meter) {
    const lines = this.#lines.get(meter) ?? [];
    this.#lines.delete(meter);
    return lines;
  }

  /** Whether whoever asks is to tell it: one request does for all, unless it came to nothing. */
  schedule() {
    const now = Date.now();
    if (now - this.#scheduled < 10 * SOON) return false;
    this.#scheduled = now;
    return true;
  }

  async tell(env) {
    this.#scheduled = 0;
    await Promise.all([...this.#lines.keys()].map((meter) => said(env, meter, "settle").catch(() => {})));
  }
}

const untold = new Untold();

/** Says something to a meter, and what it is still to be told. What did not arrive is told again: twice does no harm. */
async function said({ METER }, meter, verb, ...lines) {
  const along = untold.take(meter);
  try {
    const body = [...lines, ...along].join("\n");
    const response = await METER.get(METER.idFromName(meter)).fetch(`http://meter/${verb}`, { method: "POST", body });
    const text = await response.text();
    if (response.ok) return text;
  } catch {
    // As one that says nothing.
  }
  untold.put(meter, along);
  return "";
}

/** Where requests that are the same wait for the first of them. */
function line({ METER }, name) {
  return METER.get(METER.idFromName(`line:${name}`));
}

/** What is in the namespace under a key; fails with "late" when it does not tell in time. */
async function held(namespace, key, timeout) {
  if (!namespace) return null;
  let timer;
  const late = new Promise((_, fail) => (timer = setTimeout(fail, timeout, "late")));
  try {
    const value = await Promise.race([namespace.get(key, "arrayBuffer"), late]);
    return value && new Uint8Array(value);
  } finally {
    clearTimeout(timer);
  }
}

/** Pieces and then a stream, into where they are wanted. */
async function through(pieces, rest, writable, options) {
  try {
    const writer = writable.getWriter();
    for (const piece of pieces) await writer.write(piece);
    writer.releaseLock();
  } catch (error) {
    rest.cancel().catch(() => {});
    throw error;
  }
  await rest.pipeTo(writable, options);
}

/** A body, whole; null when it is longer than the limit. */
async function whole(message, limit) {
  const buffer = await message.arrayBuffer();
  return buffer.byteLength > limit ? null : new Uint8Array(buffer);
}

async function signature(key, message) {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("pkcs8", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign(algorithm, imported, message));
}

async function verified(n, e, message, signature) {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("jwk", { kty: "RSA", n, e, alg: "RS256" }, algorithm, false, ["verify"]);
  return crypto.subtle.verify(algorithm, imported, signature, message);
}

// Of the connection to the upstream, or of its site; the rest of a relayed answer's headers pass.
const NOT_PASSED = new Set([
  "alt-svc", "connection", "content-encoding", "content-length", "keep-alive", "nel", "report-to", "retry-after",
  "server", "set-cookie", "strict-transport-security", "transfer-encoding", "access-control-allow-origin",
  "access-control-expose-headers", "access-control-allow-credentials",
]);

/** The lines of a block as headers, over those of the upstream that may pass. */
function fields(block, upstream) {
  const all = {};
  for (const name in upstream?.headers) if (!NOT_PASSED.has(name)) all[name] = upstream.headers[name];
  for (let at = 0; at < block.length; ) {
    const colon = block.indexOf(":", at);
    const end = block.indexOf("\n", colon);
    all[block.slice(at, colon)] = block.slice(colon + 1, end);
    at = end + 1;
  }
  return all;
}

/** How long what is to be told to meters waits for company. */
const SOON = 50;

/** And what was used without a key. */
const TALLY = 1_000;

/** After how long whoever went first is not waited for any more. */
const LONGEST_LINE = 60_000;

/** How often a tap looks, and how long what is on its way may take when the caller has left. */
const WAKE = 250;
const GRACE = 20;

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits for a promise, but not longer than this. */
async function either(promise, ms) {
  let timer;
  await Promise.race([promise, new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}

/** Reads with a bound on the time between pieces, and on all of it; says in time's place which was `slow`. */
function patient(reader, idle, total) {
  const end = total ? Date.now() + total : Infinity;
  return async () => {
    const left = end - Date.now();
    const [ms, slow] = idle && idle < left ? [idle, "idle"] : [Math.max(left, 0), "late"];
    let timer;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, ms, { slow })));
    const next = reader.read();
    next.catch(() => {});
    try {
      return await Promise.race([next, late]);
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Reads as much as has come at once, where the stream allows it. */
function batches(stream) {
  const cancel = (reader) => () => reader.cancel().catch(() => {});
  try {
    const reader = stream.getReader({ mode: "byob" });
    return { read: () => reader.read(new Uint8Array(65536)), cancel: cancel(reader) };
  } catch {
    const reader = stream.getReader();
    return { read: () => reader.read(), cancel: cancel(reader) };
  }
}

/** How long whoever is told by a webhook may take. */
const LISTENS = 10_000;

/** The storage of a Durable Object, as the Rust side writes it. */
class Cabinet {
  constructor(storage) {
    this.storage = storage;
  }

  get(name) {
    return this.storage.kv.get(name);
  }

  put(name, value) {
    if (value === undefined) this.storage.kv.delete(name);
    else this.storage.kv.put(name, value);
  }

  all(prefix) {
    return [...this.storage.kv.list({ prefix })].flat();
  }

  forget(start, end) {
    for (const [name] of [...this.storage.kv.list({ start, end })]) this.storage.kv.delete(name);
  }

  /** The reply waits for it, as for all that is written. */
  wakeAt(ms) {
    this.storage.setAlarm(ms);
  }
}

/**
 * Each instance counts for one key, team or credential; made anew with the wasm when that broke. No reply leaves
 * before what was written for it is safe.
 */
export class Meter extends DurableObject {
  #counter;
  #life;
  #line;

  async fetch(request) {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/") return new Response(null, { status: 204 });
    if (pathname === "/line") return this.#lineUp();
    if (pathname === "/served") return this.#serveLine(request);
    const body = request.method === "GET" ? search : await request.text();
    if (pathname === "/meet") return new Response(enter(() => this.#awake().meet(body, Date.now())));
    try {
      return new Response(this.#keep((counter) => counter.say(this.ctx.id.name ?? "", pathname.slice(1), body, Date.now())));
    } catch (error) {
      if (typeof error === "string") return new Response(error, { status: 400 });
      throw error;
    }
  }

  /** Lets go what nobody settled, and sends what is to be told; what does not arrive is sent again by a later alarm. */
  async alarm() {
    const { MASTER_KEY = "", MASTER_KEY_NEXT = "", TRUSTED_CUSTOM_HOSTS = "" } = this.env;
    const masters = `${MASTER_KEY_NEXT}\n${MASTER_KEY}`;
    const deliveries = JSON.parse(this.#keep((counter) => counter.wake(masters, TRUSTED_CUSTOM_HOSTS, Date.now())));
    await Promise.all(deliveries.map((delivery) => this.#deliver(delivery)));
  }

  async #deliver({ id, url, headers, body }) {
    const answered = fetch(url, { method: "POST", headers, body, redirect: "manual", signal: AbortSignal.timeout(LISTENS) });
    const arrived = await answered.then((response) => (response.body?.cancel().catch(() => {}), response.ok), () => false);
    if (arrived) this.#keep((counter) => counter.arrived(id));
  }

  #awake() {
    if (this.#life !== life) {
      this.#counter = new Counter(new Cabinet(this.ctx.storage));
      this.#life = life;
    }
    return this.#counter;
  }

  /** All of it is written, or nothing: then what is kept is read again. */
  #keep(call) {
    try {
      return this.ctx.storage.transactionSync(() => enter(() => call(this.#awake())));
    } catch (error) {
      this.#life = undefined;
      throw error;
    }
  }

  /** Whoever comes first may go at once; whoever comes after it hears what it got. One that never came back is let go. */
  async #lineUp() {
    if (!this.#line || Date.now() - this.#line.since > LONGEST_LINE) {
      this.#line?.waiting.forEach((resolve) => resolve());
      this.#line = { since: Date.now(), waiting: [] };
      return new Response(null, { status: 204 });
    }
    const bytes = await new Promise((resolve) => this.#line.waiting.push(resolve));
    return new Response(bytes, { status: bytes ? 200 : 404 });
  }

  async #serveLine(request) {
    const bytes = await request.arrayBuffer();
    const waiting = this.#line?.waiting ?? [];
    this.#line = undefined;
    for (const resolve of waiting) resolve(bytes.byteLength ? bytes : undefined);
    return new Response(null, { status: 204 });
  }
}

/** Rows of text under names, in the database of a Durable Object. */
class Shelf {
  #sql;

  constructor(storage) {
    this.#sql = storage.sql;
    this.#sql.exec("CREATE TABLE IF NOT EXISTS rows (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID");
  }

  get(name) {
    for (const { value } of this.#sql.exec("SELECT value FROM rows WHERE name = ?", name)) return value;
  }

  put(name, value) {
    this.#sql.exec("INSERT INTO rows VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", name, value);
  }

  remove(name) {
    this.#sql.exec("DELETE FROM rows WHERE name = ?", name);
  }

  /** Prefixes end with a slash; what comes after all that begins with it begins with the next letter. */
  list(prefix, after, limit) {
    const end = prefix.slice(0, -1) + "0";
    const rows = "SELECT name, value FROM rows WHERE name > ? AND name < ? ORDER BY name LIMIT ?";
    return [...this.#sql.exec(rows, after > prefix ? after : prefix, end, limit).raw()].flat();
  }
}

/** How many things are told at once, how long each may take, and when what failed is told again. */
const TOLD_AT_ONCE = 64;
const LONGEST_TELLING = 5_000;
const AGAIN = 5_000;

/**
 * The truth of all that the admin API writes. What changed is told to the meters and to the storage before the answer
 * goes; what could not be told stays in the outbox, and an alarm has it told again.
 */
export class Registry extends DurableObject {
  #shelf;
  #telling = Promise.resolve();

  async fetch(request) {
    // Asked for its health.
    if (request.method !== "POST") return new Response(null, { status: 204 });
    const asked = await request.text();
    const answer = this.#register(asked);
    await this.#tell();
    return new Response(enter(settle, this.#rows(), answer));
  }

  alarm() {
    return this.#tell();
  }

  #rows() {
    return (this.#shelf ??= new Shelf(this.ctx.storage));
  }

  /** One transaction. Of what is refused nothing stays. */
  #register(asked) {
    const masters = [this.env.MASTER_KEY_NEXT, this.env.MASTER_KEY].filter((key) => typeof key === "string");
    const seed = crypto.getRandomValues(new Uint8Array(32));
    const rows = this.#rows();
    try {
      const answer = this.ctx.storage.transactionSync(() => enter(register, rows, asked, masters, seed, Date.now()));
      // Written along with it: should all of this end now, it is told all the same.
      if (JSON.parse(answer).marks?.length) this.ctx.storage.setAlarm(Date.now() + AGAIN);
      return answer;
    } catch (refused) {
      if (typeof refused === "string") return refused;
      throw refused;
    }
  }

  /** One round at a time: else what was so earlier might be told later. */
  #tell() {
    return (this.#telling = this.#telling.then(() => this.#tellAll()).catch((error) => console.error(`registry: ${error}`)));
  }

  async #tellAll() {
    for (;;) {
      const all = JSON.parse(enter(due, this.#rows(), TOLD_AT_ONCE));
      const [meters, storage] = [all.filter((one) => one.do === "define"), all.filter((one) => one.do !== "define")];
      const outcomes = [await Promise.all(meters.map((one) => this.#tellOne(one))), await Promise.all(storage.map((one) => this.#tellOne(one)))].flat();
      if (all.length === 0) return this.ctx.storage.deleteAlarm();
      if (outcomes.includes(false)) return this.ctx.storage.setAlarm(Date.now() + AGAIN);
    }
  }

  async #tellOne(one) {
    try {
      let timer;
      const late = new Promise((_, fail) => (timer = setTimeout(fail, LONGEST_TELLING, "late")));
      await Promise.race([this.#carryOut(one), late]).finally(() => clearTimeout(timer));
      enter(told, this.#rows(), one.mark, one.stamp);
      return true;
    } catch (error) {
      console.error(`registry: ${one.mark} was not told: ${error}`);
      return false;
    }
  }

  async #carryOut(one) {
    const { KV, METER } = this.env;
    if (one.do === "put") return KV.put(one.key, one.value);
    if (one.do === "remove") return KV.delete(one.key);
    // With the time: what is late must not undo what was told after it.
    const body = `${Date.now()}\n${one.definition ?? "null"}`;
    const response = await METER.get(METER.idFromName(one.meter)).fetch("http://meter/define", { method: "POST", body });
    await response.body?.cancel();
    if (!response.ok) throw response.status;
  }
}
