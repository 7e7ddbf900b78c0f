import type { Version } from '@modelport/db/queries/versions'
import { detectLicence } from '@modelport/schema/licence/detect'
import { commercialUse, type LicenceTerms, licenceName, spdxOf, termsOf } from '@modelport/schema/licence/terms'
import type { Described, Source } from '@modelport/schema/model-card/describe'

/** What a page may say about the licence, and where that comes from. */
export interface LicenceClaim {
  spdx: string | null
  /** The id, or the name of a licence that has none; null when nothing is stated. */
  name: string | null
  terms: LicenceTerms | null
  commercial: ReturnType<typeof commercialUse>
  from: Source | null
  /** Where whoever named the licence says that its text is. */
  url: string | null
  /** What the licence file says when it is another licence than the one claimed. */
  conflict: string | null
}

/** The licence of a version: what its model card or config names, else what the text of its licence file is. */
export function claimOf(licence: Version['licence'], said: Described['licence']): LicenceClaim {
  // Versions from before the text was read have no id yet.
  const byText = licence ? (licence.spdx ?? detectLicence(licence.text)) : null
  const spdx = said ? spdxOf(said.value) : byText
  const terms = termsOf(spdx)
  return {
    spdx,
    name: spdx ? licenceName(spdx) : (said?.value ?? null),
    terms,
    commercial: commercialUse(terms),
    url: said?.url ?? null,
    from: said ? said.from : byText ? 'LICENSE' : null,
    conflict: said && byText && byText !== spdx ? licenceName(byText) : null,
  }
}
