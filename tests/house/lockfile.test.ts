import { expect, it } from 'vitest';
import { readText } from './tree.js';

interface Lock {
  lockfileVersion: number;
  packages: Record<string, { resolved?: string; hasInstallScript?: boolean; dev?: boolean }>;
}

const lock = JSON.parse(readText('package-lock.json')) as Lock;
const manifest = JSON.parse(readText('package.json')) as Record<string, Record<string, string> | undefined>;

it('the lock names no download address, so that it works with every registry', () => {
  const addressed = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined);
  expect(addressed.map(([path]) => path)).toEqual([]);
});

it('nothing that is installed with mailboxd runs a script at its installation', () => {
  const scripted = Object.entries(lock.packages).filter(
    ([path, entry]) => path !== '' && entry.hasInstallScript && !entry.dev,
  );
  expect(scripted.map(([path]) => path)).toEqual([]);
});

it('every dependency stands at one exact version', () => {
  const wanted = { ...manifest['dependencies'], ...manifest['devDependencies'] };
  const loose = Object.entries(wanted).filter(([, version]) => !/^\d+(\.\d+\.\d+)?$/.test(version));
  expect(loose).toEqual([]);
});
