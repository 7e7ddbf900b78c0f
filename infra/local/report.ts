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
    line: (child, text) => write(`${child.padEnd(12)} | ${text}`),
  }
}
