// The Worker's entry, and what of a request only JavaScript can do at no cost: to make promises, streams and
// headers of the platform. It decides nothing; it does what the Rust side asks for, in as few crossings as there can
// be. An awaited promise of Rust's would cost some twenty microseconds: here `arrive` calls back into it instead.

import { Exchange } from "./exchange.js";

export { Meter } from "./meter.js";
export { Registry } from "./registry.js";

// A stream that broke keeps its error, and an error's stack keeps the objects whose code it went through, that stream
// among them: where a caller leaves, none of them would ever go.
Error.stackTraceLimit = 0;

export default {
  fetch(request, env, context) {
    return new Exchange(request, env, context).begin();
  },
};
