'use client'
import { galleryLimits, galleryTypes } from '@modelport/schema/gallery'
import { ArrowDown, ArrowUp, GripVertical, ImagePlus, Trash2 } from 'lucide-react'
import { useRouter } from 'next/navigation'
import { type DragEvent, useEffect, useRef, useState } from 'react'

export interface EditedImage {
  id: string
  thumbnail: string
  alt: string
  decorative: boolean
  caption: string
  inputs: string
  version: number | null
}

/** Adds, orders, describes and removes images. Nothing changes on the page before it is saved. */
export function GalleryEditor(props: { url: string; revision: string; versions: number[]; initial: EditedImage[] }) {
  const { url, revision, versions, initial } = props
  const router = useRouter()
  const [images, setImages] = useState(initial)
  const [dirty, setDirty] = useState(false)
  const [busy, setBusy] = useState<string | null>(null)
  const [errors, setErrors] = useState<string[]>([])
  const [notice, setNotice] = useState('')
  const dragged = useRef<string | null>(null)
  const files = useRef<HTMLInputElement>(null)
  useWarnBeforeLeaving(dirty)

  function change(next: EditedImage[]) {
    setImages(next)
    setDirty(true)
    setNotice('')
  }
  const edit = (id: string, values: Partial<EditedImage>) =>
    change(images.map((image) => (image.id === id ? { ...image, ...values } : image)))

  function move(from: number, to: number) {
    if (to < 0 || to >= images.length || from === to) return
    const next = [...images]
    next.splice(to, 0, ...next.splice(from, 1))
    change(next)
    setNotice(`Image moved to place ${to + 1} of ${next.length}.`)
  }

  async function add(chosen: File[]) {
    const room = galleryLimits.images - images.length
    const problems = chosen.length > room ? [`A gallery holds ${galleryLimits.images} images; ${room} more fit.`] : []
    const added: EditedImage[] = []
    for (const file of chosen.slice(0, room)) {
      setBusy(`Adding ${file.name}`)
      const answer = await send(url, file)
      if (typeof answer === 'string') problems.push(`${file.name}: ${answer}`)
      else added.push(answer)
    }
    setBusy(null)
    setErrors(problems)
    if (added.length > 0) {
      change([...images, ...added])
      setNotice('Say what each new image shows, then save.')
    }
    if (files.current) files.current.value = ''
  }

  async function save() {
    const undescribed = images.findIndex((image) => !image.decorative && image.alt.trim() === '')
    if (undescribed >= 0) {
      setErrors([`Image ${undescribed + 1} has no description. Write one, or mark it as decorative.`])
      document.getElementById(`alt-${images[undescribed]!.id}`)?.focus()
      return
    }
    setBusy('Saving')
    const items = images.map(({ id, alt, decorative, caption, inputs, version }) => ({
      id,
      alt: decorative ? null : alt,
      caption,
      inputs,
      version,
    }))
    const problem = await request(url, {
      method: 'PUT',
      type: 'application/json',
      body: JSON.stringify({ revision, items }),
    })
    setBusy(null)
    setErrors(typeof problem === 'string' ? [problem] : [])
    if (typeof problem === 'string') return
    setDirty(false)
    setNotice('Saved.')
    router.refresh()
  }

  const dropFiles = (event: DragEvent) => {
    event.preventDefault()
    const dropped = [...event.dataTransfer.files]
    if (dropped.length > 0 && !busy) void add(dropped)
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping files has the button below as its other way
    <div onDragOver={(event) => event.preventDefault()} onDrop={dropFiles}>
      <ol className="space-y-3">
        {images.map((image, i) => (
          <li
            key={image.id}
            className="card grid gap-3 p-3 sm:grid-cols-[auto_minmax(0,1fr)_auto]"
            onDragOver={(event) => {
              if (dragged.current) event.preventDefault()
            }}
            onDrop={(event) => {
              if (!dragged.current) return
              event.preventDefault()
              event.stopPropagation()
              move(
                images.findIndex((one) => one.id === dragged.current),
                i,
              )
              dragged.current = null
            }}
          >
            {/* biome-ignore lint/a11y/noStaticElementInteractions: dragging has the Move buttons as its other way */}
            <div
              className="flex items-start gap-2"
              draggable
              onDragStart={() => {
                dragged.current = image.id
              }}
              onDragEnd={() => {
                dragged.current = null
              }}
            >
              <GripVertical aria-hidden className="mt-6 size-4 shrink-0 cursor-grab text-fg-subtle max-sm:hidden" />
              {/* biome-ignore lint/performance/noImgElement: the gallery has encoded it in this size already */}
              <img
                src={image.thumbnail}
                alt={`${i + 1}`}
                width={96}
                height={72}
                className="h-[72px] w-24 rounded-sm bg-bg-muted object-cover"
              />
            </div>
            <Fields image={image} versions={versions} onChange={(values) => edit(image.id, values)} />
            <div className="flex gap-1 sm:flex-col">
              <IconButton label={`Move image ${i + 1} up`} disabled={i === 0} onClick={() => move(i, i - 1)}>
                <ArrowUp aria-hidden className="size-4" strokeWidth={1.75} />
              </IconButton>
              <IconButton
                label={`Move image ${i + 1} down`}
                disabled={i === images.length - 1}
                onClick={() => move(i, i + 1)}
              >
                <ArrowDown aria-hidden className="size-4" strokeWidth={1.75} />
              </IconButton>
              <IconButton
                label={`Remove image ${i + 1}`}
                onClick={() => change(images.filter((one) => one.id !== image.id))}
              >
                <Trash2 aria-hidden className="size-4" strokeWidth={1.75} />
              </IconButton>
            </div>
          </li>
        ))}
      </ol>
      <div className="mt-4 flex flex-wrap items-center gap-3">
        <label className={`button ${busy || images.length >= galleryLimits.images ? 'opacity-60' : 'cursor-pointer'}`}>
          <ImagePlus aria-hidden className="size-4" strokeWidth={1.75} />
          Add images
          <input
            ref={files}
            type="file"
            multiple
            accept={galleryTypes.join(',')}
            className="sr-only"
            disabled={busy !== null || images.length >= galleryLimits.images}
            onChange={(event) => void add([...(event.target.files ?? [])])}
          />
        </label>
        <button type="button" className="button button-primary" disabled={busy !== null || !dirty} onClick={save}>
          Save gallery
        </button>
        <p role="status" className="text-fg-muted">
          {busy ? `${busy}…` : notice}
        </p>
      </div>
      <p className="mt-2 text-[13px] text-fg-muted">
        {images.length} of {galleryLimits.images} images. PNG, JPEG, WebP, AVIF or GIF, up to 8 MB each; they are
        re-encoded, and data about the camera and the place is left out.
      </p>
      {errors.length > 0 ? (
        <ul role="alert" className="mt-2 text-danger">
          {errors.map((error) => (
            <li key={error}>{error}</li>
          ))}
        </ul>
      ) : null}
    </div>
  )
}

function Fields(props: { image: EditedImage; versions: number[]; onChange: (values: Partial<EditedImage>) => void }) {
  const { image, versions, onChange } = props
  // One that was yanked or has expired stays what made the image.
  const known = image.version && !versions.includes(image.version) ? [image.version, ...versions] : versions
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      <div className="sm:col-span-2">
        <label htmlFor={`alt-${image.id}`} className="block font-medium">
          What it shows
        </label>
        <input
          id={`alt-${image.id}`}
          className="input mt-1"
          value={image.decorative ? '' : image.alt}
          maxLength={galleryLimits.alt}
          disabled={image.decorative}
          required={!image.decorative}
          placeholder={image.decorative ? '' : 'For people who do not see it'}
          onChange={(event) => onChange({ alt: event.target.value })}
        />
        <label className="mt-1 flex min-h-6 items-center gap-2 text-[13px] text-fg-muted">
          <input
            type="checkbox"
            checked={image.decorative}
            onChange={(event) => onChange({ decorative: event.target.checked })}
          />
          Decorative: it shows nothing that the page does not say
        </label>
      </div>
      <label className="block">
        <span className="font-medium">Caption</span>
        <input
          className="input mt-1"
          value={image.caption}
          maxLength={galleryLimits.caption}
          onChange={(event) => onChange({ caption: event.target.value })}
        />
      </label>
      <label className="block">
        <span className="font-medium">Made by</span>
        <select
          className="input mt-1"
          value={image.version ?? ''}
          onChange={(event) => onChange({ version: event.target.value ? Number(event.target.value) : null })}
        >
          <option value="">Not said</option>
          {known.map((number) => (
            <option key={number} value={number}>
              Version {number}
            </option>
          ))}
        </select>
      </label>
      <label className="block sm:col-span-2">
        <span className="font-medium">Inputs used</span>
        <textarea
          className="input mt-1 font-mono text-[13px]"
          rows={2}
          value={image.inputs}
          maxLength={galleryLimits.inputs}
          onChange={(event) => onChange({ inputs: event.target.value })}
        />
      </label>
    </div>
  )
}

function IconButton(props: { label: string; disabled?: boolean; onClick: () => void; children: React.ReactNode }) {
  const { label, disabled, onClick, children } = props
  return (
    <button type="button" className="button button-small px-2" title={label} disabled={disabled} onClick={onClick}>
      {children}
      <span className="sr-only">{label}</span>
    </button>
  )
}

/** The image as it was taken in, or why it was not. */
async function send(url: string, file: File): Promise<EditedImage | string> {
  if (file.size > galleryLimits.bytes) return 'it is larger than 8 MB.'
  const answer = await request(url, { method: 'POST', type: 'application/octet-stream', body: file })
  if (typeof answer === 'string') return answer
  const image = answer as { id: string; renditions: { url: string }[] }
  return {
    id: image.id,
    thumbnail: new URL(image.renditions.at(-1)!.url).pathname,
    alt: '',
    decorative: false,
    caption: '',
    inputs: '',
    version: null,
  }
}

/** The answer, or a sentence that says why there is none. */
async function request(url: string, { method, type, body }: { method: string; type: string; body: BodyInit }) {
  try {
    const response = await fetch(url, { method, body, headers: { 'content-type': type } })
    const answer = (await response.json()) as { detail?: string }
    return response.ok ? answer : (answer.detail ?? `The site answered ${response.status}.`)
  } catch {
    return 'The site could not be reached. Try again.'
  }
}

function useWarnBeforeLeaving(dirty: boolean) {
  useEffect(() => {
    if (!dirty) return
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    window.addEventListener('beforeunload', warn)
    return () => window.removeEventListener('beforeunload', warn)
  }, [dirty])
}
