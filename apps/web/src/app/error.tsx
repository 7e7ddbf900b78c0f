'use client'

export default function ErrorPage({ error, reset }: { error: Error & { digest?: string }; reset: () => void }) {
  return (
    <div className="mx-auto w-full max-w-[760px] px-4 py-8 sm:px-6">
      <h1 className="text-2xl leading-8 font-semibold">This page could not be loaded</h1>
      <p className="mt-2 text-fg-muted">Something on our side did not answer. What you were looking at is not lost.</p>
      <p className="mt-4">
        <button type="button" className="button button-primary" onClick={reset}>
          Try again
        </button>
      </p>
      {error.digest ? (
        <p className="mt-4 text-[13px] text-fg-subtle">Error id {error.digest}, for the operator's log.</p>
      ) : null}
    </div>
  )
}
