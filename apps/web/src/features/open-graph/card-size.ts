/** Of the picture that a link unfurls with, in pixels. */
export const cardSize = { width: 1200, height: 630 }
