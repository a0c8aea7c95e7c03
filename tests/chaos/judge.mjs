/**
 * What must be true when all has healed and is quiet. The checks look at what there is (picture.mjs), at what people
 * wrote (people.mjs), at what the tasks did (effects.mjs) and at the history of main; none asks mailboxd.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { overlaps, readRuns } from './effects.mjs';
import { git, readBlobs } from './git.mjs';
import { LEASE, SERVED } from './host.mjs';
import { tokensIn } from './people.mjs';
import { differences, readClaimRefs, readKept, readMain, readRoot, readUntidy } from './picture.mjs';

/**
 * @typedef {{ host: string, kind: string, from: number, to: number }} FaultTime ms since 1970
 * @typedef {{ remote: string, hosts: { name: string, root: string, effects: string }[],
 *   people: { written: Map<string, any>, again: Map<string, number> }, times: FaultTime[],
 *   parse: (bytes: Buffer) => any }} Evidence
 * @typedef {{ violations: string[], messages: number, overlaps: number, kept: number, runs: number, copies: number }} Judgement
 */

/** @param {Evidence} evidence @returns {Judgement} */
export function judge(evidence) {
  const { remote, hosts } = evidence;
  /** @type {string[]} */
  const violations = [];
  const say = (/** @type {string} */ text) => violations.push(text);
  if (!hasMain(remote)) {
    say('lost: the remote has no main');
    return { violations, messages: 0, copies: 0, overlaps: 0, kept: 0, runs: 0 };
  }
  const main = readMain(remote);
  for (const { name, root } of hosts) {
    const differing = differences(main, readRoot(root));
    if (differing.length > 0)
      say(`not converged: ${name} differs from main in ${differing.length}: ${differing.slice(0, 6).join(', ')}`);
    for (const what of readUntidy(root)) say(`untidy: ${name}: ${what}`);
  }
  for (const ref of readClaimRefs(remote)) say(`claim left: ${ref}`);
  const kept = hosts.flatMap(({ root }) => readKept(root));
  const found = judgeMessages(evidence, main, kept, say);
  judgeHistory(evidence, say);
  const runs = readRuns(hosts.map(({ effects }) => effects));
  return { violations, ...found, overlaps: judgeRuns(evidence, runs, say), kept: kept.length, runs: runs.length };
}

function hasMain(remote) {
  return git(remote, 'for-each-ref', 'refs/heads/main') !== '';
}

/** Each message in one place, and nothing that was written lost. */
function judgeMessages({ remote, people, parse }, main, kept, say) {
  const paths = [...main].filter(([path]) => path.startsWith('mailboxes/') && path.endsWith('.md'));
  const blobs = readBlobs(remote, [...new Set(paths.map(([, oid]) => oid))]);
  const byId = new Map();
  const byToken = new Map();
  const texts = new Set(kept.flatMap(tokensIn));
  let copies = 0;
  for (const [path, oid] of paths) {
    const bytes = blobs.get(oid) ?? Buffer.alloc(0);
    for (const token of tokensIn(bytes.toString('utf8'))) texts.add(token);
    let message;
    try {
      message = parse(bytes);
    } catch (error) {
      say(`torn: ${path} cannot be read: ${error.message}`);
      continue;
    }
    const { front, ownText } = message;
    if (front.id !== undefined) byId.set(front.id, [...(byId.get(front.id) ?? []), path]);
    const [, mailbox = '', state = ''] = path.split('/');
    if (!SERVED.includes(mailbox) || front.type === 'chat') continue;
    const token = /^# Task (msg-\d+-end)/m.exec(ownText)?.[1];
    if (token === undefined) continue;
    byToken.set(token, [...(byToken.get(token) ?? []), path]);
    if (front.copied_from !== undefined) copies += 1;
    if (state === 'inbox' || state === 'in_progress') say(`not finished: ${path}`);
    if (front.claim !== undefined) say(`claim left in ${path}`);
  }
  for (const [id, places] of byId) if (places.length > 1) say(`one id twice: ${id} is in ${places.join(', ')}`);
  for (const { token, message, by, what, gone } of people.written.values()) {
    if (!texts.has(token) && gone === undefined)
      say(`lost: ${token} (${what} by a person on ${by}${token === message ? '' : `, in ${message}`}) is nowhere`);
    const places = byToken.get(token) ?? [];
    if (places.length > 1 + (people.again.get(token) ?? 0)) say(`twice: ${token} is in ${places.join(', ')}`);
    if (token === message && places.length === 0 && texts.has(token) && gone === undefined)
      say(`lost: the message of ${token} is only quoted or kept`);
  }
  return { messages: byToken.size, copies };
}

/** No message came to a complete end more often than people had it run again. */
function judgeHistory({ remote, people, parse }, say) {
  const listed = git(remote, 'log', '--format=', '--raw', '--no-abbrev', '--no-renames', '-m', '--root', 'main');
  const oids = new Set();
  for (const line of listed.split('\n')) {
    const match = /^:\d+ \d+ \w+ (\w{40}) [AM]\t"?mailboxes\/[^/]+\/(complete|failed|inbox)\//.exec(line);
    if (match) oids.add(match[1]);
  }
  // A run's token is made anew by each host that takes the message on; its worker, epoch and start stay.
  const ends = new Map();
  for (const [oid, bytes] of oids.size === 0 ? [] : readBlobs(remote, [...oids])) {
    let message;
    try {
      message = parse(bytes);
    } catch {
      continue; // said for main's own
    }
    const token = /^# Task (msg-\d+-end)/m.exec(message.ownText)?.[1];
    if (token === undefined) continue;
    for (const run of message.front.runs ?? [])
      if (run.outcome === 'complete')
        ends.set(
          token,
          new Map(ends.get(token)).set(
            `${run.worker} ${run.epoch} ${run.started}`,
            `${run.worker} epoch ${run.epoch} (${oid.slice(0, 8)})`,
          ),
        );
  }
  for (const [token, runs] of ends)
    if (runs.size > 1 + (people.again.get(token) ?? 0))
      say(`finished ${runs.size} times: ${token} by ${[...runs.values()].join(' and ')}`);
}

/** A second run may begin only when the first one's host was cut off or stopped. Returns how many did. */
function judgeRuns({ times }, runs, say) {
  let allowed = 0;
  for (const [earlier, later] of overlaps(runs)) {
    const isExcused = times.some(
      ({ host, from, to }) => host === earlier.host && from <= later.from && to >= later.from - 4 * LEASE,
    );
    if (isExcused && earlier.host !== later.host) allowed += 1;
    else
      say(
        `ran twice at once: ${earlier.id} on ${earlier.host} (epoch ${earlier.epoch}, pid ${earlier.pid}) and for ${Math.round(earlier.to - later.from)} ms on ${later.host} (epoch ${later.epoch}, pid ${later.pid}), with no fault on ${earlier.host}`,
      );
  }
  return allowed;
}

/**
 * Why it is not quiet yet; undefined when it is.
 * @param {{ remote: string, hosts: import('./host.mjs').Host[] }} world
 */
export function whyBusy({ remote, hosts }) {
  for (const host of hosts) {
    const problem = host.status()?.problem;
    if (problem) return `${host.name}: ${problem.message}`;
  }
  const main = readMain(remote);
  const waiting = [...main.keys()].filter((path) => SERVED.some((name) => isWaiting(path, name)));
  const tasks = waiting.filter((path) => !isChat(hosts[0]?.root ?? '', path));
  if (tasks.length > 0) return `${tasks.length} tasks wait: ${tasks.slice(0, 3).join(', ')}`;
  const claims = readClaimRefs(remote);
  if (claims.length > 0) return `${claims.length} claims: ${claims.slice(0, 2).join(', ')}`;
  for (const { name, root } of hosts) {
    const differing = differences(main, readRoot(root));
    if (differing.length > 0) return `${name} differs from main: ${differing.slice(0, 4).join(', ')}`;
  }
  for (const { name, root } of hosts) {
    const status = git(root, 'status', '--porcelain').trim();
    if (status !== '') return `${name}: git status: ${status.split('\n').slice(0, 3).join(' | ')}`;
  }
  return undefined;
}

const isWaiting = (path, name) =>
  path.endsWith('.md') &&
  (path.startsWith(`mailboxes/${name}/inbox/`) || path.startsWith(`mailboxes/${name}/in_progress/`));

function isChat(root, path) {
  try {
    return /^type: "?chat"?$/m.test(readFileSync(join(root, path), 'utf8').slice(0, 4_000));
  } catch {
    return false;
  }
}
