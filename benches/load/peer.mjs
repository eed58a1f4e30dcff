// The peer of the live side: Bun's server, whose sockets are uWebSockets. It keeps nothing, asks nobody who they are,
// and cannot say what somebody has missed: the least that a fan-out can be.
const riders = new Map();

const sound = (fix) =>
  Number.isSafeInteger(fix.seq) && fix.lat >= -90 && fix.lat <= 90 && fix.lon >= -180 && fix.lon <= 180 &&
  fix.accuracy_m >= 0 && fix.accuracy_m <= 100 && Number.isFinite(Date.parse(fix.at));

// A rider's batch: each fix looked at, the newest kept, and an answer like ours.
function take(ws, text) {
  const { id, fixes } = JSON.parse(text);
  let accepted = 0;
  let newest = riders.get(ws.data.rider);
  for (const fix of fixes) {
    if (sound(fix) && (!newest || fix.seq > newest.seq)) {
      newest = fix;
      accepted += 1;
    }
  }
  riders.set(ws.data.rider, newest);
  const quarantined = fixes.length - accepted;
  ws.send(JSON.stringify({ type: "fixes_taken", id, accepted, late: 0, quarantined, fix_seq: newest?.seq ?? 0 }));
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch(request, server) {
    const { pathname, searchParams } = new URL(request.url);
    const data = { publisher: pathname === "/publish", topic: searchParams.get("topic"), rider: searchParams.get("rider") };
    return server.upgrade(request, { data }) ? undefined : new Response("sockets only", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    open(ws) {
      if (ws.data.topic) ws.subscribe(ws.data.topic);
    },
    message(ws, text) {
      if (ws.data.rider) return take(ws, text);
      if (!ws.data.publisher) return ws.send(text); // an echo, for traffic
      const end = text.indexOf("\n");
      server.publish(text.slice(0, end), text.slice(end + 1));
      ws.send("taken");
    },
  },
});
console.log(`listening on ${server.port}`);
