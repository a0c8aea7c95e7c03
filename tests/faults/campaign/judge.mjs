/**
 * What must be true when all daemons are dead or have ended in good order: each dropped message is in exactly one
 * place, whole, with one end, and nothing else is left.
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { KEY, listAll } from './root.mjs';

function readLines(path) {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}

/** @returns {Promise<{ violations: string[], messages: number, moved: number, replies: number }>} */
export async function judgeRoot(dir) {
  const { parseMessage } = await import('../../../dist/format/message.js');
  const violations = [];
  const say = (text) => violations.push(text);
  const acts = readLines(join(dir, 'dropped.ndjson'));
  const dropped = acts.filter((entry) => entry.act === 'drop');
  const touched = (token, ...kinds) =>
    acts.filter((entry) => entry.token === token && kinds.includes(entry.act)).length;
  const found = new Map();
  const replies = new Map();
  for (const file of listAll(dir)) {
    const where = `${file.mailbox}/${file.state}/${file.name}`;
    if (file.name.startsWith('.')) {
      say(`hidden file left: ${where}`);
      continue;
    }
    const bytes = readFileSync(file.path);
    let message;
    try {
      message = parseMessage(bytes, KEY);
    } catch (error) {
      say(`torn: ${where} cannot be read: ${error.message}`);
      continue;
    }
    if (file.mailbox === 'sender') {
      const { id } = message.front;
      if (replies.has(id)) say(`reply sent twice: ${where} and ${replies.get(id)}`);
      replies.set(id, where);
      continue;
    }
    const token = /msg-\d+-end/.exec(message.ownText)?.[0];
    if (token === undefined) {
      say(`torn: ${where} has lost its text`);
      continue;
    }
    found.set(token, [...(found.get(token) ?? []), { ...file, where, message, text: bytes.toString('utf8') }]);
  }

  for (const entry of dropped) {
    const places = found.get(entry.token) ?? [];
    found.delete(entry.token);
    const deleted = touched(entry.token, 'delete');
    const names = places.map((place) => place.where).join(', ');
    if (places.length > entry.copies) say(`twice: ${entry.token} (${entry.kind}) is in ${names}`);
    if (places.length < entry.copies - deleted)
      say(`lost: ${entry.token} (${entry.kind} ${entry.name}) is in ${names || 'no place'}`);
    for (const place of places) judgeMessage(entry, place, touched(entry.token, 'retry', 'cancel', 'take back'), say);
    const ids = places.map((place) => place.message.front.id).filter((id) => id !== undefined);
    if (new Set(ids).size !== ids.length) say(`one id twice: ${names}`);
    for (const place of places) {
      const { front } = place.message;
      if (entry.kind === 'reply' && front.result && !replies.has(`re-${front.id}-${front.epoch}`))
        say(`reply lost: ${place.where}`);
    }
  }
  for (const [token, places] of found)
    say(`found ${token}, which nobody dropped, in ${places.map((place) => place.where).join(', ')}`);
  for (const pid of processesOf(dir)) say(`process left: ${pid}`);
  return { violations, messages: dropped.length, moved: acts.length - dropped.length, replies: replies.size };
}

function judgeMessage(entry, { state, where, message, text }, meddled, say) {
  const { front, ownText, markers, split } = message;
  if (ownText !== entry.body)
    say(`torn: own text of ${where} is ${JSON.stringify(ownText)}, was ${JSON.stringify(entry.body)}`);
  for (const line of entry.front) {
    // A copy gets an id of its own; everything else stays as it was written.
    if (!split.block?.split(/\r?\n/).includes(line) && !line.startsWith('id:'))
      say(`torn: ${where} has lost the line ${line}`);
  }
  if (entry.id !== undefined && front.id !== entry.id && front.copied_from !== entry.id)
    say(`torn: ${where} has lost its id`);
  if (entry.kind === 'chat') {
    if (state !== 'inbox' && state !== 'complete') say(`chat in ${where}`);
    return;
  }
  if (state !== 'complete' && state !== 'failed') return say(`not finished: ${where}`);
  if (front.claim !== undefined) say(`claim left in ${where}`);
  if (front.result === undefined) return say(`no result in the front matter of ${where}`);
  const runs = markers.filter((marker) => marker.kind === 'run').map((marker) => marker.n);
  const results = markers.filter((marker) => marker.kind === 'result');
  const isRun = front.result.error?.code !== 'max_crashes';
  if (runs.some((n, at) => n !== at + 1)) say(`runs of ${where} are numbered ${runs.join(' ')}`);
  const records = (front.runs ?? []).map((run) => run.n);
  if (records.join() !== runs.slice(-records.length).join())
    say(`records of ${where} are ${records.join(' ')}, runs ${runs.join(' ')}`);
  if (isRun && (results.length < 1 || results.at(-1).n !== runs.at(-1))) say(`no result of the last run in ${where}`);
  if (results.length > 1 + meddled) say(`finished twice: ${where} has ${results.length} results`);
  if ((text.match(/^## Result\r?$/gm) ?? []).length !== results.length)
    say(`result sections of ${where} are not what its markers say`);
  if (state === 'complete' && front.result.outcome !== 'complete') say(`${front.result.outcome} in ${where}`);
}

/** Processes that still work on this root. */
function processesOf(dir) {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid || Number(pid) === process.ppid) return false;
    try {
      const text = `${readFileSync(`/proc/${pid}/cmdline`, 'latin1')}\0${readlinkSync(`/proc/${pid}/cwd`)}`;
      return text.includes(dir) && !text.includes('campaign.mjs');
    } catch {
      return false;
    }
  });
}
