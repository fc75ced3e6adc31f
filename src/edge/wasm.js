// The Rust side, and the one way into it.

import { __wbg_reset_state as restart, initSync } from "causeway";
import wasm from "./index_bg.wasm";

export { Counter, arrive, due, edit, finish, forget, look, register, serve, settle, tallied, told } from "causeway";

initSync({ module: wasm });

// A trap leaves the wasm in pieces. Whatever it was doing is lost; the next call finds it as new.
export let life = 0;
let broken = false;

export function enter(call, ...given) {
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
