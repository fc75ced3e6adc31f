// One request: what the Rust side asks of the platform for it.

import { SOON, meterOf, notes, said, untold } from "./meters.js";
import { batches, sleep, through, whole, within } from "./streams.js";
import { Upstream, fields } from "./upstream.js";
import { arrive, edit, enter, finish, forget, life, look, serve, tallied } from "./wasm.js";

const encoder = new TextEncoder();

/** One request and its answer. */
export class Exchange {
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
    this.land(slot, within(ms, this.left()).catch(() => {}));
  }

  /** That the caller has left. */
  left() {
    const { signal } = this.request;
    return signal.aborted ? Promise.resolve() : new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
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
    const came = async () => Promise.race([this.line(name).lineUp(), this.left().then(() => false)]);
    this.land(slot, within(timeout, came()).catch(() => false));
  }

  /** Gives those who lined up what came, or nothing. */
  serveLine(name, value) {
    this.context.waitUntil(this.line(name).serveLine(value ?? false).catch(() => {}));
  }

  line(name) {
    return meterOf(this.env, `line:${name}`);
  }

  /** Asks meters, all at once; lands with a line for each answer, empty for what did not come in time. */
  askMeters(slot, block, timeout) {
    const answers = notes(block).map(([meter, verb, body]) => within(timeout, said(this.env, meter, verb, body)).catch(() => ""));
    this.land(slot, Promise.all(answers).then((lines) => lines.join("\n")));
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
    const answered = async () => REGISTRY.get(REGISTRY.idFromName("registry")).ask(request);
    const answer = answered();
    this.context.waitUntil(answer.catch(() => {}));
    this.land(slot, answer);
  }

  /** Tells the other isolates how targets do, and hears what they know. */
  meet(slot, news, timeout) {
    const met = async () => meterOf(this.env, "health").meet(news);
    const heard = within(timeout, met());
    this.context.waitUntil(heard.catch(() => {}));
    this.land(slot, heard);
  }

  /** Whether each of the bindings answers, as one digit each: the KV namespace, the Durable Objects. */
  bindings(slot) {
    const { KV, REGISTRY } = this.env;
    const asked = [
      () => KV.get("healthz"),
      () => meterOf(this.env, "healthz").ping(),
      () => REGISTRY.get(REGISTRY.idFromName("healthz")).ping(),
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
      if (!flow.settled) await within(WAKE, flow.piped).catch(() => {});
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

/** How long what was used without a key waits for company. */
const TALLY = 1_000;

/** How often a tap looks, and how long what is on its way may take when the caller has left. */
const WAKE = 250;
const GRACE = 20;

/** What is in the namespace under a key; fails with "late" when it does not tell in time. */
async function held(namespace, key, timeout) {
  if (!namespace) return null;
  const value = await within(timeout, namespace.get(key, "arrayBuffer"));
  return value && new Uint8Array(value);
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
