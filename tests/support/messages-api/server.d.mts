import type { IncomingHttpHeaders } from 'node:http';

/** A recorded `POST /v1/messages`. */
export interface ApiRequest {
  /** 1 for the first. */
  n: number;
  /** Ms since 1970. */
  at: number;
  headers: IncomingHttpHeaders;
  body: {
    model: string;
    system?: unknown;
    tools?: { name: string }[];
    messages: { role: string; content: unknown }[];
    [key: string]: unknown;
  };
  /** The text of the last user turn, tool results included. */
  last: string;
}

/** What the API answers. Text comes before tools. */
export interface Reply {
  /** One delta, or one for each entry. */
  text?: string | string[];
  /** Ms between two text deltas. */
  pace?: number;
  tools?: { name: string; input: unknown; id?: string }[];
  /** Ms before the answer begins. */
  delay?: number;
  /** `true`: nothing ever comes. `end`: the deltas come, the end of the message never does. */
  hang?: true | 'end';
  error?: { status: number; type: string; message?: string; headers?: Record<string, string> };
  stop_reason?: string;
  usage?: Record<string, number>;
  headers?: Record<string, string>;
}

export interface Rule {
  /** Text or pattern in `last`, or a test of the request; without it every request fits. */
  when?: string | RegExp | ((request: ApiRequest) => boolean);
  /** How often the rule answers: by default once, or once for each reply of a list. `Infinity` for always. */
  times?: number;
  /** A list answers in turn. */
  reply: Reply | Reply[] | ((request: ApiRequest) => Reply);
}

export interface MessagesApi extends AsyncDisposable {
  url: string;
  /** In order of arrival. */
  requests: ApiRequest[];
  /** Ends every open connection too. */
  close(): Promise<void>;
}

/** Starts the stub on a free port of 127.0.0.1. The first rule that fits and has uses left answers; else `ok`. */
export function startMessagesApi(script?: readonly Rule[], options?: { port?: number }): Promise<MessagesApi>;
/** Text in pieces of `size` characters, for a reply that streams. */
export function pieces(text: string, size?: number): string[];
export const overloaded: Reply;
export const unauthorized: Reply;
/** A subscription's window is used up until `resets`, in seconds since 1970. The CLI must be signed in by a token. */
export function usageLimit(resets: number): Reply;
