'use client'
import { ChevronLeft, ChevronRight, X } from 'lucide-react'
import { type MouseEvent, type ReactNode, useRef, useState } from 'react'

interface Picture {
  href: string
  alt: string
  caption: string
}

/** Opens the pictures among its children (`a[data-picture]`) in a dialog; without JavaScript they are links. */
export function LightBox({ children, className }: { children: ReactNode; className?: string }) {
  const box = useRef<HTMLDivElement>(null)
  const dialog = useRef<HTMLDialogElement>(null)
  const [pictures, setPictures] = useState<Picture[]>([])
  const [at, setAt] = useState(0)
  const shown = pictures[at]

  function open(event: MouseEvent) {
    const link = (event.target as Element).closest('a[data-picture]')
    if (!link || event.defaultPrevented || event.button !== 0) return
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    event.preventDefault()
    const links = [...box.current!.querySelectorAll<HTMLAnchorElement>('a[data-picture]')]
    setPictures(
      links.map((one) => ({
        href: one.href,
        alt: one.querySelector('img')?.alt ?? '',
        caption: one.dataset.caption ?? '',
      })),
    )
    setAt(links.indexOf(link as HTMLAnchorElement))
    dialog.current?.showModal()
  }
  const go = (by: number) => setAt((now) => (now + by + pictures.length) % pictures.length)

  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: it listens to the links inside, which the keyboard reaches */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: see above */}
      <div ref={box} className={className} onClick={open}>
        {children}
      </div>
      <dialog
        ref={dialog}
        aria-label="Image"
        className="max-h-[100dvh] max-w-[100vw] rounded-xl border border-border bg-surface p-0 text-fg shadow-overlay"
        onKeyDown={(event) => {
          if (event.key === 'ArrowLeft') go(-1)
          if (event.key === 'ArrowRight') go(1)
        }}
        onClick={(event) => {
          if (event.target === dialog.current) dialog.current?.close()
        }}
      >
        {shown ? (
          <figure className="p-3">
            {/* biome-ignore lint/performance/noImgElement: the gallery has encoded it already */}
            <img
              src={shown.href}
              alt={shown.alt}
              className="mx-auto max-h-[calc(100dvh-140px)] max-w-[min(1400px,calc(100vw-40px))] rounded-md object-contain"
            />
            <figcaption className="mt-2 flex flex-wrap items-center gap-2">
              <span className="min-w-0 flex-1" dir="auto" aria-live="polite">
                {shown.caption}
                <span className="sr-only">
                  {' '}
                  Image {at + 1} of {pictures.length}
                </span>
              </span>
              {pictures.length > 1 ? (
                <>
                  <button type="button" className="button px-2" onClick={() => go(-1)}>
                    <ChevronLeft aria-hidden className="size-5" strokeWidth={1.5} />
                    <span className="sr-only">Previous image</span>
                  </button>
                  <button type="button" className="button px-2" onClick={() => go(1)}>
                    <ChevronRight aria-hidden className="size-5" strokeWidth={1.5} />
                    <span className="sr-only">Next image</span>
                  </button>
                </>
              ) : null}
              <button type="button" className="button px-2" onClick={() => dialog.current?.close()}>
                <X aria-hidden className="size-5" strokeWidth={1.5} />
                <span className="sr-only">Close</span>
              </button>
            </figcaption>
          </figure>
        ) : null}
      </dialog>
    </>
  )
}
