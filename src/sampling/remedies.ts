/** Where a remedy is written down: a command to type, or a line of a file. */
export const PLACES = ['shell', 'systemd', 'docker', 'compose', 'kubernetes'] as const
export type Place = (typeof PLACES)[number]

/** One line that mends something; docs/containers.md shows each in its whole file. */
export interface Remedy {
  readonly place: Place
  readonly line: string
}

/** The page that shows the remedies in whole files; hints name it. */
export const CONTAINERS_PAGE = 'docs/containers.md'

/** What can be in the way of reading a process, as far as somebody can mend it. */
export type Obstacle =
  /** pyprof has no CAP_SYS_PTRACE. */
  | 'capability'
  /** The same, and CAP_SYS_PTRACE is only needed because of kernel.yama.ptrace_scope = 1. */
  | 'yama-1'
  | 'yama-3'
  | 'user-namespace'
  | 'pid-namespace'
  | 'hidepid'
  | 'seccomp'
  | 'processors'
  | 'version'

/** `pyprof record` as root, with the caller's PATH, since sudo's own often lacks node and pyprof. */
export function sudoRecord(pid: number | 'PID'): string {
  return `sudo env "PATH=$PATH" pyprof record --pid ${pid}`
}

const ON_THE_HOST = '  # on the host, with the pid as the host sees it'

/** Whether a line works only where sudo can still give the capability to pyprof. */
export function needsSudoHere(line: string): boolean {
  return line.startsWith('sudo ') && !line.endsWith(ON_THE_HOST)
}

/**
 * The exact lines against an obstacle, in the order of PLACES; none where nothing helps. Words in
 * capitals are for the reader to replace: NAME, POD, CONTAINER, IMAGE, COMMAND, LIST (of processors).
 */
export function remediesFor(obstacle: Obstacle, pid: number | 'PID' = 'PID'): readonly Remedy[] {
  const lines: Partial<Record<Place, readonly string[]>> = LINES[obstacle](pid)
  return PLACES.flatMap((place) => (lines[place] ?? []).map((line) => ({ place, line })))
}

type Lines = Partial<Record<Place, readonly string[]>>

function capability(pid: number | 'PID'): Lines {
  return {
    shell: [sudoRecord(pid)],
    systemd: ['AmbientCapabilities=CAP_SYS_PTRACE'],
    docker: ['docker run --user 0 --cap-add=SYS_PTRACE …'],
    compose: ['user: "0"', 'cap_add: [SYS_PTRACE]'],
    kubernetes: ['securityContext: {runAsUser: 0, capabilities: {add: [SYS_PTRACE]}}'],
  }
}

const LINES: Record<Obstacle, (pid: number | 'PID') => Lines> = {
  capability,
  'yama-1': (pid) => ({
    ...capability(pid),
    shell: ['pyprof record -- COMMAND', sudoRecord(pid), 'sudo sysctl kernel.yama.ptrace_scope=0'],
  }),
  // Yama belongs to the kernel, so to the host, wherever pyprof runs.
  'yama-3': () => ({
    shell: [
      "echo 'kernel.yama.ptrace_scope = 1' | sudo tee /etc/sysctl.d/99-ptrace.conf && sudo reboot",
    ],
  }),
  'user-namespace': (pid) => ({
    shell: [sudoRecord(pid) + ON_THE_HOST],
    systemd: ['PrivateUsers=no'],
    docker: ['docker run --userns=host --user 0 --cap-add=SYS_PTRACE …'],
    compose: ['userns_mode: host'],
    kubernetes: ['hostUsers: true'],
  }),
  'pid-namespace': () => ({
    shell: [sudoRecord('PID') + ON_THE_HOST],
    docker: ['docker run --pid=container:NAME --user 0 --cap-add=SYS_PTRACE …'],
    compose: ['pid: service:NAME'],
    kubernetes: [
      'shareProcessNamespace: true',
      'kubectl debug -it POD --image=IMAGE --target=CONTAINER --profile=general',
    ],
  }),
  hidepid: (pid) => ({
    shell: [sudoRecord(pid), 'sudo mount -o remount,hidepid=0 /proc'],
    systemd: ['ProtectProc=default'],
  }),
  seccomp: () => ({
    systemd: ['SystemCallFilter=process_vm_readv'],
    docker: ['docker run --cap-add=SYS_PTRACE --security-opt seccomp=unconfined …'],
    compose: ['security_opt: ["seccomp:unconfined"]'],
    kubernetes: ['securityContext: {seccompProfile: {type: Unconfined}}'],
  }),
  processors: (pid) => ({
    shell: [`pyprof record --read live --pid ${pid}`],
    systemd: ['AllowedCPUs=LIST'],
    docker: ['docker run --cpuset-cpus=LIST …'],
    compose: ['cpuset: "LIST"'],
  }),
  version: () => ({
    shell: ['uv run --python 3.14 COMMAND'],
    docker: ['FROM python:3.14'],
    compose: ['image: python:3.14'],
    kubernetes: ['image: python:3.14'],
  }),
}
