/**
 * One conversation with an instance: its first turn is a task in the instance's own mailbox, later ones are said into
 * it while it runs. A turn that the task ended without becomes a task that goes on with the same session.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageFields, TaskOptions } from '../../core/message.js';
import type { FollowEvent } from '../../mailbox/follow.js';
import type { Mailboxes } from '../../mailbox/open.js';
import type { Sent } from '../../mailbox/send.js';
import type { RunEvent } from '../../runners/port.js';
import { statMessage } from '../../store/list.js';
import { EXIT, type ExitCode, exitOfOutcome } from '../exit-codes.js';
import { followRecord } from './recorded-events.js';

const LOOK = 50;

export interface Conversation {
  /** Another turn. */
  say(text: string): void;
  /** No more turns. */
  end(): void;
  /** Stops what is running; what was said after it is asked next. */
  interrupt(): Promise<void>;
  /** Stops what is running, and asks nothing more. */
  quit(): void;
  /** Waits no more: nothing can run. What waits stays in the inbox. */
  abandon(why: string): void;
  /** Settles when every turn has been answered: the exit code of the last that did not end well, else 0. */
  readonly done: Promise<ExitCode>;
}

export interface ConversationOptions {
  desk: Mailboxes;
  mailbox: string;
  from: string;
  options: TaskOptions;
  fields: Pick<MessageFields, 'subject' | 'max_attempts'>;
  /** A task was delivered. */
  onTask(sent: Sent): void;
  onEvent(event: RunEvent, messageId: string): void;
}

export function startConversation(given: ConversationOptions): Conversation {
  const { desk, mailbox, from } = given;
  const turns: string[] = [];
  let isOpen = true;
  let hasQuit = false;
  let current: string | undefined;
  let said: { sent: Sent; text: string }[] = [];
  let thread: string | undefined;
  let session: string | undefined;
  const stop = new AbortController();
  let wake: () => void = () => undefined;

  /** A task that is being written at this moment is nowhere, so it is tried again while it runs. */
  const interrupt = async (): Promise<void> => {
    const id = current;
    while (id !== undefined && current === id) {
      const isStopped = await desk.cancel(id).then(
        () => true,
        () => false,
      );
      if (isStopped) return;
      await sleep(LOOK);
    }
  };

  const nextTurn = async (): Promise<string | undefined> => {
    while (turns.length === 0 && isOpen && !hasQuit && !stop.signal.aborted)
      await new Promise<void>((resolve) => (wake = resolve));
    return hasQuit || stop.signal.aborted ? undefined : turns.shift();
  };

  /** Says what came meanwhile into the running task. */
  const passOn = async (id: string): Promise<void> => {
    for (let text = turns.shift(); text !== undefined; text = turns.shift()) {
      said.push({ sent: await desk.say(id, text, from), text });
    }
  };

  /** What was said too late for the task is taken back, to be asked anew. */
  const takeBack = async (): Promise<string[]> => {
    const late: string[] = [];
    for (const { sent, text } of said) {
      if (statMessage(desk.root.dir, sent.place) === undefined) continue;
      await desk.delete(sent.id);
      late.push(text);
    }
    said = [];
    return late;
  };

  const work = async (text: string): Promise<ExitCode> => {
    const options: TaskOptions = { ...given.options, ...(session !== undefined && { resume_session: session }) };
    const sent = await desk.send({
      to: mailbox,
      text,
      fields: {
        type: 'task',
        from,
        ...given.fields,
        ...(thread !== undefined && { thread }),
        ...(Object.keys(options).length > 0 && { options }),
      },
    });
    current = sent.id;
    thread ??= sent.id;
    given.onTask(sent);
    if (hasQuit) await interrupt();
    const record = followRecord(desk.root.dir, sent.id);
    let answered = false;
    const pass = (): void => {
      for (const event of record.read()) {
        if (event.type === 'Result' || event.type === 'Error') answered = true;
        given.onEvent(event, sent.id);
      }
    };
    const follower = desk.follow(sent, { signal: stop.signal })[Symbol.asyncIterator]();
    let next = follower.next();
    for (;;) {
      const step = await Promise.race([next, sleep(LOOK)]);
      pass();
      await passOn(sent.id);
      if (step === undefined) continue;
      const event: FollowEvent | undefined = step.done === true ? undefined : step.value;
      if (event === undefined || event.type === 'gone' || event.type === 'end') {
        pass();
        current = undefined;
        if (stop.signal.aborted) {
          given.onEvent({ type: 'Error', code: 'parked', message: String(stop.signal.reason) }, sent.id);
          return EXIT.unavailable;
        }
        turns.unshift(...(await takeBack()));
        if (event?.type !== 'end') {
          given.onEvent({ type: 'Error', code: 'deleted', message: 'the task was deleted' }, sent.id);
          return EXIT.notFound;
        }
        const exit = exitOfOutcome(event.outcome);
        if (exit !== EXIT.done) given.onEvent({ type: 'Error', code: event.outcome, message: event.result }, sent.id);
        else if (!answered) given.onEvent({ type: 'Result', result: event.result }, sent.id);
        const { fields } = await desk.show(sent.id);
        session = fields?.result?.session ?? session;
        return exit;
      }
      next = follower.next();
    }
  };

  const converse = async (): Promise<ExitCode> => {
    let exit: ExitCode = EXIT.done;
    for (let turn = await nextTurn(); turn !== undefined; turn = await nextTurn()) {
      const ended = await work(turn);
      if (ended !== EXIT.done) exit = ended;
    }
    return hasQuit && exit === EXIT.done ? EXIT.failed : exit;
  };

  const done = converse();
  // Whoever reads the turns awaits it later; a fault before that is no unhandled one.
  done.catch(() => undefined);
  return {
    say(text) {
      turns.push(text);
      wake();
    },
    end() {
      isOpen = false;
      wake();
    },
    abandon(why) {
      stop.abort(`${why}; what was asked waits in the inbox`);
      wake();
    },
    interrupt,
    quit() {
      hasQuit = true;
      wake();
      void interrupt();
    },
    done,
  };
}
