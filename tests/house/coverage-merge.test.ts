import { describe, expect, it } from 'vitest';
import { addHits, type FileHits } from '../support/coverage-merge.js';

const at = (line: number, column = 0) => ({ start: { line, column } });

function file(hits: Partial<Pick<FileHits, 's' | 'f' | 'b'>>): FileHits {
  return {
    statementMap: { 0: at(1), 1: at(2), 2: at(2, 4) },
    fnMap: { 0: { decl: at(1, 9) } },
    branchMap: { 0: { type: 'if', loc: at(2), locations: [{}, {}] } },
    ...{ s: { 0: 0, 1: 0, 2: 0 }, f: { 0: 0 }, b: { 0: [0, 0] } },
    ...hits,
  };
}

describe('coverage of child processes', () => {
  it('is added where both measurements begin at one place', () => {
    const total = file({ s: { 0: 1, 1: 0, 2: 0 }, b: { 0: [0, 2] } });
    addHits(total, file({ s: { 0: 1, 1: 3, 2: 0 }, f: { 0: 1 }, b: { 0: [1, 0] } }));
    expect(total).toMatchObject({ s: { 0: 2, 1: 3, 2: 0 }, f: { 0: 1 }, b: { 0: [1, 2] } });
  });

  it('says too little rather than too much where several begin there', () => {
    const total = file({});
    const other = { ...file({ s: { 0: 5, 1: 5, 2: 0 } }), statementMap: { 0: at(1), 1: at(2), 2: at(2) } };
    addHits(total, other);
    expect(total.s).toEqual({ 0: 5, 1: 0, 2: 0 });
  });

  it('takes nothing that only the child process knows', () => {
    const total = file({});
    const other: FileHits = {
      ...file({ s: { 0: 7 }, f: { 0: 7 }, b: { 0: [7, 7, 7] } }),
      ...{ statementMap: { 0: at(9) }, fnMap: { 0: { decl: at(9) } } },
      branchMap: { 0: { type: 'if', loc: at(2), locations: [{}, {}, {}] } },
    };
    addHits(total, other);
    expect(total).toEqual(file({}));
  });
});
