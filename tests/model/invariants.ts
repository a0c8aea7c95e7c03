/** What must hold in every state. The first that does not is told in one sentence. */
import { newRun } from './objects.js';
import { isWaiting } from './picture.js';
import { plain, settle } from './settle.js';
import { claimKey, type State, treeOf, type World } from './state.js';
import { birthOf, copiesOf, splitPath, type Tree } from './tree.js';

/** About who does what now: depends on all of the state. */
export function findFaultNow(state: State, world: World): string | null {
  if (state.ghost.fault !== null) return state.ghost.fault;
  const running = Object.entries(state.hosts).flatMap(([name, { work }]) =>
    work?.at === 'running' && work.base !== null ? [{ name, birth: birthOf(work.base.file) }] : [],
  );
  for (const { name, birth } of running) {
    const other = running.find((one) => one.name !== name && one.birth === birth);
    if (other !== undefined) return `${name} and ${other.name} both run ${birth}`;
  }
  return findStray(state, treeOf(world, state.remote.main));
}

function findStray({ ghost }: State, main: Tree): string | null {
  for (const { file } of copiesOf(main)) {
    const stray = file.runs.find((run) => !ghost.written.includes(run));
    if (stray !== undefined) return `main shows ${stray}, whose host had lost its lease`;
  }
  return null;
}

/** About where it all ends: depends on the refs, what people have under way, and the checks' memory. */
export function findFaultSettled(world: World, state: State): string | null {
  const { tree, other } = settle(world, state);
  // Of two people who move one message, the order decides: that has no right answer.
  const { touched, gone } = state.ghost;
  const [one, two] = [plain(tree, touched.twice, gone), plain(other, touched.twice, gone)];
  if (one !== two) return `no convergence: ${one} or ${two}`;
  return (
    findLost(state, tree) ??
    findDouble(tree) ??
    findDisobeyed(world, state, tree) ??
    findUndone(state, tree) ??
    findStuck(world, state, tree)
  );
}

function findLost({ ghost }: State, tree: Tree): string | null {
  const words = copiesOf(tree).flatMap(({ file }) => [...file.text, ...file.runs]);
  for (const word of ghost.written) {
    const count = words.filter((one) => one === word).length;
    if (count > 1) return `${word} is in two files`;
    if (count === 0 && !ghost.gone.includes(word)) return `${word} is lost`;
  }
  return null;
}

function findDouble(tree: Tree): string | null {
  const epochs = new Set<string>();
  const ids = new Set<string>();
  for (const { file } of copiesOf(tree)) {
    if (file.id !== null && ids.has(file.id)) return `the id ${file.id} is in two files`;
    if (file.id !== null) ids.add(file.id);
    for (const run of file.runs) {
      const epoch = run.split('@')[0] ?? '';
      if (epochs.has(epoch)) return `two accepted runs are ${epoch}: their replies have one id`;
      epochs.add(epoch);
    }
  }
  return null;
}

function findDisobeyed(world: World, { ghost, hosts, remote }: State, tree: Tree): string | null {
  // A done claim that took the message from where the person had put it: he has been obeyed.
  const done = Object.values(remote.claims)
    .map((id) => world.objects.claims.get(id))
    .filter(({ base, done }) => done !== null && !world.objects.hasHeld(remote.main, newRun(base, done) ?? ''));
  for (const [birth, place] of Object.entries(ghost.word)) {
    const pending = Object.values(hosts).some(({ local }) => local?.base && birthOf(local.base.file) === birth);
    const now = copiesOf(tree).find(({ file }) => file.text.includes(birth));
    const taken = done.some(({ base }) => base.path === place && birthOf(base.file) === birth);
    if (pending || taken || now === undefined) continue;
    const [want, got] = [splitPath(place), splitPath(now.path)];
    if (want.box !== got.box || want.folder !== got.folder) {
      return `a person has put ${birth} at ${place}, it ends at ${now.path}`;
    }
  }
  return null;
}

/** Nobody has moved it, and it has an answer: then it is complete. */
function findUndone({ ghost }: State, tree: Tree): string | null {
  for (const { path, file } of copiesOf(tree)) {
    if (ghost.touched.once.includes(birthOf(file)) || splitPath(path).folder === 'complete') continue;
    const answer = file.runs.find((run) => !run.endsWith('?'));
    if (answer !== undefined) return `${birthOf(file)} has the answer of ${answer}, and ends at ${path}`;
  }
  return null;
}

function findStuck(world: World, { remote }: State, tree: Tree): string | null {
  const claims = Object.entries(remote.claims).filter(([, id]) => world.objects.claims.get(id).done === null);
  for (const copy of copiesOf(tree)) {
    if (splitPath(copy.path).folder !== 'in_progress' || isWaiting(world, copy.path)) continue;
    const held = claims.some(([key]) => key === claimKey(world, '', copy));
    if (!held) return `${birthOf(copy.file)} stays in in_progress, and nobody claims it`;
  }
  return null;
}
