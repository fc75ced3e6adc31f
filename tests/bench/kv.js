// KV behind the protocol that workerd's binding speaks, in memory and without expiry.
const entries = new Map([
  ["config:two-targets", JSON.stringify({
    strategy: { mode: "fallback" },
    targets: [{ provider: "openai" }, { provider: "openai", override_params: { model: "gpt-4o-mini" } }],
  })],
]);

export default {
  async fetch(request) {
    const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
    if (request.method === "PUT") entries.set(key, await request.arrayBuffer());
    else if (request.method === "DELETE") entries.delete(key);
    else if (entries.has(key)) return new Response(entries.get(key));
    else return new Response("Not Found", { status: 404 });
    return new Response();
  },
};
