import type { Catalogue, CatalogueEntry } from '../catalogue.ts'

/** What every Debian base holds before our own parts are added; without recommended packages. */
export const debianBasePackages = [
  'python3',
  'python3-pip',
  'python3-setuptools',
  'python3-wheel',
  'python3-numpy',
  'python3-pil',
  'python-is-python3',
  'ca-certificates',
  'curl',
  'wget',
  'git',
  'unzip',
  'bzip2',
] as const

/** `cuda_flavor: devel`: a compiler for extensions. No nvcc: Debian's CUDA toolkit takes 3.4 to 4.9 GB. */
const develPackages = ['g++', 'make', 'python3-dev']

interface Suite {
  suite: 'bullseye' | 'bookworm' | 'trixie'
  python: string
  cuda: string
  cudart: string
  /** The mathematical libraries of a GPU base for `framework`; cuDNN cannot be had from Debian. */
  math: string[]
  /** Version of `python3-torch`, which is built without CUDA. */
  torch: string
}

const suites: Suite[] = [
  {
    suite: 'bullseye',
    python: '3.9',
    cuda: '11.2',
    cudart: 'libcudart11.0',
    math: ['libcublas11', 'libcublaslt11'],
    torch: '1.7.1',
  },
  {
    suite: 'bookworm',
    python: '3.11',
    cuda: '11.8',
    cudart: 'libcudart11.0',
    math: ['libcublas11', 'libcublaslt11'],
    torch: '1.13.1',
  },
  {
    suite: 'trixie',
    python: '3.13',
    cuda: '12.4',
    cudart: 'libcudart12',
    math: ['libcublas12', 'libcublaslt12'],
    torch: '2.6.0',
  },
]

/** The base images of a machine that reaches Debian's archive but no public image registry. Bases are made when first asked for. */
export const debianCatalogue: Catalogue = { name: 'debian', entries: suites.flatMap(entriesOf) }

function entriesOf(suite: Suite): CatalogueEntry[] {
  return (['runtime', 'devel'] as const).flatMap((flavor) => [
    entry(suite, flavor, { gpu: null, torch: false }),
    entry(suite, flavor, { gpu: null, torch: true }),
    entry(suite, flavor, { gpu: 'runtime', torch: false }),
    entry(suite, flavor, { gpu: 'math', torch: false }),
    entry(suite, flavor, { gpu: 'math', torch: true }),
  ])
}

function entry(
  { suite, python, cuda, cudart, math, torch }: Suite,
  flavor: CatalogueEntry['flavor'],
  has: { gpu: 'runtime' | 'math' | null; torch: boolean },
): CatalogueEntry {
  const id = [
    'debian',
    suite,
    python,
    has.gpu === null ? 'cpu' : `cuda${cuda}`,
    ...(has.gpu === 'math' ? ['math'] : []),
    ...(has.torch ? ['pytorch'] : []),
    ...(flavor === 'devel' ? ['devel'] : []),
  ].join('-')
  return {
    id,
    python,
    cuda: has.gpu === null ? null : cuda,
    math: has.gpu === 'math',
    framework: has.torch ? { name: 'pytorch', version: torch, cuda: false } : null,
    flavor,
    state: 'available',
    source: {
      kind: 'debian',
      suite,
      packages: [
        ...debianBasePackages,
        ...(has.gpu === null ? [] : [cudart]),
        ...(has.gpu === 'math' ? math : []),
        ...(has.torch ? ['python3-torch'] : []),
        ...(flavor === 'devel' ? develPackages : []),
      ],
    },
    notes: [
      'NumPy and Pillow',
      ...(has.gpu === null ? [] : ['CUDA runtime library']),
      ...(has.gpu === 'math' ? ['cuBLAS'] : []),
      ...(has.torch ? [`PyTorch ${torch} without CUDA`] : []),
      ...(flavor === 'devel' ? ['g++, make and Python headers'] : []),
    ],
  }
}
