import { resolve } from 'node:path';
import { formatDuration } from '../../core/duration.js';
import { MailboxError } from '../../core/errors.js';
import { ownProcess } from '../../host/process-id.js';
import { archiveOld } from '../../mailbox/archive/archive.js';
import { findArchive, listArchives } from '../../mailbox/archive/archives.js';
import { withArchive } from '../../mailbox/archive/read-archive.js';
import { restoreArchive } from '../../mailbox/archive/restore.js';
import type { Mailboxes } from '../../mailbox/open.js';
import { duration, given } from '../arguments.js';
import { type Cli, defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { renderTable, safeLine } from '../terminal-text.js';

export const command = defineCommand({
  about:
    'Takes old finished messages, and the files attached to them, out of the root into a git bundle; `list` shows what is in one, `restore` brings messages back.',
  positionals: {
    action: { type: 'string', choices: ['list', 'restore'], describe: 'Without it: archive what is old' },
    file: { type: 'string', describe: 'An archive: a path, or a name that `archive list` shows' },
  },
  options: {
    'older-than': { type: 'string', describe: 'What ended longer ago than this, such as 90d' },
    to: { type: 'string', describe: 'The new archive, or a folder for it (default: .mailboxd/archives/)' },
    mailbox: { type: 'string', describe: 'Only of this mailbox' },
    'dry-run': { type: 'boolean', describe: 'Only say what would be archived' },
    id: { type: 'string', describe: 'With restore: only this message' },
  },
  examples: [
    ['mailboxd archive --older-than 90d --dry-run', 'what that would take out'],
    ['mailboxd archive list', 'the archives of this host'],
    ['mailboxd archive restore 2026-11-20-1.bundle --id 0199f3c2', 'one message back'],
  ],
  async run(args, cli) {
    const olderThan = duration('older-than', args['older-than']);
    if (args.action === undefined) {
      if (olderThan === undefined) {
        throw new MailboxError('usage', 'found no --older-than, expected one', {
          hint: 'say how old a message must be: mailboxd archive --older-than 90d',
        });
      }
      const { to, mailbox, 'dry-run': dryRun } = args;
      const more = given({ to: to === undefined ? undefined : resolve(cli.io.cwd, to), mailbox, dryRun });
      return archive(cli, { olderThan, ...more });
    }
    const wrong = (['older-than', 'to', 'mailbox', 'dry-run'] as const).find((name) => args[name] !== undefined);
    if (wrong !== undefined) throw new MailboxError('usage', `found --${wrong} with archive ${args.action}`);
    if (args.action === 'restore') return restore(cli, args.file, args.id);
    return args.file === undefined ? listAll(cli) : listOne(cli, args.file);
  },
});

/** What the archive's functions are given, of the façade. */
async function deskOf(mailboxes: Mailboxes) {
  await mailboxes.sync();
  const { root, clock, catalog } = mailboxes;
  return { root, clock, catalog, who: ownProcess() };
}

async function archive(
  cli: Cli,
  request: { olderThan: number; to?: string; mailbox?: string; dryRun?: boolean },
): Promise<number> {
  await using mailboxes = await cli.desk();
  const desk = await deskOf(mailboxes);
  const onWritten = (file: string): void => {
    if (!cli.json) cli.note(`written and read back: ${safeLine(file)}`);
  };
  const { file, messages, left } = await archiveOld(desk, { ...request, onWritten });
  if (cli.json) {
    cli.data({
      archive: file ?? null,
      dry_run: request.dryRun ?? false,
      messages: messages.map(({ id, path, ended, attachments }) => ({
        id: id ?? null,
        path,
        ended: timeText(ended),
        attachments,
      })),
      left,
    });
    return EXIT.done;
  }
  for (const { path } of request.dryRun ? messages : []) cli.line(safeLine(path));
  for (const { path, reason } of left) cli.note(`left: ${safeLine(`${path}: ${reason}`)}`);
  const age = formatDuration(request.olderThan);
  if (messages.length === 0) cli.line(`nothing to archive: no message ended more than ${age} ago`);
  else if (request.dryRun) cli.line(`would archive ${count(messages.length)}`);
  else cli.line(`archived ${count(messages.length)}: ${safeLine(file ?? '')}`);
  return EXIT.done;
}

function listAll(cli: Cli): number {
  const archives = listArchives(cli.rootDir());
  if (cli.json) cli.data({ archives });
  else if (archives.length === 0) cli.line('no archives in .mailboxd/archives/');
  else for (const { file, size } of archives) cli.line(`${safeLine(file)}\t${size} bytes`);
  return EXIT.done;
}

async function listOne(cli: Cli, name: string): Promise<number> {
  const root = cli.rootDir();
  const file = findArchive(root, name, cli.io.cwd);
  const messages = await withArchive(root, file, async (content) => content.messages);
  if (cli.json) {
    const shown = messages.map(({ id, path, ended, from, subject, attachments }) => ({
      id: id ?? null,
      path,
      ended: timeText(ended),
      from,
      subject,
      attachments,
    }));
    cli.data({ archive: file, messages: shown });
    return EXIT.done;
  }
  const rows = messages.map(({ id, path, ended, subject }) =>
    [id ?? '-', timeText(ended)?.slice(0, 10) ?? '-', path, subject].map(safeLine),
  );
  if (!cli.io.isTTY.stdout) for (const row of rows) cli.line(row.join('\t'));
  else for (const row of renderTable(['ID', 'ENDED', 'PLACE', 'SUBJECT'], rows, cli.io.columns)) cli.line(row);
  return EXIT.done;
}

async function restore(cli: Cli, name: string | undefined, id: string | undefined): Promise<number> {
  if (name === undefined) {
    throw new MailboxError('usage', 'found no archive to restore, expected one', {
      hint: '`mailboxd archive list` shows those of this host',
    });
  }
  const file = findArchive(cli.rootDir(), name, cli.io.cwd);
  await using mailboxes = await cli.desk();
  const report = await restoreArchive(await deskOf(mailboxes), file, id);
  if (cli.json) {
    cli.data({ archive: file, ...report });
    return EXIT.done;
  }
  for (const path of report.restored) cli.line(`restored: ${safeLine(path)}`);
  for (const { path, as } of report.beside) {
    cli.line(`restored: ${safeLine(as)}`);
    cli.note(`${safeLine(path)} is there with another content, and was left as it is`);
  }
  for (const path of report.skipped) cli.note(`there already: ${safeLine(path)}`);
  return EXIT.done;
}

function timeText(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

function count(messages: number): string {
  return messages === 1 ? '1 message' : `${messages} messages`;
}
