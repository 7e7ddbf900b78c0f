'use client'
import { Upload } from 'lucide-react'
import { type DragEvent, useRef, useState } from 'react'
import { endingsOf, isSamePlace, type PlaceName, placeWords } from '#src/features/files/places.ts'
import { useUploads } from '#src/features/files/upload/uploads.tsx'

/** Where files are dropped or chosen for one place. In a place that has a file the new one takes its place. */
export function DropZone({ option, choice, replaces }: PlaceName & { replaces: boolean }) {
  const { queue, limits } = useUploads()
  const field = useRef<HTMLInputElement>(null)
  const [over, setOver] = useState(false)
  const place = { option, choice }
  const free = option === null
  const known = limits.places.find((one) => isSamePlace(one, place))
  const endings = known ? endingsOf(known) : null

  const take = (list: FileList | null) => {
    const files = [...(list ?? [])]
    queue.add(free ? files : files.slice(0, 1), place)
  }
  const drag = {
    onDragOver(event: DragEvent) {
      event.preventDefault()
      setOver(true)
    },
    onDragLeave: () => setOver(false),
    onDrop(event: DragEvent) {
      event.preventDefault()
      setOver(false)
      take(event.dataTransfer.files)
    },
  }
  const label = free ? 'Choose files' : replaces ? 'Replace' : 'Choose a file'
  return (
    // Dropping is a second way; the button is for everybody.
    <div
      {...drag}
      data-over={over || undefined}
      className="drop-zone flex flex-wrap items-center gap-x-3 gap-y-2 rounded-lg border border-dashed border-border-strong px-3 py-3"
    >
      <button type="button" className="button button-small" onClick={() => field.current?.click()}>
        <Upload aria-hidden className="size-3.5" strokeWidth={1.75} />
        {label}
        {free ? null : <span className="sr-only"> for {placeWords(place)}</span>}
      </button>
      <span className="text-[13px] text-fg-muted">
        or drop {free ? 'files' : 'one'} here{endings ? ` (${endings.join(', ')})` : ''}
      </span>
      <input
        ref={field}
        type="file"
        hidden
        multiple={free}
        onChange={(event) => {
          take(event.target.files)
          // The same file can be chosen again.
          event.target.value = ''
        }}
      />
    </div>
  )
}
