import type { ImageRendition } from '@modelport/db/queries/gallery'

/** Where a rendition is served: named by its content, so that it may be kept for ever. */
export const renditionPath = (modelPath: string, rendition: Pick<ImageRendition, 'hash'>) =>
  `${modelPath}/gallery/${rendition.hash}.webp`
