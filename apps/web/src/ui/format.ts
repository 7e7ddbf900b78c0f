import type { BuildState, VersionState } from '@modelport/schema/states'

const nbsp = ' '

/** `1.4 GB`, in units of 1000 as image registries count. */
export function formatBytes(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined) return '–'
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0
  return `${value.toFixed(digits)}${nbsp}${units[unit]}`
}

/** `3 min 12 s`, `4.2 s`. */
export function formatDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return '–'
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}${nbsp}ms`
  if (ms < 9950) return `${(ms / 1000).toFixed(1)}${nbsp}s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds}${nbsp}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}${nbsp}min${nbsp}${seconds % 60}${nbsp}s`
  return `${Math.floor(minutes / 60)}${nbsp}h${nbsp}${minutes % 60}${nbsp}min`
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const absolute = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeZone: 'UTC' })
const exact = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' })

/** Relative for seven days, absolute after. */
export function formatTime(date: Date, now: Date): string {
  const seconds = Math.round((date.getTime() - now.getTime()) / 1000)
  const ago = Math.abs(seconds)
  if (ago < 45) return 'just now'
  if (ago < 3600) return relative.format(Math.round(seconds / 60), 'minute')
  if (ago < 86_400) return relative.format(Math.round(seconds / 3600), 'hour')
  if (ago < 7 * 86_400) return relative.format(Math.round(seconds / 86_400), 'day')
  return absolute.format(date)
}

export const formatExactTime = (date: Date) => `${exact.format(date)} UTC`

export const formatCount = (count: number, one: string, many = `${one}s`) =>
  `${count.toLocaleString('en')}${nbsp}${count === 1 ? one : many}`

export const stateWords: Record<VersionState | BuildState | 'yanked', string> = {
  queued: 'Queued',
  building: 'Building',
  running: 'Running',
  ready: 'Ready',
  partial: 'Partial',
  failed: 'Failed',
  timed_out: 'Timed out',
  cancelled: 'Cancelled',
  superseded: 'Superseded',
  expired: 'Expired',
  yanked: 'Yanked',
}

const stepWords: Record<string, string> = {
  queued: 'Queued',
  fetch: 'Fetch source',
  config: 'Read runway.yml',
  base: 'Base image',
  inspect: 'Inspect interface',
  push: 'Push image',
  publish: 'Publish',
}

/** What a step is called on a page; a build step is called by its command. */
export function stepTitle(name: string, command?: string | null): string {
  if (stepWords[name]) return stepWords[name]
  const number = /^build:(\d+)$/.exec(name)?.[1]
  const firstLine = command?.split('\n', 1)[0]
  if (firstLine) return firstLine
  return number ? `Build step ${number}` : name
}
