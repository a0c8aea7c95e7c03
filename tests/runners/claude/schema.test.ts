import { expect, it } from 'vitest';
import { makeSetting, ofType } from './harness.js';

const options = {
  output_schema: {
    type: 'object',
    properties: { n: { type: 'integer' } },
    required: ['n'],
    additionalProperties: false,
  },
};
const output = (input: unknown) => ({ tools: [{ name: 'StructuredOutput', input }] });

it('real CLI: structured output that fits its schema', async () => {
  const { start } = await makeSetting({ script: [{ reply: [output({ n: 'four' }), output({ n: 4 })] }] });
  const run = start('how many?', { options });
  expect(await run.outcome).toMatchObject({ kind: 'complete', structured_output: { n: 4 } });
  expect(ofType(run.events, 'Result')).toMatchObject([{ structured_output: { n: 4 } }]);
});

it('real CLI: a success without structured output is a failure', async () => {
  const { start } = await makeSetting({ script: [{ times: Infinity, reply: { text: 'Four, I think.' } }] });
  const run = start('how many?', { options });
  expect(await run.outcome).toMatchObject({ kind: 'failed', retry: true, error: { code: 'output_schema' } });
  expect(run.raw.some((line) => line.includes('"subtype":"success","is_error":false'))).toBe(true);
  expect(run.events.at(-1)).toMatchObject({ type: 'Error', code: 'output_schema' });
});

it('a schema that is none is refused before anything runs', async () => {
  const { start, api } = await makeSetting();
  const run = start('how many?', { options: { output_schema: { type: 'nonsense' } } });
  expect(await run.outcome).toMatchObject({ kind: 'failed', retry: false, error: { code: 'options' } });
  expect(api.requests).toEqual([]);
});
