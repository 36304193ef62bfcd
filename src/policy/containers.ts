import type { Container } from '../sampling/containers.ts'
import { globMatches } from './glob.ts'

/** The forms that patterns of containers are compared with, for people. */
export const CONTAINER_FORMS = 'docker, docker:ID, pod:UID'

/** The pattern of processes that are in no container that can be told. */
const NONE = 'none'

/** Whether a pattern fits the container that a process is in; null: none that can be told. */
export function containerMatches(pattern: string, container: Container | null): boolean {
  if (container === null || pattern === NONE) return container === null && pattern === NONE
  return containerNames(container).some((name) => globMatches(pattern, name))
}

function containerNames({ runtime, id, pod }: Container): readonly string[] {
  const name = runtime === '' ? 'unknown' : runtime
  return [name, `${name}:${id}`, ...(pod === '' ? [] : [`pod:${pod}`])]
}

/** A container as a policy can name it: `docker:4f5a…`; '' for none that can be told. */
export function containerLabel(container: Container | null): string {
  return container === null ? '' : (containerNames(container)[1] ?? '')
}
