// In plain JavaScript, because Node loads this file as it stands: a bundler would try to read the fonts as modules.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const { resolve } = createRequire(import.meta.url)

export const regular = readFileSync(resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf'))
export const bold = readFileSync(resolve('dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf'))
