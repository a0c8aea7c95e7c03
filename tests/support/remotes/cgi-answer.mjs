/**
 * Passes what a CGI program prints on to a client: its headers, with the status among them, then its body as it comes.
 * After `limit` bytes of the body the connection is cut, with 0 before the headers; the program is read to its end all
 * the same.
 * @param {import('node:stream').Readable} output
 * @param {import('node:http').ServerResponse} response
 * @param {number} [limit]
 */
export function answerWith(output, response, limit = Number.POSITIVE_INFINITY) {
  let head = Buffer.alloc(0);
  let started = false;
  let left = limit;

  output.on('data', (/** @type {Buffer} */ chunk) => {
    if (started) {
      send(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    started = true;
    const { status, headers } = parseHead(head.toString('latin1', 0, end));
    if (left > 0 && !response.destroyed) response.writeHead(status, headers);
    send(head.subarray(end + 4));
  });
  output.on('end', () => {
    if (limit !== Number.POSITIVE_INFINITY) {
      cut();
    } else if (started) {
      response.end();
    } else if (!response.destroyed) {
      response.writeHead(500).end('git http-backend printed no headers\n');
    }
  });
  response.on('drain', () => output.resume());
  response.on('close', () => output.resume());

  /** @param {Buffer} chunk */
  function send(chunk) {
    if (response.destroyed || left <= 0) return;
    const part = chunk.subarray(0, Math.min(left, chunk.length));
    left -= part.length;
    if (part.length > 0 && !response.write(part)) output.pause();
    if (left <= 0) cut();
  }

  // Where nothing of the answer may arrive, git still finishes first: the outcome is there, only unknown.
  function cut() {
    if (limit === 0 && !output.readableEnded) return;
    const { socket } = response;
    // What was written goes out before the connection ends, or nobody saw an answer begin.
    socket?.end(() => socket.destroy());
  }
}

/** @param {string} text */
function parseHead(text) {
  /** @type {Record<string, string>} */
  const headers = {};
  let status = 200;
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim();
    const value = line.slice(colon + 1).trim();
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
    else if (colon > 0) headers[name] = value;
  }
  return { status, headers };
}
