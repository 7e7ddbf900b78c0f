import {
  findPublisher,
  type ListedModel,
  listPublicModels,
  type Model,
  type Publisher,
} from '@modelport/db/queries/models'
import { listModelsOfPublisher } from '@modelport/db/queries/pages'
import { can } from '#src/auth/can.ts'
import { hidden } from '#src/auth/refusal.ts'
import { currentActor } from '#src/auth/session.ts'
import { context } from '#src/context.ts'
import { parseOwner } from '#src/features/models/model-path.ts'

export interface PublisherView {
  publisher: Publisher
  models: ListedModel[]
  /** Models of this publisher that are not in the directory and that this person may see inside. */
  others: Model[]
}

export async function loadPublisher(segment: string): Promise<PublisherView> {
  const { db } = context()
  const owner = parseOwner(segment)
  const publisher = owner ? await findPublisher(db, owner) : null
  if (!publisher) throw hidden()
  const actor = await currentActor()
  const [models, all] = await Promise.all([
    listPublicModels(db, { publisherId: publisher.id, limit: 100 }),
    actor.user ? listModelsOfPublisher(db, publisher.id) : [],
  ])
  const listed = new Set(models.map((m) => m.model.id))
  const others: Model[] = []
  // `build` is what publishers may do: an unlisted model is no secret to them, and stays one to others.
  for (const model of all)
    if (!listed.has(model.id) && (await can(actor, model.repositoryPrivate ? 'see' : 'build', model)) === 'allow')
      others.push(model)
  // Whoever owns nothing that this person may see is not told apart from nobody.
  if (models.length === 0 && others.length === 0 && publisher.slug !== actor.user?.login.toLowerCase()) throw hidden()
  return { publisher, models, others }
}
