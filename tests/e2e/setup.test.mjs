// What the scripts say on a machine where something is missing.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What a script says and how it ends where only these programs are: a text is what one says, whatever it is asked. */
async function run(script, programs) {
  const folder = mkdtempSync(join(tmpdir(), "causeway-setup-"));
  for (const name of ["bash", "env", "dirname", "awk", "tr", "cmp", "sed", "mktemp", "rm"]) {
    for (const from of ["/bin", "/usr/bin"]) {
      try {
        symlinkSync(join(from, name), join(folder, name));
        break;
      } catch {
        // It was in the other.
      }
    }
  }
  for (const [name, says] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\necho '${says}'\n`);
    chmodSync(join(folder, name), 0o755);
  }
  try {
    return await new Promise((resolve) => {
      execFile(join(ROOT, "scripts", script), { cwd: ROOT, env: { PATH: folder } }, (error, _, stderr) => resolve({ code: error?.code ?? 0, stderr }));
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const script of ["setup", "build", "dev", "test"]) {
  test(`scripts/${script} says which program is missing, and where to get it`, async () => {
    const rust = { cargo: "cargo 1.95.0", rustc: "/nowhere" };
    for (const [programs, words] of [
      [{}, /Rust is missing: install it from https:\/\/rustup\.rs/],
      [rust, /Node\.js is missing: install version 20 or later from https:\/\/nodejs\.org/],
      [{ ...rust, node: "18", npm: "10" }, /Node\.js 18 is too old: install version 20 or later/],
      [{ ...rust, node: "22", npm: "10" }, /target wasm32-unknown-unknown is missing, and there is no rustup to add it/],
    ]) {
      const { code, stderr } = await run(script, programs);
      assert.equal(code, 1, stderr);
      assert.match(stderr, words);
    }
  });
}
