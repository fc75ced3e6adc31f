// What a Worker keeps in its memory, as its inspector tells.

/** How many objects of each name the Worker's heap holds, without those that nobody needs any more. */
export async function heap(inspector) {
  const [{ webSocketDebuggerUrl }] = (await (await fetch(`http://127.0.0.1:${inspector}/json`)).json()).filter(({ id }) => id === "causeway");
  const socket = new WebSocket(webSocketDebuggerUrl);
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
  const chunks = [];
  const done = new Promise((resolve) => {
    socket.onmessage = ({ data }) => {
      const { id, method, params } = JSON.parse(data);
      if (method === "HeapProfiler.addHeapSnapshotChunk") chunks.push(params.chunk);
      if (id === 2) resolve();
    };
  });
  socket.send(JSON.stringify({ id: 1, method: "HeapProfiler.enable" }));
  socket.send(JSON.stringify({ id: 2, method: "HeapProfiler.takeHeapSnapshot", params: { reportProgress: false } }));
  await done;
  socket.close();
  const { snapshot, nodes, strings } = JSON.parse(chunks.join(""));
  const fields = snapshot.meta.node_fields;
  const counts = {};
  for (let at = fields.indexOf("name"); at < nodes.length; at += fields.length) {
    const name = strings[nodes[at]];
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
