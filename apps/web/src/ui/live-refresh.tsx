'use client'
import { useRouter } from 'next/navigation'
import { useEffect, useState } from 'react'

/** Asks the server for the page again when it says that something changed, at most once a second. */
export function LiveRefresh({ url, active }: { url: string; active: boolean }) {
  const router = useRouter()
  const [lost, setLost] = useState(false)
  useEffect(() => {
    if (!active) return
    let timer: ReturnType<typeof setTimeout> | undefined
    const source = new EventSource(url)
    source.addEventListener('change', () => {
      timer ??= setTimeout(() => {
        timer = undefined
        router.refresh()
      }, 700)
    })
    source.onopen = () => setLost(false)
    source.onerror = () => setLost(true)
    return () => {
      source.close()
      clearTimeout(timer)
    }
  }, [url, active, router])
  return (
    <p role="status" className={lost && active ? 'mb-4 rounded-md bg-warning-bg px-3 py-2 text-fg' : 'sr-only'}>
      {lost && active ? 'Connection lost. Reconnecting; what you see may be older than it looks.' : ''}
    </p>
  )
}
