// Drops messages while daemons die: node dropper.mjs <root> <seed>. Everything it means to do stands in
// <root>/dropped.ndjson before it is done. SIGTERM ends it after the action it is in.
import {
  appendFileSync,
  closeSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from './random.mjs';
import { SENDER, SERVED } from './root.mjs';

const root = process.argv[2] ?? '';
const random = createRandom(Number(process.argv[3]));
const box = (mailbox, state) => join(root, 'mailboxes', mailbox, state);
const note = (entry) => appendFileSync(join(root, 'dropped.ndjson'), `${JSON.stringify(entry)}\n`);
const visible = (dir) => readdirSync(dir).filter((name) => name.endsWith('.md') && !name.startsWith('.'));
const tasksIn = (dir) => visible(dir).filter((name) => !name.startsWith('chat'));
let isEnding = false;
let count = 0;
let lastTask;
process.once('SIGTERM', () => (isEnding = true));

function compose() {
  const n = (count += 1);
  const token = `msg-${n}-end`;
  const id = `c${process.argv[3]}-${n}`;
  const eol = random.below(5) === 0 ? '\r\n' : '\n';
  const kind = random.pick(['bare', 'bare', 'id', 'reply', 'reply', 'fails', 'restart', 'crash-fail', 'chat']);
  const lines = [
    `# Task ${token}`,
    '',
    random.pick(['Tell ünïcode — “it” 🙂', '```\n---\n```', 'trailing  ', '<!-- run 1 · x -->']),
  ];
  if (kind === 'fails') lines.push('simulate: fail no luck');
  const body = lines.join(eol) + (random.below(3) === 0 ? '' : eol);
  const front = [`id: "${id}" # mine`, `from: ${SENDER}`];
  if (kind === 'reply') front.push('reply: true');
  if (kind === 'restart') front.push('on_crash: restart');
  if (kind === 'crash-fail') front.push('on_crash: fail');
  if (kind === 'chat') {
    front.push('type: chat');
    if (lastTask) front.push(`in_reply_to: "${lastTask}"`);
  }
  front.push(`priority:   ${random.pick(['low', 'normal', 'high', 'urgent'])}`);
  if (kind !== 'bare' && kind !== 'chat') lastTask = id;
  const head = kind === 'bare' ? '' : ['---', ...front, '---', ''].join(eol);
  return {
    token,
    kind,
    id: kind === 'bare' ? undefined : id,
    front: kind === 'bare' ? [] : front,
    body,
    text: head + body,
  };
}

function byRename(mailbox, name, text) {
  const temp = join(root, `drop-${count}.tmp`);
  writeFileSync(temp, text);
  renameSync(temp, join(box(mailbox, 'inbox'), name));
}

async function slowly(mailbox, name, text) {
  const bytes = Buffer.from(text);
  const fd = openSync(join(box(mailbox, 'inbox'), name), 'wx');
  const cut = 1 + random.below(bytes.length - 1);
  writeSync(fd, bytes, 0, cut);
  await sleep(40 + random.below(150));
  writeSync(fd, bytes, cut);
  closeSync(fd);
}

async function drop(mailbox) {
  const message = compose();
  const how = random.below(4) === 0 ? 'slow' : 'rename';
  const name = `${message.kind}-${count}.md`;
  const isCopied = message.kind === 'id' && random.below(2) === 0;
  note({ act: 'drop', ...message, text: undefined, mailbox, name, copies: isCopied ? 2 : 1 });
  if (how === 'slow') await slowly(mailbox, name, message.text);
  else byRename(mailbox, name, message.text);
  if (isCopied) byRename(random.pick(SERVED), `copy-of-${name}`, message.text);
}

/** What a person does with `mv` and `rm`. */
function meddle() {
  const mailbox = random.pick(SERVED);
  const other = SERVED.find((each) => each !== mailbox);
  const [from, to, act] = random.pick([
    [box(mailbox, 'complete'), box(mailbox, 'inbox'), 'retry'],
    [box(mailbox, 'failed'), box(mailbox, 'inbox'), 'retry'],
    [box(mailbox, 'in_progress'), box(mailbox, 'failed'), 'cancel'],
    [box(mailbox, 'in_progress'), box(mailbox, 'inbox'), 'take back'],
    [box(mailbox, 'inbox'), box(other, 'inbox'), 'reassign'],
    [box(mailbox, 'complete'), undefined, 'delete'],
  ]);
  const name = random.pick(tasksIn(from));
  if (name === undefined) return;
  try {
    const number = readFileSync(join(from, name), 'utf8').match(/msg-\d+-end/)?.[0];
    if (to !== undefined && statSync(join(to, name), { throwIfNoEntry: false })) return;
    note({ act, token: number, name });
    if (to === undefined) unlinkSync(join(from, name));
    else renameSync(join(from, name), join(to, name));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error; // the daemon was faster
  }
}

while (!isEnding) {
  const short = SERVED.filter((mailbox) => tasksIn(box(mailbox, 'inbox')).length < 6);
  if (short.length > 0) await drop(random.pick(short));
  else await sleep(60);
  if (random.below(12) === 0) meddle();
}
