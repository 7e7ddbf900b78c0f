import type { ListedModel } from '@modelport/db/queries/models'
import { GitCommitHorizontal, Package, Terminal } from 'lucide-react'
import Link from 'next/link'
import { ModelList } from '#src/features/directory/model-row.tsx'
import { CodeBlock } from '#src/ui/code-block.tsx'

const steps = [
  {
    icon: GitCommitHorizontal,
    title: 'Push',
    text: 'Add a runway.yml and a runway_model.py to a repository. Every push to its branch becomes a numbered version.',
  },
  {
    icon: Package,
    title: 'Build',
    text: 'A CPU and a GPU image are built from the commit, and the interface is read from the running image.',
  },
  {
    icon: Terminal,
    title: 'Use',
    text: 'Anyone who may see the model runs it by digest, on any machine with a container engine.',
  },
]

export function HomePage({
  recent,
  githubUrl,
  login,
}: {
  recent: ListedModel[]
  githubUrl: string
  login: string | null
}) {
  const url = new URL(githubUrl)
  const owner = login ?? 'alice'
  // Only a GitHub for one machine takes any password and makes repositories on push.
  const remote =
    url.hostname === 'github.com'
      ? `https://github.com/${owner}/my-model.git`
      : `${url.protocol}//${owner}:anything@${url.host}/${owner}/my-model.git`
  return (
    <div className="mx-auto w-full max-w-[1280px] px-4 sm:px-6">
      <section className="py-12 sm:py-16">
        <h1 className="max-w-[24ch] text-3xl leading-9 font-semibold">
          Push a model. Get an image, a page and an interface.
        </h1>
        <p className="mt-3 max-w-[60ch] text-base leading-[26px] text-fg-muted">
          Modelport builds models from their GitHub repositories and keeps every version: what it takes, what it
          returns, how to run it.
        </p>
        <form action="/models" className="mt-6 flex max-w-xl gap-2">
          <input
            type="search"
            name="q"
            aria-label="Search all models"
            placeholder="Search all models"
            className="input"
          />
          <button type="submit" className="button button-primary">
            Search
          </button>
        </form>
      </section>
      <div className="grid gap-10 lg:grid-cols-[minmax(0,1fr)_400px]">
        <section aria-labelledby="recent" className="min-w-0">
          <div className="mb-3 flex items-baseline justify-between">
            <h2 id="recent" className="text-lg leading-7 font-semibold">
              Recently updated
            </h2>
            {recent.length > 0 ? (
              <Link prefetch={false} className="link" href="/models">
                All models
              </Link>
            ) : null}
          </div>
          {recent.length > 0 ? (
            <ModelList models={recent} />
          ) : (
            <p className="card px-4 py-8 text-center text-fg-muted">
              No models yet. The first one that is ready appears here.
            </p>
          )}
        </section>
        <section aria-labelledby="how" className="min-w-0">
          <h2 id="how" className="mb-3 text-lg leading-7 font-semibold">
            How it works
          </h2>
          <ol className="space-y-4">
            {steps.map(({ icon: Icon, title, text }, i) => (
              <li key={title} className="flex gap-3">
                <span className="flex size-9 shrink-0 items-center justify-center rounded-md bg-accent-subtle text-accent-text">
                  <Icon aria-hidden className="size-5" strokeWidth={1.5} />
                </span>
                <div>
                  <h3 className="font-semibold">
                    {i + 1}. {title}
                  </h3>
                  <p className="text-fg-muted">{text}</p>
                </div>
              </li>
            ))}
          </ol>
          <div className="mt-5">
            <CodeBlock wrap title="From a checkout of your model" code={`git push ${remote} HEAD:main`} />
          </div>
          <p className="mt-3">
            <Link prefetch={false} href="/new" className="link">
              Or import a repository that is on GitHub already
            </Link>
          </p>
        </section>
      </div>
    </div>
  )
}
