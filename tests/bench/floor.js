// The least that a gateway does whose answers explain themselves, in JavaScript and with nothing decided: it reads the
// head and the body, lets the caller's leaving end the request, gives a whole answer headers of its own, and hands a
// stream on piece by piece, as whoever changes it must.
export default {
  async fetch(request, env, context) {
    let head = request.method + request.url;
    for (const [name, value] of request.headers) head += name + value;
    const body = await request.arrayBuffer();
    const answer = await fetch(env.UPSTREAM + new URL(request.url).pathname, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${head.length}` },
      body,
      redirect: "manual",
      signal: request.signal,
    });
    const headers = Object.fromEntries(answer.headers);
    delete headers["content-length"];
    for (const name of EXPLAINED) headers[`x-causeway-${name}`] = "0123456789abcdef";
    if (!headers["content-type"].startsWith("text/event-stream")) return new Response(await answer.arrayBuffer(), { headers });
    const channel = new IdentityTransformStream();
    context.waitUntil(pump(answer.body.getReader(), channel.writable.getWriter()));
    return new Response(channel.readable, { headers });
  },
};

const EXPLAINED = ["trace-id", "provider", "retries", "cache", "model", "target", "attempts", "overhead-ms", "request-id"];

async function pump(reader, writer) {
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return writer.close();
    await writer.write(value);
  }
}
