'use client'
import { useRouter } from 'next/navigation'
import { type ReactNode, useEffect, useState } from 'react'

const second = 1000

/** Asks for the page again while it waits for something to happen elsewhere: often at first, then less, for a quarter of an hour. */
export function AskAgain() {
  const router = useRouter()
  useEffect(() => {
    const began = Date.now()
    let timer: ReturnType<typeof setTimeout>
    const ask = () => {
      const waited = Date.now() - began
      if (waited > 15 * 60 * second) return
      // Nobody looks at a page in a tab behind others; GitHub's answers are counted.
      if (document.visibilityState === 'visible') router.refresh()
      timer = setTimeout(ask, waited < 60 * second ? 4 * second : 15 * second)
    }
    timer = setTimeout(ask, 4 * second)
    return () => clearTimeout(timer)
  }, [router])
  return null
}

/** Shows its content after a while; at once where there is no JavaScript to wait with. */
export function Later({ seconds, children }: { seconds: number; children: ReactNode }) {
  const [shown, setShown] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), seconds * second)
    return () => clearTimeout(timer)
  }, [seconds])
  return shown ? children : <noscript>{children}</noscript>
}
