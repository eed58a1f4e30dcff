// Server-sent events over fetch (EventSource cannot carry a token): the way in when no socket gets through.

/** Splits the text of an event stream into `{id, event, data}`; returns what is left over. */
export function parseEvents(text, take) {
  const blocks = text.split(/\r?\n\r?\n/);
  const rest = blocks.pop();
  for (const block of blocks) {
    const event = { id: undefined, event: 'message', data: '' };
    for (const line of block.split(/\r?\n/)) {
      const colon = line.indexOf(':');
      if (colon <= 0) continue;
      const [field, value] = [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')];
      if (field === 'data') event.data += event.data ? `\n${value}` : value;
      else if (field === 'id' || field === 'event' || field === 'retry') event[field] = value;
    }
    if (event.data || event.retry) take(event);
  }
  return rest;
}

/** Reads one order's frames after fact number `after` until the stream ends or `signal` fires. */
export async function streamOrder(api, orderId, after, { onOpen, onFrame }, signal) {
  const answer = await fetch(`/v1/orders/${orderId}/events`, {
    headers: { accept: 'text/event-stream', authorization: `Bearer ${await api.session.token()}`, ...(after === undefined ? {} : { 'last-event-id': String(after) }) },
    signal, cache: 'no-store',
  });
  if (!answer.ok) throw new Error(`event stream answered ${answer.status}`);
  onOpen();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text = parseEvents(text + value, (event) => {
      if (!event.data) return;
      const body = JSON.parse(event.data);
      if (typeof body.type === 'string') onFrame(body);
    });
  }
}
