import type { Version } from '@modelport/db/queries/versions'
import { commercialUse, type LicenceTerms, licenceName, termsOf } from '@modelport/schema/licence/terms'

/** What a page may say about the licence, and where that comes from. */
export interface LicenceClaim {
  spdx: string | null
  /** The id, or the name of a licence that has none; null when nothing is stated. */
  name: string | null
  terms: LicenceTerms | null
  commercial: ReturnType<typeof commercialUse>
  /** For people: `the text of LICENSE`. Null when nothing is claimed. */
  source: string | null
}

/** The licence of a version by the text of its licence file. */
export function claimOf(licence: Version['licence']): LicenceClaim {
  const spdx = licence?.spdx ?? null
  const terms = termsOf(spdx)
  return {
    spdx,
    name: spdx ? licenceName(spdx) : null,
    terms,
    commercial: commercialUse(terms),
    source: spdx ? `the text of ${licence?.file}` : null,
  }
}
