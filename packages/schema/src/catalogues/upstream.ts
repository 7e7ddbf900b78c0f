import type { Catalogue, CatalogueEntry } from '../catalogue.ts'

const pythons = ['3.6', '3.7', '3.8', '3.9', '3.10', '3.11', '3.12', '3.13'] as const

interface CudaRelease {
  cuda: string
  /** Last patch level that was published for the version, as in the image's tag. */
  tag: string
  ubuntu: string
  state: CatalogueEntry['state']
}

/**
 * NVIDIA's images by CUDA version. The vendor deletes tags some months after their end of life; all of 9.x and 10.x and the
 * early patch levels of 11.x went in 2023, so the last patch level is named. Those that real model configs still ask for can come from an
 * operator's mirror; 9.1 was never in wide use.
 */
const cudaReleases: CudaRelease[] = [
  { cuda: '9.0', tag: '9.0', ubuntu: '16.04', state: 'operator-mirror' },
  { cuda: '9.1', tag: '9.1', ubuntu: '16.04', state: 'gone' },
  { cuda: '9.2', tag: '9.2', ubuntu: '18.04', state: 'operator-mirror' },
  { cuda: '10.0', tag: '10.0', ubuntu: '18.04', state: 'operator-mirror' },
  { cuda: '10.1', tag: '10.1', ubuntu: '18.04', state: 'operator-mirror' },
  { cuda: '10.2', tag: '10.2', ubuntu: '18.04', state: 'operator-mirror' },
  { cuda: '11.0', tag: '11.0.3', ubuntu: '20.04', state: 'available' },
  { cuda: '11.1', tag: '11.1.1', ubuntu: '20.04', state: 'available' },
  { cuda: '11.2', tag: '11.2.2', ubuntu: '20.04', state: 'available' },
  { cuda: '11.3', tag: '11.3.1', ubuntu: '20.04', state: 'available' },
  { cuda: '11.4', tag: '11.4.3', ubuntu: '20.04', state: 'available' },
  { cuda: '11.5', tag: '11.5.2', ubuntu: '20.04', state: 'available' },
  { cuda: '11.6', tag: '11.6.2', ubuntu: '20.04', state: 'available' },
  { cuda: '11.7', tag: '11.7.1', ubuntu: '22.04', state: 'available' },
  { cuda: '11.8', tag: '11.8.0', ubuntu: '22.04', state: 'available' },
  { cuda: '12.0', tag: '12.0.1', ubuntu: '22.04', state: 'available' },
  { cuda: '12.1', tag: '12.1.1', ubuntu: '22.04', state: 'available' },
  { cuda: '12.2', tag: '12.2.2', ubuntu: '22.04', state: 'available' },
  { cuda: '12.3', tag: '12.3.2', ubuntu: '22.04', state: 'available' },
  { cuda: '12.4', tag: '12.4.1', ubuntu: '22.04', state: 'available' },
  { cuda: '12.5', tag: '12.5.1', ubuntu: '22.04', state: 'available' },
  { cuda: '12.6', tag: '12.6.3', ubuntu: '22.04', state: 'available' },
]

interface FrameworkRelease {
  name: 'tensorflow' | 'pytorch'
  version: string
  pythons: string[]
  /** CUDA versions that the published GPU wheels were built for; empty when only the CPU wheel is offered. */
  cudas: string[]
  cpuWheel: string
  gpuWheel: string
}

/** The first release that fits is taken. The versions of the original service come first where their wheels still fit. */
const frameworkReleases: FrameworkRelease[] = [
  wheels('tensorflow', '1.12.0', ['3.6'], ['9.0'], 'tensorflow==1.12.0', 'tensorflow-gpu==1.12.0'),
  wheels('tensorflow', '1.15.0', ['3.7'], ['10.0'], 'tensorflow==1.15.0', 'tensorflow-gpu==1.15.0'),
  wheels('tensorflow', '1.15.0', ['3.6'], ['10.0'], 'tensorflow==1.15.0', 'tensorflow-gpu==1.15.0'),
  wheels('tensorflow', '2.3.4', ['3.6', '3.7', '3.8'], ['10.1'], 'tensorflow==2.3.4', 'tensorflow==2.3.4'),
  wheels('tensorflow', '2.4.4', ['3.6', '3.7', '3.8'], ['11.0'], 'tensorflow==2.4.4', 'tensorflow==2.4.4'),
  wheels('tensorflow', '2.11.1', ['3.7', '3.8', '3.9', '3.10'], ['11.2'], 'tensorflow==2.11.1', 'tensorflow==2.11.1'),
  wheels('tensorflow', '2.14.1', ['3.9', '3.10', '3.11'], ['11.8'], 'tensorflow==2.14.1', 'tensorflow==2.14.1'),
  wheels('tensorflow', '2.17.1', ['3.9', '3.10', '3.11', '3.12'], ['12.3'], 'tensorflow==2.17.1', 'tensorflow==2.17.1'),
  wheels('pytorch', '1.0.0', ['3.6', '3.7'], ['9.0'], 'torch==1.0.0', 'torch==1.0.0'),
  wheels('pytorch', '1.2.0', ['3.6', '3.7'], ['10.0'], 'torch==1.2.0', 'torch==1.2.0'),
  wheels('pytorch', '1.4.0', ['3.6', '3.7', '3.8'], ['10.1'], 'torch==1.4.0', 'torch==1.4.0'),
  wheels('pytorch', '1.10.2', ['3.6', '3.7', '3.8', '3.9'], ['10.2'], 'torch==1.10.2', 'torch==1.10.2'),
  wheels('pytorch', '1.13.1', ['3.7', '3.8', '3.9', '3.10', '3.11'], ['11.7'], 'torch==1.13.1', 'torch==1.13.1'),
  wheels('pytorch', '2.2.2', ['3.8', '3.9', '3.10', '3.11', '3.12'], ['12.1'], 'torch==2.2.2', 'torch==2.2.2'),
  wheels('pytorch', '2.6.0', ['3.9', '3.10', '3.11', '3.12', '3.13'], ['12.4'], 'torch==2.6.0', 'torch==2.6.0'),
]

/** Base images on public images: known by schema and rendering; what an installation pulls is recorded by digest. */
export const upstreamCatalogue: Catalogue = {
  name: 'upstream',
  entries: pythons.flatMap((python) =>
    (['runtime', 'devel'] as const).flatMap((flavor) =>
      [null, ...cudaReleases].flatMap((release) => [
        entry(python, release, flavor, null),
        ...(['tensorflow', 'pytorch'] as const).flatMap((name) => {
          const framework = frameworkFor(name, python, release?.cuda ?? null)
          return framework ? [entry(python, release, flavor, framework)] : []
        }),
      ]),
    ),
  ),
}

function wheels(
  name: FrameworkRelease['name'],
  version: string,
  pythons: string[],
  cudas: string[],
  cpuWheel: string,
  gpuWheel: string,
): FrameworkRelease {
  return { name, version, pythons, cudas, cpuWheel, gpuWheel }
}

function frameworkFor(name: string, python: string, cuda: string | null): FrameworkRelease | undefined {
  return frameworkReleases.find(
    (release) =>
      release.name === name && release.pythons.includes(python) && (cuda === null || release.cudas.includes(cuda)),
  )
}

function entry(
  python: string,
  release: CudaRelease | null,
  flavor: CatalogueEntry['flavor'],
  framework: FrameworkRelease | null,
): CatalogueEntry {
  const id = [
    'upstream',
    python,
    release ? `cuda${release.cuda}` : 'cpu',
    ...(framework ? [framework.name] : []),
    ...(flavor === 'devel' ? ['devel'] : []),
  ].join('-')
  return {
    id,
    python,
    cuda: release?.cuda ?? null,
    // The vendor's runtime images bring cuBLAS and its kin.
    math: release !== null,
    framework: framework ? { name: framework.name, version: framework.version, cuda: release !== null } : null,
    flavor,
    state: release?.state ?? 'available',
    source: {
      kind: 'image',
      reference: release ? `nvidia/cuda:${release.tag}-${flavor}-ubuntu${release.ubuntu}` : 'debian:bookworm-slim',
      recipe: recipe(python, flavor, framework && (release ? framework.gpuWheel : framework.cpuWheel)),
    },
    notes: [
      'NumPy and Pillow',
      'conda in /miniconda',
      ...(release ? [`CUDA ${release.cuda} libraries`] : []),
      ...(framework ? [`${framework.name} ${framework.version}`] : []),
      ...(flavor === 'devel' ? [release ? 'CUDA compiler, g++ and make' : 'g++ and make'] : []),
    ],
  }
}

/** Python comes from conda-forge, which still carries 3.6 and runs on all these systems; the original images had it in the same place. */
function recipe(python: string, flavor: CatalogueEntry['flavor'], wheel: string | null): string[] {
  const packages = [
    'ca-certificates',
    'curl',
    'wget',
    'git',
    'unzip',
    'bzip2',
    ...(flavor === 'devel' ? ['g++', 'make'] : []),
  ]
  return [
    `RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ${packages.join(' ')}`,
    'COPY --from=mambaorg/micromamba:2.0.5 /bin/micromamba /usr/local/bin/micromamba',
    `RUN micromamba create -y -p /miniconda -c conda-forge python=${python} pip setuptools wheel numpy pillow && micromamba clean -a -y && ln -s /usr/local/bin/micromamba /usr/local/bin/conda`,
    'ENV MAMBA_ROOT_PREFIX=/miniconda',
    'ENV PATH=/miniconda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...(wheel ? [`RUN pip install --no-cache-dir ${wheel}`] : []),
    'WORKDIR /model',
  ]
}
