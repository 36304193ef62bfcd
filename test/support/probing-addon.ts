import { type Addon, NOT_SEARCHED, type Probe } from '../../src/sampling/addon.ts'

export const NOT_PYTHON: Probe = { ok: false, code: 'not-python', detail: '' }

/** What a readable Python answers. */
export function readable(
  version: string,
  parts: Partial<Extract<Probe, { ok: true }>> = {},
): Probe {
  const remoteDebugging = version.startsWith('3.13') ? null : true
  return {
    ok: true,
    version,
    runtimeAddress: '0x5000',
    freeThreaded: false,
    remoteDebugging,
    ...parts,
  }
}

/** An addon that gives these answers; a pid without one is no Python. */
export class ProbingAddon implements Addon {
  /** Pids that were probed one by one, with a search of their memory. */
  readonly searched: number[] = []
  readonly #answers: Readonly<Record<number, Probe>>
  readonly #byFiles: Readonly<Record<number, Probe>>
  readonly #processors: readonly number[]

  /** @param hidden answers that only a search of the memory gives */
  constructor(
    answers: Readonly<Record<number, Probe>>,
    hidden: Readonly<Record<number, Probe>> = {},
    processors: readonly number[] = [0, 1, 2, 3],
  ) {
    const notSearched: Probe = { ok: false, code: 'not-python', detail: NOT_SEARCHED }
    this.#answers = { ...answers, ...hidden }
    this.#byFiles = {
      ...answers,
      ...Object.fromEntries(Object.keys(hidden).map((pid) => [pid, notSearched])),
    }
    this.#processors = processors
  }

  probe(pid: number): Probe {
    this.searched.push(pid)
    return this.#answers[pid] ?? NOT_PYTHON
  }

  probeMany(pids: readonly number[]): readonly Probe[] {
    return pids.map((pid) => this.#byFiles[pid] ?? NOT_PYTHON)
  }

  reachableProcessors(): readonly number[] {
    return this.#processors
  }

  openExec(): never {
    throw new Error('Nothing runs in a target here.')
  }

  dump(): never {
    throw new Error('Nothing is dumped here.')
  }

  createSampler(): never {
    throw new Error('Nothing is recorded here.')
  }
}
