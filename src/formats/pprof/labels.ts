import { QUALITY, REASONS } from '../../profile/profile.ts'
import type { WireReader } from './wire.ts'

/** What the labels of a sample say; 0 and '' when they do not. */
export interface Labels {
  readonly threadName: string
  readonly threadId: number
  readonly pid: number
  readonly interpreter: number
  /** Index into QUALITY; -1 when they do not say it. */
  readonly quality: number
  /** Index into REASONS. */
  readonly reason: number
}

/** Keys of pyprof and of other writers, the most telling first. */
const THREAD_NAME = ['thread_name', 'thread name', 'thread']
const THREAD_ID = ['thread_id', 'thread native id', 'Thread ID', 'thread id', 'tid']
const PROCESS_ID = ['pid', 'Process ID', 'process_id', 'process id']
const INTERPRETER = ['interpreter', 'Interpreter ID']

/** @throws Malformed */
export function readLabels(
  readers: readonly WireReader[],
  text: (index: number) => string,
): Labels {
  const found = new Map<string, string | number>()
  for (const reader of readers) {
    let [key, string, number] = [0, 0, 0]
    while (reader.next()) {
      if (reader.field === 1) key = reader.number()
      else if (reader.field === 2) string = reader.number()
      else if (reader.field === 3) number = reader.number()
      else reader.skip()
    }
    found.set(text(key), string === 0 ? number : text(string))
  }
  const first = (keys: readonly string[]) => found.get(keys.find((key) => found.has(key)) ?? '')
  const id = (keys: readonly string[]) => {
    const value = Number(first(keys))
    return Number.isSafeInteger(value) && value > 0 ? value : 0
  }
  const index = (names: readonly string[], key: string) => names.indexOf(String(found.get(key)))
  return {
    threadName: String(first(THREAD_NAME) ?? ''),
    threadId: id(THREAD_ID),
    pid: id(PROCESS_ID),
    interpreter: id(INTERPRETER),
    quality: index(QUALITY, 'quality'),
    reason: Math.max(0, index(REASONS, 'reason')),
  }
}
