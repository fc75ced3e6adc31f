// The physical limit: what workerd itself takes to pass a request on and its answer back.
export default {
  fetch(request, env) {
    return fetch(env.UPSTREAM + new URL(request.url).pathname, request);
  },
};
