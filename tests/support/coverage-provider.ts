import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { Profiler } from 'node:inspector';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { V8CoverageProvider } from '@vitest/coverage-v8/dist/provider.js';
import { addHits } from './coverage-merge.js';

type Merge = (coverages: Profiler.TakePreciseCoverageReturnType[]) => Profiler.TakePreciseCoverageReturnType;
type CoverageMap = Awaited<ReturnType<V8CoverageProvider['generateCoverage']>>;

const reports = resolve('.cache/v8-coverage');
const dist = `${pathToFileURL(resolve('dist')).href}/`;

/** The build generates it: no line of src/ is behind it. */
const generated = `${dist}schema/own-validators.js`;

/** vitest's V8 provider, and what child processes ran of dist/. */
export class ChildCoverageProvider extends V8CoverageProvider {
  override async clean(clean = true): Promise<void> {
    rmSync(reports, { recursive: true, force: true });
    await super.clean(clean);
  }

  override async generateCoverage(
    context: Parameters<V8CoverageProvider['generateCoverage']>[0],
  ): Promise<CoverageMap> {
    const total = await super.generateCoverage(context);
    for (const script of (await mergeReports()).result) {
      const children = this.createCoverageMap();
      children.merge(await this['remapCoverage'](script.url, 0, readBuilt(script.url), script.functions));
      for (const source of children.files()) {
        if (total.files().includes(source)) {
          addHits(total.fileCoverageFor(source).data, children.fileCoverageFor(source).data);
        }
      }
    }
    return total;
  }
}

/** What all child processes ran of dist/, as one. */
async function mergeReports(): Promise<Profiler.TakePreciseCoverageReturnType> {
  // The same merge that vitest's provider uses, from where it has it.
  const from = createRequire(createRequire(import.meta.url).resolve('@vitest/coverage-v8'));
  const { mergeProcessCovs } = (await import(from.resolve('@bcoe/v8-coverage'))) as { mergeProcessCovs: Merge };
  let merged: Profiler.TakePreciseCoverageReturnType = { result: [] };
  for (const name of existsSync(reports) ? readdirSync(reports) : []) {
    const report = readReport(resolve(reports, name));
    merged = mergeProcessCovs([
      merged,
      { result: report.filter(({ url }) => url.startsWith(dist) && url !== generated) },
    ]);
  }
  return merged;
}

/** A process that was killed while it wrote leaves half a report: it counts for nothing. */
function readReport(file: string): Profiler.ScriptCoverage[] {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as Profiler.TakePreciseCoverageReturnType).result;
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

/** A built file and its source map, whose sources are made absolute. */
function readBuilt(url: string): { code: string; map: object } {
  const file = fileURLToPath(url);
  if (!existsSync(`${file}.map`)) throw new Error(`found no source map beside ${file}; run npm run build`);
  const map = JSON.parse(readFileSync(`${file}.map`, 'utf8')) as { sources: string[] };
  const sources = map.sources.map((source) => pathToFileURL(resolve(dirname(file), source)).href);
  return { code: readFileSync(file, 'utf8'), map: { ...map, sources } };
}
