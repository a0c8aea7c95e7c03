/** From a decision to run to a plan: which session goes on or begins, where, with what prompt, under which claim. */
import { join } from 'node:path';
import type { BoundedRequest } from '../core/policy.js';
import { lastRunNumber, parseMessage, type ParsedMessage } from '../format/message.js';
import { subjectOf } from '../mailbox/record.js';
import { scratchDir } from '../store/paths.js';
import { makeClaim, unfinishedRun } from './decide.js';
import type { RunPlan } from './plan.js';
import { buildRestartPrompt, buildResumePrompt } from './prompt.js';
import { workerName, type Worker } from './worker.js';

/** A person moved a message that had ended back to the inbox: it begins anew. */
export function isRetry(message: ParsedMessage): boolean {
  return message.front.result !== undefined;
}

export interface PlanParts {
  mailbox: string;
  message: ParsedMessage;
  id: string;
  request: BoundedRequest;
  prompt: string;
  /** The take of its file. */
  take: string;
  /** ms since 1970. */
  now: number;
  attachments: string[];
  /** The file's text as the worker that was cut off on another host had it, where that is known. */
  earlier?: string;
}

/** Session, directory, prompt and claim of the run that a message gets now: a new one, or the one it was cut off from. */
export function planRun(worker: Worker, parts: PlanParts): Omit<RunPlan, 'place'> {
  const { message, id, request, prompt, take, now, attachments } = parts;
  const { config } = worker.root;
  const { front } = message;
  const runner = worker.runner(request.runner);
  const unfinished = isRetry(message) ? undefined : unfinishedRun(front);
  const isOurs = unfinished?.worker.endsWith(`@${config.host}`) ?? false;
  const policy = front.on_crash ?? 'resume';
  const asked = request.options.resume_session;
  // The record stands in a file that others may edit: only this host's own notes tell whose session it is.
  const owner = unfinished?.session === undefined ? undefined : worker.sessions.ownerOf(unfinished.session);
  const isTheirs = owner?.mailbox === parts.mailbox && owner.from === request.from;
  const resumes = isTheirs && isOurs && policy === 'resume' && runner.can.resume ? unfinished : undefined;
  const earlier = parts.earlier === undefined ? earlierOutput(message) : outputIn(parts.earlier);
  const profile = profileOf(worker, request);
  // A process that runs already has its directory and its environment.
  const isSpecial = resumes || asked || request.options.working_dir || attachments.length > 0 || front.traceparent;
  const warm = isSpecial ? undefined : runner.adopt?.(request.options, profile);
  const session = resumes?.session ?? asked ?? warm?.session ?? worker.clock.newSession();
  const runs = Array.isArray(front.runs) ? front.runs : [];
  const n = Math.max(lastRunNumber(message), runs.at(-1)?.n ?? 0) + 1;
  const claim = makeClaim({
    key: config.key,
    id,
    front,
    worker: workerName(worker, parts.mailbox),
    who: worker.who,
    take,
    now,
    runner: request.runner,
    session,
  });
  return {
    id,
    front: isRetry(message) ? { ...front, attempts: 0, crashes: 0 } : front,
    from: request.from,
    subject: subjectOf(front, message.ownText),
    claim,
    request,
    prompt: resumes
      ? buildResumePrompt(resumes)
      : unfinished
        ? buildRestartPrompt(prompt, unfinished, earlier)
        : prompt,
    fullPrompt: unfinished ? buildRestartPrompt(prompt, unfinished, earlier) : prompt,
    resumes: resumes !== undefined || asked !== undefined,
    cwd:
      request.options.working_dir ??
      warm?.cwd ??
      worker.sessions.ownerOf(session)?.cwd ??
      join(scratchDir(worker.root.dir), session),
    profile,
    attachments,
    text: {
      n,
      token: claim.token,
      base: { ownText: message.ownText, recorded: message.recorded },
      rendered: '',
      trailingText: undefined,
      usedTools: false,
      eol: message.split.eol,
    },
    startedAt: now,
  };
}

/** What the last run wrote, in a file that another host sent while it ran. */
function outputIn(text: string): string {
  try {
    return earlierOutput(parseMessage(Buffer.from(text), '', { trustFields: true }));
  } catch {
    return ''; // its beginning was left out, or it was cut
  }
}

function earlierOutput(message: ParsedMessage): string {
  const last = message.markers.findLast((marker) => marker.kind === 'run');
  return last ? message.recorded.slice(last.end).replace(/^\s*## Run \d+\s*/, '') : '';
}

function profileOf(worker: Worker, request: BoundedRequest): string | undefined {
  if (request.runner !== 'claude') return undefined;
  for (const [name, profile] of Object.entries(worker.root.config.runners.claude.profiles)) {
    if (profile.senders.includes(request.from)) return name;
  }
  return undefined;
}
