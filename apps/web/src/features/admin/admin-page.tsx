import { CircleAlert, CircleCheck, Eye } from 'lucide-react'
import type { loadAdmin } from '#src/features/admin/load-admin.ts'
import { Banner, EmptyState, Fact, Page, Section, Time } from '#src/ui/parts.tsx'

type Data = Awaited<ReturnType<typeof loadAdmin>>

const held = {
  engine: { words: 'held by the engine', icon: CircleCheck, colour: 'text-success' },
  watched: { words: 'watched by the worker', icon: Eye, colour: 'text-success' },
  off: { words: 'off', icon: CircleAlert, colour: 'text-danger' },
} as const

/** What runs here, and which limits of a build nobody holds. */
export function AdminPage({ data: { queue, workers } }: { data: Data }) {
  return (
    <Page
      title="Administration"
      lead={`${queue.running} builds run and ${queue.waiting} wait.`}
      actions={
        <a className="button" href="/admin/connect">
          Connect your GitHub App
        </a>
      }
    >
      {workers.length === 0 ? (
        <EmptyState title="No worker has reported">Builds wait until one runs.</EmptyState>
      ) : (
        workers.map((worker) => <Worker key={worker.name} worker={worker} />)
      )}
    </Page>
  )
}

function Worker({ worker }: { worker: Data['workers'][number] }) {
  const { report } = worker
  return (
    <Section title={`Worker ${worker.name}`} id={`worker-${worker.name.replaceAll(/[^A-Za-z0-9]+/g, '-')}`}>
      {worker.silent ? <Banner kind="warning">This worker is silent; its builds are given to another.</Banner> : null}
      <dl className="facts">
        <Fact term="Seen">
          <Time date={worker.seenAt} />
        </Fact>
        <Fact term="Builds at once">{report.concurrency}</Fact>
        <Fact term="Queue">{report.queue === 'redis' ? 'Redis' : 'PostgreSQL'}</Fact>
        <Fact term="Driver">{report.driver}</Fact>
        <Fact term="Engine">
          {report.engine
            ? `Docker ${report.engine.version}, runc ${report.engine.runc}, ${report.engine.storageDriver}, cgroup v${report.engine.cgroupVersion}`
            : 'does not answer'}
        </Fact>
      </dl>
      <h3 className="mt-4 mb-2 font-semibold">Limits of a build</h3>
      <ul className="card divide-y divide-border">
        {report.limits.map((limit) => {
          const { words, icon: Icon, colour } = held[limit.held]
          return (
            <li key={limit.name} className="flex flex-wrap items-baseline gap-x-3 gap-y-1 px-4 py-2">
              <span className="w-32 font-medium">{limit.name}</span>
              <span className={`inline-flex items-center gap-1 ${colour}`}>
                <Icon size={16} aria-hidden /> {words}
              </span>
              {limit.means ? <span className="text-fg-muted">{limit.means}</span> : null}
            </li>
          )
        })}
      </ul>
    </Section>
  )
}
