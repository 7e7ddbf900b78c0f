/** Where the local stack tells what it does. */
export interface Report {
  /** Runs one step and tells its name, its time and what it says about itself. */
  step<T>(name: string, run: (say: (detail: string) => void) => Promise<T>): Promise<T>
  /** One sentence that the reader should see. */
  notice(sentence: string): void
  /** One line that a child printed. */
  line(child: string, text: string): void
}

/** Tells nothing: for tests. */
export const silentReport: Report = {
  step: (_name, run) => run(() => {}),
  notice: () => {},
  line: () => {},
}

/** Tells on the terminal. Only lines of the apps come here; what servers print is in their log files. */
export function terminalReport(write: (line: string) => void = console.log): Report {
  return {
    async step(name, run) {
      const started = performance.now()
      const details: string[] = []
      const value = await run((detail) => details.push(detail))
      const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6)
      write(`${seconds} s  ${name}${details.length ? `: ${details.join('; ')}` : ''}`)
      return value
    },
    notice: (sentence) => write(`   note   ${sentence}`),
    line: (child, text) => write(`${child.padEnd(12)} | ${readableLine(text)}`),
  }
}

const levels: Record<number, string> = { 10: 'trace: ', 20: 'debug: ', 40: 'warning: ', 50: 'error: ', 60: 'fatal: ' }
const unread = new Set(['level', 'time', 'name', 'pid', 'hostname', 'msg', 'v'])

/** A line of our apps' JSON logs as a sentence with its facts; any other line as it is. The log file keeps the JSON. */
export function readableLine(text: string): string {
  if (!text.startsWith('{"level":')) return text
  try {
    const entry = JSON.parse(text) as Record<string, unknown>
    const facts = Object.entries(entry).filter(([name]) => !unread.has(name))
    const told = facts.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    return [`${levels[entry.level as number] ?? ''}${entry.msg ?? ''}`, ...told].join(' ')
  } catch {
    return text
  }
}
