/** The request header in which the proxy hands the pages their own address, path and query; a visitor cannot set it. */
export const hereHeader = 'x-modelport-here'
