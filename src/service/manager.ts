import type { RunCommand } from './run-command.js';
import type { ServicePlatform, ServiceSpec } from './spec.js';

/** What a manager knows of a running service. Null: it could not be asked. */
export interface ServiceState {
  active: boolean | null;
  /** In the manager's own words, or why it could not be asked. */
  state: string;
  pid: number | null;
  /** The daemon's own last status line. */
  status: string | null;
  restarts: number | null;
  /** Whether it also runs without anybody logged in. */
  without_login: boolean | null;
}

/** What a service manager is asked to work on. */
export interface ServiceContext {
  spec: ServiceSpec;
  environment: NodeJS.ProcessEnv;
  run: RunCommand;
}

/** One platform's way to keep a program running. The definition's file is written and removed by the caller. */
export interface ServiceManager {
  readonly platform: ServicePlatform;
  /** False: its definitions were tested for form only, by authors who had no such machine. */
  readonly tried: boolean;
  /** Where the definition lies. */
  fileOf(context: ServiceContext): string;
  /** Pure. */
  render(spec: ServiceSpec): string;
  encode(text: string): Buffer;
  /** Throws `unavailable`, with what to do instead, where no service can be had. Called before anything is written. */
  check(context: ServiceContext): Promise<void>;
  /** Starts it now and at each login. `changed`: the definition is another than before. Returns notes for a person. */
  start(context: ServiceContext, changed: boolean): Promise<string[]>;
  /** Stops it and forgets it, while the definition is still there. Returns notes for a person. */
  stop(context: ServiceContext): Promise<string[]>;
  /** After the definition was removed. */
  forget(context: ServiceContext): Promise<void>;
  query(context: ServiceContext): Promise<ServiceState>;
  /** A command that shows more, for hints. */
  more(spec: ServiceSpec): string;
}
