import { createHash } from "node:crypto";

export const PIXEL = {
  type: "image/png",
  data: "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
};

/** What a test knows an image by: its type and the digest of its bytes, or its address. */
export function pictured(url) {
  const [, type, data] = url.match(/^data:([^;]+);base64,(.*)$/s) ?? [];
  return data ? digested(type, data) : url;
}

export function digested(type, data) {
  return `${type} ${createHash("sha256").update(Buffer.from(data, "base64")).digest("hex")}`;
}
