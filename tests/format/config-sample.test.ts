import { describe, expect, it } from 'vitest';
import { defaultConfig } from '../../src/core/config.js';
import { renderConfigSample } from '../../src/format/config-sample.js';
import { parseConfig } from '../../src/format/config.js';

const CHOICES = {
  host: 'build-2-k3xq',
  key: 'AbCdEfGhIjKlMnOpQrStUvWxYz012345',
  as: 'server',
  serve: ['server', 'ops'],
  remote: 'ssh://git@example.com/m.git',
  runner: 'claude',
};
const GIVEN = { root: '/srv/box', host: 'other', key: 'x'.repeat(22) };

/** Every default set, the sentences left as comments. */
function uncomment(sample: string): string {
  return sample.replace(/^( *)#(?=[a-z_]+:)/gm, '$1');
}

describe('the sample config.yaml', () => {
  it('says, as it stands, what was chosen, and has the defaults for the rest', () => {
    const expected = { ...defaultConfig(CHOICES), as: 'server', serve: ['server', 'ops'], remote: CHOICES.remote };
    expect(parseConfig(renderConfigSample(CHOICES), 'config.yaml', GIVEN)).toEqual(expected);
  });

  it('says exactly the same with every default uncommented', () => {
    const sample = renderConfigSample(CHOICES);
    const open = uncomment(sample);
    expect(open.match(/^ *[a-z_]+:/gm)?.length).toBeGreaterThan(40);
    expect(open).not.toMatch(/^ *#[a-z_]+:/m);
    expect(parseConfig(open, 'config.yaml', GIVEN)).toEqual(parseConfig(sample, 'config.yaml', GIVEN));
  });

  it('leaves out what was not chosen', () => {
    const sample = renderConfigSample({ ...CHOICES, as: undefined, remote: undefined, serve: [] });
    const config = parseConfig(uncomment(sample), 'config.yaml', GIVEN);
    expect(config).toEqual(defaultConfig(CHOICES));
    expect(sample).toMatch(/^#remote:$/m);
  });

  it('explains every key in a line above it, and stays narrow', () => {
    const lines = renderConfigSample(CHOICES).split('\n');
    lines.forEach((line, at) => {
      if (/^ *#?[a-z_]+:/.test(line)) expect(lines[at - 1], line).toMatch(/^ *# \S/);
      if (/^ *# /.test(line)) expect(line.length).toBeLessThanOrEqual(120);
    });
  });

  it('quotes what YAML would read as something else', () => {
    const odd = { ...CHOICES, as: '0123', serve: ['true', 'no', '1e3', 'null'], runner: 'true' };
    const config = parseConfig(renderConfigSample(odd), 'config.yaml', GIVEN);
    expect(config).toMatchObject({ as: '0123', serve: ['true', 'no', '1e3', 'null'], runner: 'true' });
  });
});
