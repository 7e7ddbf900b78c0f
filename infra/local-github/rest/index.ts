import { Router } from '../http.ts'
import type { Api } from './api.ts'
import { appRoutes } from './app.ts'
import { checkRoutes } from './checks.ts'
import { commitRoutes } from './commits.ts'
import { contentRoutes } from './contents.ts'
import { deliveryRoutes } from './deliveries.ts'
import { metaRoutes } from './meta.ts'
import { repositoryRoutes } from './repositories.ts'
import { userRoutes } from './users.ts'

/** Everything below `/api/v3`. */
export function restRouter(): Router<Api> {
  const router = new Router<Api>()
  // Checks come before commits, whose path ends in any ref.
  for (const add of [
    appRoutes,
    deliveryRoutes,
    checkRoutes,
    commitRoutes,
    contentRoutes,
    repositoryRoutes,
    userRoutes,
    metaRoutes,
  ]) {
    add(router)
  }
  return router
}
