// The least that a gateway in JavaScript does: it knows what it is asked. Its answers pass untouched.
export default {
  async fetch(request, env) {
    const body = await request.text();
    if (!JSON.parse(body).model) return new Response("No model.", { status: 400 });
    return fetch(env.UPSTREAM + new URL(request.url).pathname, { method: "POST", headers: request.headers, body });
  },
};
