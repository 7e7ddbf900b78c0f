/** What a gallery may hold, and what of a picture that somebody sends is decoded at all. */
export const galleryLimits = {
  images: 20,
  /** Bytes of an upload. */
  bytes: 8 * 1024 * 1024,
  /** Pixels of an upload. */
  pixels: 40_000_000,
  alt: 300,
  caption: 500,
  inputs: 2000,
} as const

/** The types of picture that are decoded. SVG is none of them: it is a document that runs. */
export const galleryTypes = ['image/png', 'image/jpeg', 'image/webp', 'image/avif', 'image/gif'] as const
