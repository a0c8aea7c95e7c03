/**
 * What people do to a root: files dropped, edited, moved, deleted, and git by hand. All that a person writes carries a
 * token of its own, which stands in the ledger before it is written; whatever a person takes away is noted, too.
 */
import { readdirSync, readFileSync, renameSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SENDERS, SERVED } from './host.mjs';
import { tryGit } from './git.mjs';

/** @typedef {import('./host.mjs').Host} Host */
/** @typedef {{ token: string, message: string, by: string, what: string, gone?: string }} Written */

const TOKEN = /\b(?:msg|edit)-\d+-end\b/g;

export class People {
  /** Everything that was written, by token. @type {Map<string, Written>} */
  written = new Map();
  /** What was done, in order, for the trace. @type {string[]} */
  trace = [];
  /** @type {Record<string, number>} */
  counts = {};
  /** How often a person had a message run again, or made a second one of it, by message token. @type {Map<string, number>} */
  again = new Map();
  #count = 0;
  #began = performance.now();

  /** @param {any} random of createRandom */
  constructor(random) {
    this.random = random;
  }

  /** @param {string} line */
  note(line) {
    this.trace.push(`${((performance.now() - this.#began) / 1000).toFixed(2)} ${line}`);
  }

  /** @param {string} what @param {string} line */
  #did(what, line) {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
    this.note(`${what}: ${line}`);
  }

  /** @param {'msg' | 'edit'} kind @param {string | undefined} message @param {string} by @param {string} what */
  #token(kind, message, by, what) {
    const token = `${kind}-${(this.#count += 1)}-end`;
    this.written.set(token, { token, message: message ?? token, by, what });
    return token;
  }

  /** @param {Host} host @param {string} mailbox @param {string} state */
  names(host, mailbox, state) {
    try {
      return readdirSync(join(host.root, 'mailboxes', mailbox, state)).filter((name) => /^[^.].*\.md$/.test(name));
    } catch {
      return [];
    }
  }

  /** A message for the workers. @param {Host} host @param {string} [as] the file's name */
  drop(host, as) {
    const { random } = this;
    const token = this.#token('msg', undefined, host.name, 'dropped');
    const mailbox = random.pick(SERVED);
    const kind = random.pick(['bare', 'bare', 'id', 'id', 'reply', 'refuses']);
    const name = as ?? `${kind}-${token}.md`;
    const front = [];
    if (kind !== 'bare') front.push(`id: "c-${token}" # mine`, `from: ${random.pick(SENDERS)}`);
    if (kind === 'reply') front.push('reply: true');
    if (random.below(3) === 0) front.push('on_crash: restart');
    const body = [`# Task ${token}`, '', `work: ${1 + random.below(random.below(4) === 0 ? 60 : 12)}`];
    if (kind === 'refuses') body.push('refuse: 1');
    const text = `${front.length > 0 ? `---\n${front.join('\n')}\n---\n` : ''}${body.join('\n')}\n`;
    this.#did('drop', `${host.name} ${mailbox}/inbox/${name} ${token}`);
    this.#write(host, join(host.root, 'mailboxes', mailbox, 'inbox', name), text, token);
  }

  /** Two people, one name, at the same moment. @param {Host} one @param {Host} other */
  dropSameName(one, other) {
    const name = `report-${(this.#count += 1)}.md`;
    const before = this.random;
    this.random = { ...before, pick: (list) => list[0] }; // the same mailbox, and no id
    this.drop(one, name);
    this.drop(other, name);
    this.random = before;
    this.counts['same name'] = (this.counts['same name'] ?? 0) + 1;
  }

  /** @param {Host} host @param {string} path @param {string} text @param {string} token */
  #write(host, path, text, token) {
    // Where the disk may be full, only a careful editor: one that writes in place would lose what was there.
    if (!host.isSmall && this.random.below(2) === 0) return writeFileSync(path, text);
    const temp = join(path, '..', `.person-${(this.#count += 1)}.swp`);
    try {
      writeFileSync(temp, text);
      renameSync(temp, path);
    } catch (error) {
      if (error.code !== 'ENOSPC') throw error;
      rmSync(temp, { force: true });
      this.written.delete(token);
      this.note(`the disk of ${host.name} is full: ${token} was not written`);
    }
  }

  /** Any message that stands in one of the `states`. @param {Host} host @param {string[]} states @param {string[]} [boxes] */
  #pick(host, states, boxes = SERVED) {
    const found = boxes.flatMap((mailbox) =>
      states.flatMap((state) => this.names(host, mailbox, state).map((name) => ({ mailbox, state, name }))),
    );
    const place = found.length === 0 ? undefined : this.random.pick(found);
    if (!place) return undefined;
    const path = join(host.root, 'mailboxes', place.mailbox, place.state, place.name);
    try {
      const text = readFileSync(path, 'utf8');
      return { ...place, path, text, ino: statSync(path).ino, message: /msg-\d+-end/.exec(text)?.[0] };
    } catch {
      return undefined; // it has just gone
    }
  }

  /** A line more in the text, or a field in the front matter. @param {Host} host */
  edit(host) {
    const states = this.random.pick([['inbox'], ['inbox'], ['in_progress'], ['complete', 'failed']]);
    const at = this.#pick(host, states);
    if (!at?.message) return;
    const isFront = at.text.startsWith('---\n') && this.random.below(3) === 0;
    const token = this.#token('edit', at.message, host.name, `${isFront ? 'front matter' : 'text'} in ${at.state}`);
    const lines = at.text.split('\n');
    const where = isFront ? 1 : lines.findIndex((line) => line.startsWith('# Task')) + 1;
    const isOnce = isFront && !/^metadata:/m.test(at.text);
    lines.splice(where, 0, isOnce ? `metadata: { note: "${token}" }` : isFront ? `# ${token}` : `Also: ${token}`);
    // An editor looks whether the file is still the one it has read.
    if (statSync(at.path, { throwIfNoEntry: false })?.ino !== at.ino || readFileSync(at.path, 'utf8') !== at.text) {
      this.written.delete(token);
      return;
    }
    this.#did('edit', `${host.name} ${at.mailbox}/${at.state}/${at.name} ${token}${isFront ? ' (front matter)' : ''}`);
    this.#write(host, at.path, lines.join('\n'), token);
  }

  /** Takes a file away. @param {Host} host */
  delete(host) {
    const at = this.#pick(host, this.random.pick([['inbox'], ['complete', 'failed'], ['in_progress']]));
    if (!at?.message) return;
    this.#did('delete', `${host.name} ${at.mailbox}/${at.state}/${at.name} ${at.message}`);
    try {
      unlinkSync(at.path);
    } catch {
      return;
    }
    for (const [token] of at.text.matchAll(TOKEN)) {
      const entry = this.written.get(token);
      if (entry) entry.gone = `deleted in ${at.state} on ${host.name}`;
    }
    this.#mayRunAgain(at.message);
  }

  /** Between states and mailboxes, by rename. @param {Host} host */
  move(host) {
    const [what, from, to] = this.random.pick([
      ['retry', 'complete', 'inbox'],
      ['retry', 'failed', 'inbox'],
      ['cancel', 'in_progress', 'failed'],
      ['cancel', 'inbox', 'failed'],
      ['take back', 'in_progress', 'inbox'],
      ['reassign', 'inbox', 'inbox'],
      ['reassign', 'in_progress', 'inbox'],
    ]);
    const at = this.#pick(host, [from ?? 'inbox']);
    if (!at?.message) return;
    const other = what === 'reassign' ? SERVED.find((name) => name !== at.mailbox) : at.mailbox;
    const path = join(host.root, 'mailboxes', other ?? '', to ?? '', at.name);
    if (statSync(path, { throwIfNoEntry: false })) return;
    this.#did(what ?? 'move', `${host.name} ${at.mailbox}/${at.state}/${at.name} → ${other}/${to} ${at.message}`);
    this.#mayRunAgain(at.message);
    try {
      renameSync(at.path, path);
    } catch {
      // the daemon was faster
    }
  }

  /** @param {string} message */
  #mayRunAgain(message) {
    this.again.set(message, (this.again.get(message) ?? 0) + 1);
  }

  /** Git by hand, with the daemon running. @param {Host} host */
  async byHand(host) {
    const what = this.random.pick(['commit', 'commit', 'pull', 'push', 'pull --rebase', 'commit and push']);
    this.#did(`git ${what}`, host.name);
    const { root, url } = host;
    if (what.startsWith('commit')) {
      await tryGit(root, ['add', '-A', 'mailboxes']);
      await tryGit(root, ['commit', '-q', '-m', 'What I have so far', '--', 'mailboxes']);
    }
    if (what.startsWith('pull')) {
      const how = what === 'pull' ? '--no-rebase' : '--rebase';
      const { ok } = await tryGit(root, ['pull', '-q', how, url, 'main']);
      if (!ok) for (const abort of ['merge', 'rebase']) await tryGit(root, [abort, '--abort']);
    }
    if (what.endsWith('push')) await tryGit(root, ['push', '-q', url, 'main:main']);
  }

  /** A rebase that is left open for `ms`. @param {Host} host @param {number} ms */
  async rebase(host, ms) {
    const { root } = host;
    const stop = ['-c', 'sequence.editor=sed -i 1ibreak'];
    const { ok } = await tryGit(root, ['rebase', '-q', '-i', 'HEAD~1'], { config: stop });
    if (!ok) return void (await tryGit(root, ['rebase', '--abort']));
    this.#did('open rebase', `${host.name} for ${ms} ms`);
    await sleep(ms);
    const { ok: isDone } = await tryGit(root, ['rebase', '--continue']);
    if (!isDone) await this.#abortRebase(host);
    this.note(`rebase over: ${host.name}`);
  }

  /** What was edited meanwhile in files that git knows is thrown away by git, as people learn. @param {Host} host */
  async #abortRebase({ root, name }) {
    const { text: changed } = await tryGit(root, ['diff', '--name-only', '-z', 'HEAD']);
    for (const path of changed.split('\0').filter((path) => path.endsWith('.md'))) {
      let text = '';
      try {
        text = readFileSync(join(root, path), 'utf8');
      } catch {
        continue; // deleted
      }
      const { text: before } = await tryGit(root, ['show', `refs/heads/main:${path}`]);
      const lost = tokensIn(text).filter((token) => !before.includes(token));
      for (const token of lost) {
        const entry = this.written.get(token);
        if (entry) entry.gone = `in a rebase on ${name} that was aborted`;
      }
      if (lost.length > 0) this.note(`thrown away by git rebase --abort: ${name} ${path} ${lost.join(' ')}`);
    }
    await tryGit(root, ['rebase', '--abort']);
  }
}

/** The tokens in a text. @param {string} text */
export function tokensIn(text) {
  return [...text.matchAll(TOKEN)].map(([token]) => token);
}
