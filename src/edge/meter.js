// The Durable Object that counts.

import { DurableObject } from "cloudflare:workers";
import { Counter, enter, life } from "./wasm.js";

/** After how long whoever went first is not waited for any more. */
const LONGEST_LINE = 60_000;

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
