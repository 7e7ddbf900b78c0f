export interface TestCounts {
  passed: number
  failed: number
  skipped: number
}

/** How one stage of the run ended. */
export interface Outcome extends TestCounts {
  name: string
  ok: boolean
  seconds: number
}

/** Reads vitest's JSON report. */
export function countVitest(json: string): TestCounts {
  const report = JSON.parse(json) as {
    numPassedTests: number
    numFailedTests: number
    numPendingTests: number
    numTodoTests: number
  }
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

/** Reads what Python's unittest prints at its end; null when it never came to an end. */
export function countUnittest(printed: string): TestCounts | null {
  const ran = [...printed.matchAll(/^Ran (\d+) tests? in /gm)].at(-1)
  const verdict = [...printed.matchAll(/^(?:OK|FAILED|NO TESTS RAN)(?: \((.*)\))?$/gm)].at(-1)
  if (!ran || !verdict) return null
  const named = Object.fromEntries((verdict[1] ?? '').split(', ').map((part) => part.split('='))) as Record<
    string,
    string
  >
  const number = (name: string) => Number(named[name] ?? 0)
  const failed = number('failures') + number('errors') + number('unexpected successes')
  const skipped = number('skipped')
  // A class or module that fails to set up is an error, but no test that ran.
  return { passed: Math.max(0, Number(ran[1]) - failed - skipped), failed, skipped }
}

/** Puts a stage's exit and its counts together: one that failed without a failed test still counts one failure. */
export function outcomeOf(name: string, exitedWell: boolean, counts: TestCounts | null, seconds: number): Outcome {
  const { passed, failed, skipped } = counts ?? { passed: 0, failed: 0, skipped: 0 }
  const ok = exitedWell && failed === 0
  return { name, ok, seconds, passed, failed: ok ? 0 : Math.max(1, failed), skipped }
}

/** One row per stage. */
export function summaryTable(outcomes: readonly Outcome[]): string {
  const rows = [
    ['stage', 'time', 'passed', 'failed', 'skipped', ''],
    ...outcomes.map((o) => [
      o.name,
      `${o.seconds.toFixed(1)} s`,
      String(o.passed),
      String(o.failed),
      String(o.skipped),
      o.ok ? 'ok' : 'FAILED',
    ]),
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const align = (cell: string, column: number) =>
    column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
  return rows.map((row) => row.map(align).join('  ').trimEnd()).join('\n')
}

/** `N passed, N failed`, and `, N skipped` when any were. */
export function lastLine(outcomes: readonly Outcome[]): string {
  const sum = (key: keyof TestCounts) => outcomes.reduce((total, outcome) => total + outcome[key], 0)
  const skipped = sum('skipped')
  return `${sum('passed')} passed, ${sum('failed')} failed${skipped ? `, ${skipped} skipped` : ''}`
}
