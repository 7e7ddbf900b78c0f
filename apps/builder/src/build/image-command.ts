import { plainCommands } from './plan/shell-words.ts'

/** Environment assignments in front of a command, as in `CUDA_VISIBLE_DEVICES="" python runway_model.py`. */
const assignments = /^(?:[A-Za-z_]\w*=(?:'[^']*'|"[^"]*"|[^\s'"])*\s+)*/
const notPrograms = new Set(['cd', 'export', 'exec', 'source', '.', 'set', 'unset', 'ulimit', 'umask', 'eval', 'exit'])

/**
 * The image's CMD for an entrypoint. One plain command replaces its shell, so that it is the process that receives the stop signal.
 * Anything more stays as it is: `exec cd x && python y` fails, and so does `exec A=b python y` (`A=b exec python y` does not).
 */
export function imageCommand(entrypoint: string): string[] {
  return ['/bin/sh', '-c', withExec(entrypoint)]
}

function withExec(entrypoint: string): string {
  const commands = plainCommands(entrypoint)
  if (commands?.length !== 1) return entrypoint
  const prefix = assignments.exec(entrypoint)?.[0] ?? ''
  const command = entrypoint.slice(prefix.length).trimStart()
  const program = /^[^\s'"]*/.exec(command)?.[0] ?? ''
  return program === '' || notPrograms.has(program) ? entrypoint : `${prefix}exec ${command}`
}
