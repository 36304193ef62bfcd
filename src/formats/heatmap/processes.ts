import { NO_STACK, type ProcessIndex, type Profile } from '../../profile/profile.ts'

/** The processes that ran code of a file, by file, in their order in the profile. */
export function filesOfProcesses(profile: Profile): Map<string, readonly ProcessIndex[]> {
  const { samples, stacks, frames, functions, strings, threads, processes } = profile
  const leaves = processes.map(() => new Set<number>())
  for (let row = 0; row < samples.length; row++) {
    leaves[threads[samples.thread[row]!]!.process]?.add(samples.stack[row]!)
  }
  const result = new Map<string, ProcessIndex[]>()
  for (const [process, own] of leaves.entries()) {
    const seen = new Set<number>()
    const files = new Set<number>()
    for (const leaf of own) {
      for (
        let stack = leaf;
        stack !== NO_STACK && !seen.has(stack);
        stack = stacks.parent[stack]!
      ) {
        seen.add(stack)
        files.add(functions.file[frames.function[stacks.frame[stack]!]!]!)
      }
    }
    for (const file of files) {
      const path = strings[file]!
      const known = result.get(path)
      if (known) known.push(process)
      else result.set(path, [process])
    }
  }
  return result
}
