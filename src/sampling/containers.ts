import { type Proc, readStatus } from './proc.ts'

/** What is known of the container that a process runs in. */
export interface Container {
  /** Who made it: `docker`, `containerd`, `cri-o`, `podman`, `lxc`, `nspawn`, `ecs`; '' unknown. */
  readonly runtime: string
  /** As its runtime names it, whole; '' when only the pid namespace tells of a container. */
  readonly id: string
  /** Kubernetes' uid of the pod; '' outside of one. */
  readonly pod: string
  /** Its process id in its own pid namespace; 0 when that is ours. */
  readonly pidInside: number
}

/** 64 hex digits, with which Docker, containerd, CRI-O and Podman name containers. */
const ID = '([0-9a-f]{64})'

/** Names of control groups, by the runtimes that give them. Monitors outside of it do not count. */
const GROUPS: readonly (readonly [runtime: string, pattern: RegExp])[] = [
  ['docker', new RegExp(`^docker-${ID}\\.scope$`)],
  ['containerd', new RegExp(`^cri-containerd-${ID}\\.scope$`)],
  ['cri-o', new RegExp(`^crio-${ID}(?:\\.scope)?$`)],
  ['podman', new RegExp(`^libpod-${ID}(?:\\.scope)?$`)],
  ['lxc', /^lxc\.payload\.(.+)$/],
  ['nspawn', /^systemd-nspawn@(.+)\.service$/],
]
/** The same without a name of their own, told by the group above: `/docker/ID`. */
const PARENTS: readonly (readonly [runtime: string, parent: RegExp, pattern: RegExp])[] = [
  ['docker', /^docker$/, new RegExp(`^${ID}$`)],
  ['podman', /^libpod_parent$/, new RegExp(`^libpod-${ID}$`)],
  ['lxc', /^lxc$/, /^(.+)$/],
  ['ecs', /^[0-9a-f]{32}$/, /^([0-9a-f]{32}-\d+|[0-9a-f]{64})$/],
]
const BARE_ID = new RegExp(`^${ID}$`)
const POD = /pod([0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12})/

/**
 * The container of a process, by its control groups and pid namespaces, which everybody may see;
 * undefined when neither tells of one. A container that shares our pid namespace and whose control
 * group is hidden from us cannot be told from none.
 */
export function containerOf(proc: Proc, pid: number): Container | undefined {
  const inner = readStatus(proc, pid)?.namespacePids ?? []
  const pidInside = inner.length > 1 ? (inner.at(-1) ?? 0) : 0
  const paths = groupPaths(proc.read(pid, 'cgroup') ?? '')
  const named = paths.map(nameIn).find((found) => found !== undefined)
  if (named === undefined && pidInside === 0) return undefined
  const pod = paths.map((path) => POD.exec(path)?.[1]).find((uid) => uid !== undefined) ?? ''
  return { runtime: '', id: '', ...named, pod: pod.replaceAll('_', '-'), pidInside }
}

/** The third field of each line, cgroups(7): `hierarchy:controllers:path`. */
function groupPaths(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(':').slice(2).join(':'))
}

/** The innermost container on the way, since one can run inside another. */
function nameIn(path: string): Pick<Container, 'runtime' | 'id'> | undefined {
  const groups = path.split('/').filter((group) => group !== '')
  for (let at = groups.length - 1; at >= 0; at--) {
    const [group = '', parent = ''] = [groups[at], groups[at - 1]]
    for (const [runtime, pattern] of GROUPS) {
      const id = pattern.exec(group)?.[1]
      if (id !== undefined) return { runtime, id }
    }
    for (const [runtime, above, pattern] of PARENTS) {
      const id = above.test(parent) ? pattern.exec(group)?.[1] : undefined
      if (id !== undefined) return { runtime, id }
    }
    const id = BARE_ID.exec(group)?.[1]
    if (id !== undefined) return { runtime: '', id }
  }
  return undefined
}
