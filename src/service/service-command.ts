/**
 * `mailboxd service install | status | logs | uninstall | print`: keeps `mailboxd start` running for this user by
 * the system's own service manager. What a definition says is made by pure functions (`render…`); this file writes
 * and removes it and asks the manager. Nothing is printed: the edge prints `text`, or `data` with `--json`.
 */
import { realpathSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MailboxError } from '../core/errors.js';
import { prettyLine } from '../logging/pretty.js';
import { logDirOf, logFileOf } from '../logging/logger.js';
import { readLastLines } from '../logging/read-log.js';
import {
  isDefinitionCurrent,
  readDefinition,
  removeDefinition,
  writeDefinition,
  writeEnvironmentFile,
} from './definition.js';
import { launchdManager } from './launchd-manager.js';
import type { ServiceContext, ServiceManager, ServiceState } from './manager.js';
import { runIn, type RunCommand } from './run-command.js';
import { createSpec, platformOf, type ServicePlatform } from './spec.js';
import { systemdManager } from './systemd-manager.js';
import { windowsManager } from './windows-manager.js';

export const SERVICE_ACTIONS = ['install', 'status', 'logs', 'uninstall', 'print'] as const;
export type ServiceAction = (typeof SERVICE_ACTIONS)[number];

const MANAGERS = { linux: systemdManager, macos: launchdManager, windows: windowsManager } as const;

export interface ServiceOptions {
  root: string;
  /** By default this machine's; `print` can show any. */
  platform?: ServicePlatform;
  environment?: NodeJS.ProcessEnv;
  /** The configuration's grace time, ms: how long a stop may take. */
  grace?: number;
  /** Lines that `logs` shows; 50. */
  lines?: number;
  /** The Node and the CLI's entry to start; by default those that run now. */
  node?: string;
  main?: string;
  /** Runs the system's programs; by default really. */
  run?: RunCommand;
}

/** What each action answers for programs. */
export interface ServiceData {
  action: ServiceAction;
  platform: ServicePlatform;
  /** False: the definition was tested for form, but never run by mailboxd's authors. */
  tried: boolean;
  name: string;
  root: string;
  /** The definition's place, and the settings' (null where nothing was written). */
  file: string;
  environment_file: string;
  installed: boolean;
  /** `status`: what the manager says; `outdated`: installing again would write another definition. */
  service?: ServiceState & { outdated: boolean };
  /** `print`: the definition. `logs`: the lines, as they are in the file. */
  definition?: string;
  lines?: string[];
}

export interface ServiceReport {
  /** False where `status` found it not installed or not running: exit code 1. */
  ok: boolean;
  text: string;
  data: ServiceData;
}

/** Throws `unavailable` where this machine has no service manager, `not_found` for a root that is none, `failed`. */
export async function serviceCommand(action: ServiceAction, options: ServiceOptions): Promise<ServiceReport> {
  const manager = MANAGERS[options.platform ?? platformOf(process.platform)];
  const context = contextOf(manager, options);
  switch (action) {
    case 'install':
      return install(manager, context);
    case 'uninstall':
      return uninstall(manager, context);
    case 'status':
      return status(manager, context);
    case 'logs':
      return logs(manager, context, options.lines ?? 50);
    case 'print':
      return print(manager, context);
  }
}

/** The exit code to end with: launchd would restart on a configuration error for ever, so there it is no failure. */
export function serviceExitCode(code: number, environment: NodeJS.ProcessEnv): number {
  return environment['MAILBOXD_SERVICE'] === 'launchd' && (code === 64 || code === 78) ? 0 : code;
}

function contextOf(manager: ServiceManager, options: ServiceOptions): ServiceContext {
  const environment = options.environment ?? process.env;
  const { grace, node, main } = options;
  const spec = createSpec({
    root: realPathOf(options.root),
    platform: manager.platform,
    environment,
    ...(node === undefined ? {} : { node }),
    ...(main === undefined ? {} : { main }),
    ...(grace === undefined ? {} : { grace }),
  });
  return { spec, environment, run: options.run ?? runIn(environment) };
}

/** One root is one service, by whatever links it is reached. */
function realPathOf(root: string): string {
  try {
    return realpathSync.native(root);
  } catch {
    return resolve(root); // `install` says that it is missing; the others need no folder.
  }
}

async function install(manager: ServiceManager, context: ServiceContext): Promise<ServiceReport> {
  const { spec } = context;
  if (!statSync(join(spec.root, 'mailboxes'), { throwIfNoEntry: false })?.isDirectory()) {
    throw new MailboxError('not_found', `found no mailboxes/ in ${spec.root}`, { hint: 'mailboxd init makes them' });
  }
  const definition = manager.render(spec);
  await manager.check(context);
  writeEnvironmentFile(spec);
  const changed = writeDefinition(manager.fileOf(context), manager.encode(definition));
  const notes = await manager.start(context, changed);
  const text = [
    `mailboxd runs as ${spec.name}${changed ? '' : ' (nothing had changed)'}.`,
    `  definition  ${manager.fileOf(context)}`,
    `  settings    ${spec.environmentFile} (such as ANTHROPIC_API_KEY; read when it starts)`,
    ...notes,
    ...untried(manager),
  ];
  return { ok: true, text: lines(text), data: dataOf('install', manager, context, true) };
}

async function uninstall(manager: ServiceManager, context: ServiceContext): Promise<ServiceReport> {
  const file = manager.fileOf(context);
  const { spec } = context;
  if (readDefinition(file) === undefined) {
    const text = `${spec.name} is not installed; there is no ${file}.`;
    return { ok: true, text: lines([text]), data: dataOf('uninstall', manager, context, false) };
  }
  const notes = await manager.stop(context);
  removeDefinition(file);
  await manager.forget(context);
  const text = [
    `${spec.name} is no longer a service. Mailboxes and messages are untouched.`,
    ...notes,
    `Your settings stay in ${spec.environmentFile}; delete it if it holds a key you no longer need there.`,
  ];
  return { ok: true, text: lines(text), data: dataOf('uninstall', manager, context, false) };
}

async function status(manager: ServiceManager, context: ServiceContext): Promise<ServiceReport> {
  const { spec } = context;
  const file = manager.fileOf(context);
  const found = readDefinition(file);
  const data = dataOf('status', manager, context, found !== undefined);
  if (found === undefined) {
    return { ok: false, text: lines([`${spec.name} is not installed. mailboxd service install does it.`]), data };
  }
  const state = await manager.query(context);
  const outdated = !isDefinitionCurrent(found, manager.encode(manager.render(spec)));
  const text = [
    `${spec.name}: ${state.state}`,
    ...(state.pid === null ? [] : [`  process     ${state.pid}`]),
    ...(state.status === null ? [] : [`  says        ${state.status}`]),
    ...(state.restarts ? [`  restarted   ${state.restarts} times`] : []),
    ...(state.without_login === null ? [] : [`  without a login  ${state.without_login ? 'yes' : 'no'}`]),
    `  definition  ${file}`,
    ...(outdated
      ? ['It was installed by another version or from another place; mailboxd service install renews it.']
      : []),
    `More: mailboxd service logs, or ${manager.more(spec)}`,
    ...untried(manager),
  ];
  return { ok: state.active === true, text: lines(text), data: { ...data, service: { ...state, outdated } } };
}

function logs(manager: ServiceManager, context: ServiceContext, count: number): ServiceReport {
  const dir = logDirOf(context.spec.root);
  const found = readLastLines(dir, count);
  const text =
    found.length > 0
      ? found.map((line) => prettyLine(line))
      : [`${logFileOf(dir)} has no lines yet. A start that failed before it is in: ${manager.more(context.spec)}`];
  const installed = readDefinition(manager.fileOf(context)) !== undefined;
  return { ok: true, text: lines(text), data: { ...dataOf('logs', manager, context, installed), lines: found } };
}

function print(manager: ServiceManager, context: ServiceContext): ServiceReport {
  const definition = manager.render(context.spec);
  const installed = readDefinition(manager.fileOf(context)) !== undefined;
  return { ok: true, text: definition, data: { ...dataOf('print', manager, context, installed), definition } };
}

function dataOf(
  action: ServiceAction,
  manager: ServiceManager,
  context: ServiceContext,
  installed: boolean,
): ServiceData {
  const { name, root, environmentFile } = context.spec;
  const file = manager.fileOf(context);
  const { platform, tried } = manager;
  return { action, platform, tried, name, root, file, environment_file: environmentFile, installed };
}

function untried(manager: ServiceManager): string[] {
  return manager.tried
    ? []
    : [`Not tried: mailboxd's authors had no ${manager.platform} to run this on. Tell us how it went.`];
}

function lines(text: string[]): string {
  return text.map((line) => `${line}\n`).join('');
}
