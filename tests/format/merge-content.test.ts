import { describe, expect, it } from 'vitest';
import { appendRunTo } from '../../src/format/merge-content.js';

const MOVED = Buffer.from('---\nid: "m1"\n---\nthe old text\n');
const RAN = Buffer.from(
  '---\nid: "m1"\nseal: "1-aaaaaaaaaaaaaaaaaaaa"\nruns: [{ n: 1, epoch: 1, token: "1-aaaaaaaaaaaaaaaaaaaa" }]\nresult: { outcome: complete, at: "2026-11-20T10:00:00Z" }\n---\nthe old text, edited before it ran\n\n<!-- run 1 · 1-aaaaaaaaaaaaaaaaaaaa -->\n## Run 1\n',
);

describe('a run that comes to a message which a person moved', () => {
  it('keeps the text that it ran with where the other was moved alone', () => {
    const text = Buffer.from(appendRunTo(MOVED, RAN, 'failed', true)).toString();
    expect(text).toContain('edited before it ran');
    expect(text).toContain('## Run 1');
    expect(text).toMatch(/outcome: "?cancelled"?/);
  });

  it('keeps the text of the one who wrote into it', () => {
    const text = Buffer.from(appendRunTo(MOVED, RAN, 'failed', false)).toString();
    expect(text).not.toContain('edited before it ran');
    expect(text).toContain('## Run 1');
  });

  it('comes once', () => {
    const once = appendRunTo(MOVED, RAN, 'complete', true);
    expect(appendRunTo(once, RAN, 'complete', false)).toBe(once);
  });
});
