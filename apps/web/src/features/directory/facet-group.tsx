import type { FacetCount } from '@modelport/db/queries/search'
import type { Facet } from '@modelport/schema/directory'
import { facetTitles, sizeTitle, valueTitle } from '#src/features/directory/filter-words.ts'

const shownAtOnce = 8

/** The values of a facet as boxes of the form, the most frequent first; the rest behind "Show more". */
export function FacetGroup({
  facet,
  values,
  selected,
  about,
}: {
  facet: Facet
  values: FacetCount[]
  selected: string[]
  about: boolean
}) {
  if (values.length === 0) return null
  // What is ticked stays in sight, or nobody could untick it.
  const first = values.filter(({ value }, i) => i < shownAtOnce || selected.includes(value))
  const rest = values.filter((each) => !first.includes(each))
  const box = (each: FacetCount) => (
    <Choice
      key={each.value}
      type="checkbox"
      name={facet}
      each={each}
      title={valueTitle(facet, each.value)}
      checked={selected.includes(each.value)}
      about={about}
    />
  )
  return (
    <fieldset className="border-t border-border py-3">
      <legend className="float-left mb-1 w-full font-semibold">{facetTitles[facet]}</legend>
      <div className="clear-both">{first.map(box)}</div>
      {rest.length > 0 ? (
        <details>
          <summary className="cursor-pointer py-1 text-accent-text">Show {rest.length} more</summary>
          {rest.map(box)}
        </details>
      ) : null}
    </fieldset>
  )
}

/** The size's presets as one choice; a range of one's own stays among them. */
export function SizeGroup({ values, selected, about }: { values: FacetCount[]; selected: string; about: boolean }) {
  const own = selected !== '' && !values.some(({ value }) => value === selected)
  const all = { value: '', count: null }
  return (
    <fieldset className="border-t border-border py-3">
      <legend className="float-left mb-1 w-full font-semibold">{facetTitles.size}</legend>
      <div className="clear-both">
        {[all, ...values, ...(own ? [{ value: selected, count: null }] : [])].map((each) => (
          <Choice
            key={each.value}
            type="radio"
            name="size"
            each={each}
            title={each.value === '' ? 'Any' : sizeTitle(each.value)}
            checked={each.value === selected}
            about={about}
          />
        ))}
      </div>
    </fieldset>
  )
}

function Choice({
  type,
  name,
  each,
  title,
  checked,
  about,
}: {
  type: 'checkbox' | 'radio'
  name: string
  each: { value: string; count: number | null }
  title: string
  checked: boolean
  about: boolean
}) {
  return (
    <label className={`flex min-h-7 items-center gap-2 ${each.count === 0 ? 'text-fg-subtle' : ''}`}>
      <input type={type} name={name} value={each.value} defaultChecked={checked} className="size-4 accent-(--accent)" />
      <span className="min-w-0 flex-1 truncate" dir="auto" title={title}>
        {title}
      </span>
      {each.count === null ? null : (
        <span className="text-[13px] text-fg-muted tabular-nums">
          {about ? <abbr title="about">~</abbr> : null}
          {each.count.toLocaleString('en')}
        </span>
      )}
    </label>
  )
}
