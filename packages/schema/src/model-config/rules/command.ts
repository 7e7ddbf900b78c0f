import type { Place, ProblemParts } from '../problem.ts'
import type { ProblemCode } from '../problem-codes.ts'

type Report = (parts: ProblemParts) => void

/** Warns about a build step that will not do what its author expects. */
export function judgeCommand(text: string, at: Place, path: string, report: Report): void {
  const warn = (code: ProblemCode, understood: string, mend: string) =>
    report({ code, severity: 'warning', at, path, value: text, understood, mend })
  const commands = simpleCommands(text)

  const only = commands.length === 1 ? /^(cd|export)(\s|$)/.exec(commands[0]!)?.[1] : undefined
  if (only) {
    warn(
      'step-without-effect',
      `each step runs in a shell of its own, so a step that is only \`${only}\` changes nothing for the next one`,
      only === 'cd'
        ? 'join it with the command that needs it: `cd DIR && COMMAND`'
        : 'join it with the command that needs it: `export A=b && COMMAND`',
    )
  }
  if (commands.some((command) => /^sudo(\s|$)/.test(command))) {
    warn('sudo', 'steps run as root already, and the image may have no `sudo`', 'delete `sudo`')
  }
  if (commands.some(asksBeforeInstalling)) {
    warn('apt-asks', '`apt install` asks before it installs; the base image answers yes', 'add `-y`')
  }
  if (/^RUN\s/.test(text)) {
    warn(
      'dockerfile-instruction',
      '`RUN` belongs in a Dockerfile; the shell looks for a program of that name',
      'delete `RUN`',
    )
  }
  if (/(&&|\|\||;)\s*\\ /.test(text)) {
    warn(
      'folded-line',
      'YAML joins the lines of this command and leaves the backslash in the middle, which the shell then takes for a name',
      'delete the backslash at the end of the line',
    )
  }
  warnOfBackslash(text, warn)
}

/** Warns about an entrypoint that does not look like a command. */
export function judgeEntrypointCommand(text: string, at: Place, report: Report): void {
  const warn = (code: ProblemCode, understood: string, mend: string) =>
    report({ code, severity: 'warning', at, path: 'entrypoint', value: text, understood, mend })
  const words = text.split(/\s+/)
  const program = words.find((word) => !/^[A-Za-z_]\w*=/.test(word)) ?? ''
  if (/^[^/]*\.(py|sh)$/.test(program) || /^(?!\.{0,2}\/).*\.py$/.test(program)) {
    warn(
      'entrypoint-not-a-program',
      `\`${program}\` is a file, not a program, so the shell will not find it`,
      `write \`entrypoint: ${/\.sh$/.test(program) ? 'sh' : 'python'} ${text}\``,
    )
  }
  warnOfBackslash(text, warn)
}

function warnOfBackslash(text: string, warn: (code: ProblemCode, understood: string, mend: string) => void): void {
  const unquoted = text.replace(/'[^']*'|"(?:\\.|[^"\\])*"/g, "''")
  if (!/[\w.-]\\\w|\w\\(\s|$)|(^|\s)\w:\\/.test(unquoted)) return
  warn('windows-path', 'the images run Linux, where `\\` does not separate directories', 'write paths with `/`')
}

/** The commands between `&&`, `||`, `;`, `|` and line ends, without what stands in quotes. */
function simpleCommands(text: string): string[] {
  return text
    .replace(/'[^']*'|"(?:\\.|[^"\\])*"/g, "''")
    .split(/&&|\|\||[;|\n]/)
    .map((command) => command.trim().replace(/^\(\s*/, ''))
    .filter((command) => command !== '')
}

function asksBeforeInstalling(command: string): boolean {
  const words = command
    .replace(/^sudo\s+/, '')
    .replace(/^([A-Za-z_]\w*=\S*\s+)+/, '')
    .split(/\s+/)
  if (words[0] !== 'apt' && words[0] !== 'apt-get') return false
  if (!words.includes('install')) return false
  return !words.some((word) => /^-[a-zA-Z]*y[a-zA-Z]*$|^-[a-zA-Z]*qq|^--(assume-)?yes$/.test(word))
}
