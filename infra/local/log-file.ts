import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** A log file of bounded size: a full one becomes `<name>.1`, which takes the place of the one before. */
export class LogFile {
  private descriptor: number
  private bytes: number

  constructor(
    readonly path: string,
    private readonly maxBytes = 10 * 1024 * 1024,
  ) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    this.descriptor = openSync(path, 'a', 0o600)
    this.bytes = statSync(path).size
  }

  write(line: string): void {
    if (this.bytes > this.maxBytes) this.rotate()
    this.bytes += writeSync(this.descriptor, `${line}\n`)
  }

  close(): void {
    closeSync(this.descriptor)
  }

  private rotate(): void {
    closeSync(this.descriptor)
    renameSync(this.path, `${this.path}.1`)
    this.descriptor = openSync(this.path, 'a', 0o600)
    this.bytes = 0
  }
}
