/** What people do: with plain git straight on main, or in a host's working tree (then the host brings it to main). */
import { mergePerson } from '../merge.js';
import { treeSeen } from '../picture.js';
import { send } from '../remote.js';
import type { Deed } from '../scenarios.js';
import {
  hostOf,
  type Local,
  type News,
  type Next,
  remember,
  spend,
  type State,
  treeOf,
  withHost,
  type World,
} from '../state.js';
import { birthOf, type Copy, copiesOf, inFolder, put, remove, splitPath, type Tree, union } from '../tree.js';

interface Change {
  readonly label: string;
  readonly base: Copy | null;
  readonly mine: Copy | null;
}

/** Everything a person could do with this tree. */
function changes(state: State, tree: Tree, deeds: readonly Deed[]): Change[] {
  const copies = copiesOf(tree);
  return deeds.flatMap((deed): Change[] => {
    if (deed.do !== 'deliver') {
      return copies.flatMap((base) => {
        const mine = change(state, base, deed.do);
        return mine === undefined ? [] : [{ label: `${deed.do}s ${birthOf(base.file)}`, base, mine }];
      });
    }
    const path = `x/inbox/${deed.name}`;
    if (tree[path] !== undefined) return [];
    const birth = `d${state.ghost.written.filter((word) => /^d\d+$/.test(word)).length + 1}`;
    const mine = { path, file: { id: deed.bare ? null : `id-${birth}`, text: [birth], runs: [], epoch: 0 } };
    return [{ label: `delivers ${birth} as ${path}${deed.bare ? ', without id' : ''}`, base: null, mine }];
  });
}

/** The file as the person leaves it; null: deleted; undefined: nothing to do. */
function change(state: State, { path, file }: Copy, deed: Exclude<Deed['do'], 'deliver'>): Copy | null | undefined {
  const { folder, name } = splitPath(path);
  const ended = folder === 'complete' || folder === 'failed';
  switch (deed) {
    case 'edit': {
      const birth = birthOf(file);
      const count = state.ghost.written.filter((word) => word.startsWith(`${birth}+`)).length + 1;
      return { path, file: { ...file, text: union(file.text, [`${birth}+${count}`]) } };
    }
    case 'cancel':
      return ended ? undefined : { path: inFolder(path, 'failed'), file };
    case 'retry':
      return folder === 'inbox' ? undefined : { path: inFolder(path, 'inbox'), file };
    case 'reassign':
      return { path: `${path.startsWith('x/') ? 'y' : 'x'}/inbox/${name}`, file };
    case 'delete':
      return null;
  }
}

/** The checks hear of a change when it is made: what was written must stay, what was deleted may go. */
function note(state: State, { base, mine }: Change): State {
  const written = remember(state.ghost, ...(mine?.file.text ?? []));
  const gone = mine !== null || base === null ? [] : [...base.file.text, ...base.file.runs];
  const moved = base !== null && mine?.path !== base.path ? [birthOf(base.file)] : [];
  const { once, twice } = written.touched;
  const birth = base === null ? '' : birthOf(base.file);
  // To delete what another edits, or edit what another deletes, is as open as two moves.
  const edited = written.written.some((word) => word.startsWith(`${birth}+`));
  const crossed = base !== null && edited && (mine === null || written.gone.includes(birth));
  const again = crossed || moved.some((word) => once.includes(word)) ? [birth] : [];
  const touched = { once: union(once, moved), twice: union(twice, again) };
  return { ...state, ghost: { ...written, gone: union(written.gone, gone), touched } };
}

/** ... and when it lands: where the message then lies is the last word on it. */
function newsOf({ base, mine }: Change, tree: Tree): News {
  if (base === null || mine?.path === base.path) return {};
  const birth = birthOf(base.file);
  const there = copiesOf(tree).find(({ file }) => file.text.includes(birth));
  return { word: { birth, place: there?.path ?? null } };
}

export function peopleOnMain(world: World, state: State): Next[] {
  if (state.budget.people === 0) return [];
  const tree = treeOf(world, state.remote.main);
  return changes(state, tree, world.scenario.people).flatMap((one) => {
    const left = one.base === null ? tree : remove(tree, one.base.path);
    // With git in hand a person sees a name that is taken.
    if (one.mine !== null && left[one.mine.path] !== undefined) return [];
    const then = one.mine === null ? left : put(left, one.mine.path, one.mine.file, world.rules);
    const to = world.objects.commits.put({ parent: state.remote.main, tree: then });
    const push = { updates: [{ ref: 'main', from: state.remote.main, to }], news: newsOf(one, then) };
    const before = note(spend(state, 'people'), one);
    return send(world, before, 'A', push, one.label, { accepted: (s) => s, refused: (s) => s, unheard: (s) => s })
      .slice(0, 1)
      .map((next) => ({
        label: `person on main: ${one.label}`,
        state: { ...next.state, hosts: state.hosts },
      }));
  });
}

export function peopleOnHost(world: World, state: State, name: string): Next[] {
  if (state.budget.local === 0 || hostOf(state, name).local !== null) return [];
  return changes(state, treeSeen(world, state, name), world.scenario.local).map((one) => {
    const local: Local = { ...one, tried: [], looked: true };
    return {
      label: `person on ${name}: ${one.label}`,
      state: withHost(note(spend(state, 'local'), one), name, { local }),
    };
  });
}

/** Step 8: the host brings it to main by compare-and-swap, and builds it again when main has moved. */
export function bring(world: World, state: State, name: string): Next[] {
  const { local, picture } = hostOf(state, name);
  if (local === null || !local.looked) return [];
  const { rules, objects } = world;
  if (local.tried.some((commit) => objects.isAncestor(commit, picture.main)) && rules.decide_by_reading) {
    return [
      { label: `${name}: reads that the local change is on main`, state: withHost(state, name, { local: null }) },
    ];
  }
  const first = local.tried[0];
  const tree =
    rules.rebuild_when_refused || first === undefined
      ? mergePerson(treeOf(world, picture.main), local.base, local.mine, rules)
      : treeOf(world, first);
  const to = objects.commits.put({ parent: picture.main, tree });
  const push = { updates: [{ ref: 'main', from: picture.main, to }], news: newsOf(local, tree) };
  const again = (next: State): State =>
    withHost(next, name, { local: { ...local, looked: false, tried: union2(local.tried, to) } });
  return send(world, state, name, push, `brings to main: ${local.label}`, {
    accepted: (next) => withHost(next, name, { local: null }),
    refused: again,
    unheard: again,
  });
}

function union2(tried: readonly number[], id: number): readonly number[] {
  return tried.includes(id) ? tried : [...tried, id];
}
