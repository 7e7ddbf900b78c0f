import { deliveryShape, succeeded } from '../deliveries.ts'
import { HttpError, pageOf, type Router, sendJson } from '../http.ts'
import { type Api, idOf, notFound, onlyApp } from './api.ts'

/** The log of webhook deliveries, and sending one again. */
export function deliveryRoutes(router: Router<Api>): void {
  router.on('GET', '/app/hook/deliveries', (api, request) => {
    onlyApp(api)
    const { perPage } = pageOf(request)
    const status = request.url.searchParams.get('status')
    const cursor = request.url.searchParams.get('cursor')
    if (cursor !== null && !/^v1_\d+$/.test(cursor)) throw new HttpError(422, 'The cursor is invalid.')
    if (status !== null && status !== 'success' && status !== 'failure')
      throw new HttpError(422, 'The status is invalid.')
    // The cursor names the last delivery seen, so new ones do not shift the pages.
    const below = cursor === null ? Number.POSITIVE_INFINITY : Number(cursor.slice(3))
    const wanted = api.ctx.deliveries
      .list()
      .filter((delivery) => delivery.id < below && (status === null || succeeded(delivery) === (status === 'success')))
    const shown = wanted.slice(0, perPage)
    if (wanted.length > shown.length) {
      const next = new URL(request.url)
      next.searchParams.set('cursor', `v1_${shown.at(-1)!.id}`)
      request.res.setHeader('link', `<${next.href}>; rel="next"`)
    }
    sendJson(
      request,
      200,
      shown.map((delivery) => deliveryShape(api.ctx, delivery)),
    )
  })

  router.on('GET', '/app/hook/deliveries/:id', async (api, request) => {
    onlyApp(api)
    const delivery = api.ctx.store.deliveries.get(idOf(request, 'id'))
    if (!delivery || delivery.pending) throw notFound()
    const body = await api.ctx.deliveries.payload(delivery).catch(() => Buffer.from('null'))
    sendJson(request, 200, {
      ...deliveryShape(api.ctx, delivery),
      request: { headers: delivery.request.headers, payload: JSON.parse(body.toString('utf8')) },
      response: { headers: delivery.response.headers, payload: delivery.response.body },
    })
  })

  router.on('POST', '/app/hook/deliveries/:id/attempts', (api, request) => {
    onlyApp(api)
    const delivery = api.ctx.store.deliveries.get(idOf(request, 'id'))
    if (!delivery || delivery.pending) throw notFound()
    api.ctx.deliveries.redeliver(delivery)
    sendJson(request, 202, {})
  })
}
